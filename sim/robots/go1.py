"""The Unitree Go1 as data: joints, default pose, gains, limits, feet, and its MuJoCo description for 200 Hz physics.

Sources. Kinematics, inertias and effort limits: MuJoCo Menagerie ``unitree_go1/go1.xml``. Joint speeds: Unitree's
``go1_description`` (30.1 rad/s, knee 20.06 rad/s). Reflected inertia: rotor 1.11842e-4 kg m^2 behind gears of 6 (hip,
thigh) and 9 (knee), the figures that mjlab uses. Gains: those of MuJoCo Playground's Go1 (Zakka et al. 2025, arXiv
2502.08844); action scale: that of legged_gym's small Unitree robots (Rudin et al. 2021, arXiv 2109.11978).

A policy must be deployed with the gains it was trained with: everything else in Keel reads them from here.
"""

from __future__ import annotations

from typing import Final

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.errors import RobotModelError
from sim.robots.menagerie import menagerie_file

LEGS: Final = ("FR", "FL", "RR", "RL")
"""Order of the legs in the model, which is also that of Unitree's SDK."""
JOINT_NAMES: Final[tuple[str, ...]] = tuple(
    f"{leg}_{joint}_joint" for leg in LEGS for joint in ("hip", "thigh", "calf")
)
"""Joints in model order: abduction ("hip"), hip pitch ("thigh") and knee ("calf") of each leg."""
FOOT_GEOMS: Final[tuple[str, ...]] = LEGS
FOOT_SITES: Final[tuple[str, ...]] = LEGS
"""Sites in the centre of each foot's sphere; the spheres have a radius of ``FOOT_RADIUS``."""
FOOT_RADIUS: Final = 0.023
BASE_BODY: Final = "trunk"
IMU_SITE: Final = "imu"

DEFAULT_POSE: Final[NDArray[np.float64]] = np.array([-0.1, 0.9, -1.8, 0.1, 0.9, -1.8, -0.1, 0.9, -1.8, 0.1, 0.9, -1.8])
"""(12,) joint positions that an action of zero asks for [rad]: feet under the hips, legs slightly spread."""
DEFAULT_HEIGHT: Final = 0.278
"""Height of the trunk's frame above the ground with the joints exactly in the default pose [m]."""
STIFFNESS: Final[NDArray[np.float64]] = np.full(12, 35.0)
"""(12,) [N m/rad]."""
DAMPING: Final[NDArray[np.float64]] = np.full(12, 0.5)
"""(12,) [N m s/rad]."""
ACTION_SCALE: Final = 0.25
"""Joint target = default pose + scale * action [rad per unit of action]."""
EFFORT_LIMITS: Final[NDArray[np.float64]] = np.tile([23.7, 23.7, 35.55], 4)
"""(12,) [N m]."""
VELOCITY_LIMITS: Final[NDArray[np.float64]] = np.tile([30.1, 30.1, 20.06], 4)
"""(12,) [rad/s]."""
POSITION_LIMITS: Final[NDArray[np.float64]] = np.tile([(-0.863, 0.863), (-0.686, 4.501), (-2.818, -0.888)], (4, 1))
"""(12, 2) lower and upper [rad]."""
ARMATURE: Final[NDArray[np.float64]] = 1.11842e-4 * np.tile([6.0, 6.0, 9.0], 4) ** 2
"""(12,) reflected inertia of the rotors [kg m^2]."""
JOINT_FRICTION: Final = 0.1
"""Dry friction of a joint [N m]; Menagerie has 0.2 and viscous damping 1-2 N m s/rad, far above the real gear's."""
JOINT_VISCOSITY: Final = 0.05
"""Viscous friction of a joint [N m s/rad], beside the motor's own damping gain."""


def robot_spec(meshes: bool = True, all_geoms: bool = True) -> mujoco.MjSpec:
    """Editable description of the robot: Menagerie's file with this module's gains, inertias and contact settings.

    The actuators are position servos: torque = ``STIFFNESS`` (target - position) - ``DAMPING`` velocity, cut at
    ``EFFORT_LIMITS``. Parts of the robot touch the world, not each other: that is quicker, and the joint ranges keep
    the legs apart. The feet have a point contact with a friction pyramid, which 5 ms steps resolve well.

    Args:
        meshes: keep the visual meshes; without them the model compiles and steps faster.
        all_geoms: keep every collision primitive; False keeps the feet, one box for the trunk and one capsule per
            thigh and calf, enough to tell that the robot fell.

    Raises:
        RobotAssetsError: the model is not installed.
        RobotModelError: the model is not the Go1 that this module describes.
    """
    spec = mujoco.MjSpec.from_file(str(menagerie_file("unitree_go1", "go1.xml")))
    names = tuple(joint.name for joint in spec.joints if int(joint.type) != int(mujoco.mjtJoint.mjJNT_FREE))
    if names != JOINT_NAMES:
        raise RobotModelError(
            f"the Go1 model has the joints {', '.join(names)}.", "use go1.xml of the 0.3.0 asset wheel."
        )
    for key in list(spec.keys):
        spec.delete(key)
    for light in list(spec.lights):
        spec.delete(light)
    _set_joints(spec)
    _set_geoms(spec, meshes, all_geoms)
    spec.option.cone = mujoco.mjtCone.mjCONE_PYRAMIDAL
    spec.option.impratio = 1.0
    return spec


def _set_joints(spec: mujoco.MjSpec) -> None:
    hinges = [spec.joint(name) for name in JOINT_NAMES]
    for i, (joint, servo) in enumerate(zip(hinges, spec.actuators, strict=True)):
        joint.armature = ARMATURE[i]
        joint.frictionloss = JOINT_FRICTION
        joint.damping = _like(joint.damping, JOINT_VISCOSITY)
        servo.name = servo.target = joint.name
        servo.gainprm[0] = STIFFNESS[i]
        servo.biasprm[1], servo.biasprm[2] = -STIFFNESS[i], -DAMPING[i]
        servo.forcelimited = servo.ctrllimited = 1
        servo.forcerange = (-EFFORT_LIMITS[i], EFFORT_LIMITS[i])
        # An action may ask for a target beyond the range of the joint: that is how a servo pushes at its stop.
        servo.ctrllimited = 0


def _like(current: object, value: float) -> object:
    """MuJoCo 3.5 turned joint damping into polynomial coefficients; older versions have one number."""
    array = np.atleast_1d(np.asarray(current, dtype=float))
    if array.size == 1 and not isinstance(current, np.ndarray):
        return value
    return np.concatenate([[value], np.zeros(array.size - 1)])


def _set_geoms(spec: mujoco.MjSpec, meshes: bool, all_geoms: bool) -> None:
    for geom in list(spec.geoms):
        if int(geom.type) == int(mujoco.mjtGeom.mjGEOM_MESH):
            if not meshes:
                spec.delete(geom)
            continue
        foot = geom.name in FOOT_GEOMS
        if not foot and not all_geoms and not _one_of_few(geom):
            spec.delete(geom)
            continue
        geom.contype, geom.conaffinity = 0, 1
        geom.condim = 3
        geom.margin = 0.0
        if foot:
            geom.priority = 0
            geom.friction = (0.8, 0.02, 0.01)
            geom.solimp = (0.9, 0.95, 0.023, 0.5, 2.0)
    if not meshes:
        for mesh in list(spec.meshes):
            spec.delete(mesh)


def _one_of_few(geom: mujoco.MjsGeom) -> bool:
    """Whether a primitive is the trunk's box, the long capsule of a thigh, or the upper capsule of a calf."""
    body = geom.parent.name
    if body == BASE_BODY:
        return int(geom.type) == int(mujoco.mjtGeom.mjGEOM_BOX) and geom.size[0] > 0.1
    return geom.classname.name in ("thigh1", "calf1")
