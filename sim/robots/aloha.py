"""ALOHA: two ViperX 300 6DOF arms that face each other over a table, as data and as a MuJoCo description.

Zhao et al. 2023, "Learning Fine-Grained Bimanual Manipulation with Low-Cost Hardware" (arXiv 2304.13705). Model: MuJoCo
Menagerie ``aloha/scene.xml`` (BSD-3). Frame ``world``: on the table, x from the left to the right arm, y away from the
operator, z up. Joint velocity limit: Interbotix ``vx300s.urdf.xacro``; accelerations and jerks are not published, the
values here are what the simulated servos follow.
"""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.errors import RobotModelError
from sim.robots.menagerie import menagerie_file
from sim.robots.panda import ActuatorGains

SIDES = ("left", "right")
ARM_JOINTS = ("waist", "shoulder", "elbow", "forearm_roll", "wrist_angle", "wrist_rotate")
ARM = len(ARM_JOINTS)
PER_SIDE = ARM + 1
JOINT_NAMES: tuple[str, ...] = tuple(f"{side}_{joint}" for side in SIDES for joint in (*ARM_JOINTS, "gripper"))
"""Commanded joints, left arm first, its gripper last. In the model a slash stands for the first underscore."""

ARM_ROWS = np.array([i for i in range(2 * PER_SIDE) if i % PER_SIDE < ARM])
GRIPPER_ROWS = np.array([ARM, PER_SIDE + ARM])

FRAME = "world"
BASES: dict[str, tuple[float, float, float]] = {"left": (-0.469, -0.019, 0.02), "right": (0.469, -0.019, 0.02)}
"""Base of each arm [m]; the left one looks along +x, the right one along -x."""
HEADINGS = {"left": 0.0, "right": np.pi}
"""Yaw of each base [rad]."""

TOOL_SITES = {side: f"{side}/pinch" for side in SIDES}
TOOL_REACH = 0.143
"""From the wrist's rotation axis frame along it to where the fingertips touch what they hold [m]."""

FINGER_RANGE = (0.002, 0.037)
"""Commandable travel of a finger [m]; the measured one reaches from 0 to 0.041."""
CLOSED_FINGER = 0.0083
"""Finger position at which the fingertips touch each other [m]; they are ``2 (finger - CLOSED_FINGER)`` apart."""

HOME: NDArray[np.float64] = np.array([0.0, -0.96, 1.16, 0.0, -0.3, 0.0, FINGER_RANGE[1]] * 2)
"""(14,) Menagerie's neutral pose with open grippers [rad, m]."""

_ARM_LIMITS = [(-3.14158, 3.14158), (-1.85005, 1.25664), (-1.76278, 1.6057), (-3.14158, 3.14158), (-1.8675, 2.23402),
               (-3.14158, 3.14158)]  # fmt: skip
POSITION_LIMITS: NDArray[np.float64] = np.array([*_ARM_LIMITS, FINGER_RANGE] * 2)
"""(14, 2) lower and upper command limits [rad, m]."""
VELOCITY_LIMITS: NDArray[np.float64] = np.array([*[np.pi] * ARM, 0.2] * 2)
"""(14,) [rad/s, m/s]."""
ACCELERATION_LIMITS: NDArray[np.float64] = np.array([*[15.0] * ARM, 10.0] * 2)
"""(14,) [rad/s^2, m/s^2]."""
JERK_LIMITS: NDArray[np.float64] = np.array([*[4000.0] * ARM, 1000.0] * 2)
"""(14,) [rad/s^3, m/s^3]."""


def model_name(joint: str) -> str:
    """Name in the model of a joint of ``JOINT_NAMES``; that of a gripper's actuator, whose joint is the left finger."""
    return joint.replace("_", "/", 1)


def robot_spec() -> mujoco.MjSpec:
    """Editable description of both arms on their table, with a site where each gripper pinches.

    Gravity is compensated, as in ``sim.robots.panda``: the servos of the real arms sag by some millimetres, for which
    operator and policy make up alike.

    Raises:
        RobotAssetsError: the model is not installed.
        RobotModelError: the model lacks a body that a tool site needs.
    """
    spec = mujoco.MjSpec.from_file(str(menagerie_file("aloha", "scene.xml")))
    for body in spec.bodies:
        body.gravcomp = 1.0
    for key in list(spec.keys):
        spec.delete(key)
    for side, site in TOOL_SITES.items():
        wrist = spec.body(f"{side}/gripper_link")
        if wrist is None:
            raise RobotModelError(
                f"the ALOHA model has no body '{side}/gripper_link'.", "use scene.xml of the 0.3.0 asset wheel."
            )
        wrist.add_site(name=site, pos=(TOOL_REACH, 0.0, 0.0), group=5)
    return spec


def actuator_gains(model: mujoco.MjModel) -> ActuatorGains:
    """PD gains in the order of ``JOINT_NAMES``; the arms' damping is that of their joints.

    Raises:
        RobotModelError: an actuator is missing.
    """
    stiffness, damping, effort = np.zeros(14), np.zeros(14), np.zeros(14)
    for row, name in enumerate(JOINT_NAMES):
        actuator = int(mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_ACTUATOR, model_name(name)))
        if actuator < 0:
            raise RobotModelError(
                f"the ALOHA model has no actuator '{model_name(name)}'.", "use scene.xml of the 0.3.0 asset wheel."
            )
        joint = int(model.actuator_trnid[actuator, 0])
        stiffness[row] = -model.actuator_biasprm[actuator, 1]
        damping[row] = model.dof_damping[model.jnt_dofadr[joint]] - model.actuator_biasprm[actuator, 2]
        effort[row] = model.jnt_actfrcrange[joint, 1] if model.jnt_actfrclimited[joint] else np.inf
    return ActuatorGains(stiffness, damping, effort)
