"""The Franka Emika Panda with its hand, as data: names, home, limits, actuator gains, and its MuJoCo description.

Sources. Limits: Franka Control Interface documentation, "Robot and interface specifications", tables "Joint space
limits" (Panda / FER). Home: the "ready" pose of franka_ros and franka_ros2. Finger speed: ``franka_description``
(panda_finger_joint velocity 0.2 m/s); acceleration and jerk of a finger are not published by Franka, the values here
are what the simulated gripper follows without visible lag. Model: MuJoCo Menagerie ``franka_emika_panda/panda.xml``.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.errors import RobotModelError
from sim.robots.kinematics import ChainLink, kinematic_chain
from sim.robots.menagerie import menagerie_file

__all__ = [
    "ACCELERATION_LIMITS", "ARM_JOINT_NAMES", "ActuatorGains", "ChainLink", "FINGER_RANGE", "HOME",
    "JERK_LIMITS", "JOINT_NAMES", "POSITION_LIMITS", "TOOL_OFFSET", "VELOCITY_LIMITS", "actuator_gains",
    "kinematic_chain", "kinematics_model", "robot_spec",
]  # fmt: skip

PREFIX = "panda_"
BASE_BODY = "panda_link0"
HAND_BODY = "panda_hand"
TOOL_SITE = "panda_hand_tcp"
"""Grasp centre between the fingertips; franka_description calls the same frame ``panda_hand_tcp``."""

ARM_JOINT_NAMES: tuple[str, ...] = tuple(f"panda_joint{i}" for i in range(1, 8))
JOINT_NAMES: tuple[str, ...] = (*ARM_JOINT_NAMES, "panda_finger_joint1")
"""Commanded joints in the order of franka's ros2_control configuration; the second finger mimics the first."""

MIMIC_FINGER = "panda_finger_joint2"
FINGER_RANGE = (0.0, 0.04)
"""Travel of one finger [m]; the opening between the fingertips is twice the finger position."""

TOOL_OFFSET = (0.0, 0.0, 0.1034)
"""Grasp centre in the hand frame [m]: the offset of ``panda_hand_tcp`` in franka_description."""

HOME: NDArray[np.float64] = np.array([0.0, -np.pi / 4, 0.0, -3 * np.pi / 4, 0.0, np.pi / 2, np.pi / 4, 0.04])
"""(8,) ready pose in the order of ``JOINT_NAMES``: gripper open, pointing straight down [rad, m]."""

POSITION_LIMITS: NDArray[np.float64] = np.array(
    [(-2.8973, 2.8973), (-1.7628, 1.7628), (-2.8973, 2.8973), (-3.0718, -0.0698), (-2.8973, 2.8973), (-0.0175, 3.7525),
     (-2.8973, 2.8973), FINGER_RANGE]
)  # fmt: skip
"""(8, 2) lower and upper position limits [rad, m]."""

VELOCITY_LIMITS: NDArray[np.float64] = np.array([2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61, 0.2])
"""(8,) [rad/s, m/s]."""

ACCELERATION_LIMITS: NDArray[np.float64] = np.array([15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0, 10.0])
"""(8,) [rad/s^2, m/s^2]."""

JERK_LIMITS: NDArray[np.float64] = np.array([7500.0, 3750.0, 5000.0, 6250.0, 7500.0, 10000.0, 10000.0, 1000.0])
"""(8,) [rad/s^3, m/s^3]."""


SERVO_DAMPING = (180.0, 180.0, 140.0, 140.0, 50.0, 50.0, 50.0)
"""Damping of the arm's servos [N m s/rad], below Menagerie's (450, 450, 350, 350, 200, 200, 200).

Menagerie's wrist servos have stiffness 2000, damping 200 and an effort limit of 12 N m on an inertia of about
0.12 kg m^2. Once saturated they chatter between the limits for ever, because one 2 ms step at 12 N m changes the
damping torque by more than 24 N m (damping > 2 inertia / dt = 120). The lower values avoid that, still overdamped,
and reduce the lag damping / stiffness from 100 ms to 25-40 ms, nearer to the real controller, which lags milliseconds.
"""


@dataclass(frozen=True)
class ActuatorGains:
    """PD gains of the joint position servos, effort = stiffness (command - position) - damping velocity.

    Attributes:
        stiffness: (8,) [N m/rad, N/m].
        damping: (8,) [N m s/rad, N s/m].
        effort_limit: (8,) [N m, N].
    """

    stiffness: NDArray[np.float64]
    damping: NDArray[np.float64]
    effort_limit: NDArray[np.float64]


def robot_spec(visual: bool = True) -> mujoco.MjSpec:
    """Editable description of the robot: the Menagerie file, gravity compensated, with the tool site added.

    Gravity compensation is what the real controller does in firmware: its position interfaces show no sag.

    Args:
        visual: keep the 58 geoms that touch nothing. The physics is the same without them, and a step a fifth cheaper.

    Raises:
        RobotAssetsError: the model is not installed.
        RobotModelError: the model lacks a body that the tool site needs.
    """
    spec = mujoco.MjSpec.from_file(str(menagerie_file("franka_emika_panda", "panda.xml")))
    hand = spec.body("hand")
    if hand is None:
        raise RobotModelError("the Panda model has no body 'hand'.", "use panda.xml of the 0.3.0 asset wheel.")
    hand.add_site(name=TOOL_SITE.removeprefix(PREFIX), pos=TOOL_OFFSET, group=5)
    for body in spec.bodies:
        body.gravcomp = 1.0
    for servo, damping in zip(list(spec.actuators)[:7], SERVO_DAMPING, strict=True):
        servo.biasprm[2] = -damping
    for key in list(spec.keys):
        spec.delete(key)
    if not visual:
        for geom in list(spec.geoms):
            if geom.contype == 0 and geom.conaffinity == 0:
                spec.delete(geom)
    return spec


def kinematics_model() -> mujoco.MjModel:
    """The robot without meshes, actuators and contacts, names prefixed: for inverse kinematics, compiles in 1 ms."""
    robot = robot_spec()
    for geom in list(robot.geoms):
        robot.delete(geom)
    for mesh in list(robot.meshes):
        robot.delete(mesh)
    spec = mujoco.MjSpec()
    spec.option.integrator = robot.option.integrator
    spec.attach(robot, prefix=PREFIX, frame=spec.worldbody.add_frame())
    return spec.compile()


def actuator_gains(model: mujoco.MjModel) -> ActuatorGains:
    """Reads the PD gains from the compiled actuators, in the order of ``JOINT_NAMES``.

    The gripper's actuator drives the tendon ``(finger1 + finger2) / 2``, whose length is the finger position.

    Raises:
        RobotModelError: an actuator is missing or is not a position servo.
    """
    names = [f"{PREFIX}actuator{i}" for i in range(1, 9)]
    ids = [int(mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_ACTUATOR, name)) for name in names]
    if min(ids) < 0:
        raise RobotModelError(
            f"actuator '{names[ids.index(min(ids))]}' is missing.", "use panda.xml of the asset wheel."
        )
    bias = model.actuator_biasprm[ids]
    if np.any(bias[:, 1] >= 0.0) or np.any(bias[:, 2] > 0.0):
        raise RobotModelError(
            "an actuator of the Panda model is not a position servo.", "use panda.xml of the asset wheel."
        )
    return ActuatorGains(-bias[:, 1].copy(), -bias[:, 2].copy(), model.actuator_forcerange[ids, 1].copy())
