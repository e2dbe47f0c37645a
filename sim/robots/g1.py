"""The Unitree G1 (29 joints) as data, and its MuJoCo description for 200 Hz physics.

Sources. Kinematics, inertias, ranges, effort limits and rotor inertias: MuJoCo Menagerie ``unitree_g1/g1_mjx.xml``,
whose collision geometry is made of primitives. Gains: those of that file. Default pose: knees bent, as MuJoCo
Playground's (Zakka et al. 2025, arXiv 2502.08844). Action scale: a quarter of what brings a servo to its effort limit,
mjlab's rule.
"""

from __future__ import annotations

from typing import Final

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.errors import RobotModelError
from sim.robots.menagerie import menagerie_file

_LEG: Final = ("hip_pitch", "hip_roll", "hip_yaw", "knee", "ankle_pitch", "ankle_roll")
_ARM: Final = ("shoulder_pitch", "shoulder_roll", "shoulder_yaw", "elbow", "wrist_roll", "wrist_pitch", "wrist_yaw")
_WAIST: Final = ("waist_yaw", "waist_roll", "waist_pitch")

JOINT_NAMES: Final[tuple[str, ...]] = (
    *(f"{side}_{joint}_joint" for side in ("left", "right") for joint in _LEG),
    *(f"{joint}_joint" for joint in _WAIST),
    *(f"{side}_{joint}_joint" for side in ("left", "right") for joint in _ARM),
)
"""Joints in model order: left leg, right leg, waist, left arm, right arm."""
FOOT_SITES: Final = ("left_foot", "right_foot")
FOOT_GEOMS: Final = ("left_foot_box_collision", "right_foot_box_collision")
BASE_BODY: Final = "torso_link"
"""Carries payloads, and ends the episode when it touches the ground; the free joint is the pelvis'."""
IMU_SITE: Final = "imu_in_pelvis"

_BENT: Final = {"hip_pitch": -0.312, "knee": 0.669, "ankle_pitch": -0.363, "shoulder_pitch": 0.2, "elbow": 0.6}
DEFAULT_POSE: Final[NDArray[np.float64]] = np.array(
    [
        next((value for joint, value in _BENT.items() if joint in name), 0.0)
        + (0.2 if name == "left_shoulder_roll_joint" else -0.2 if name == "right_shoulder_roll_joint" else 0.0)
        for name in JOINT_NAMES
    ]
)
"""(29,) [rad]."""
DEFAULT_HEIGHT: Final = 0.755
"""Of the pelvis above the ground in the default pose [m]."""


def _by_joint(values: dict[str, float], default: float) -> NDArray[np.float64]:
    return np.array([next((v for part, v in values.items() if part in name), default) for name in JOINT_NAMES])


STIFFNESS: Final = _by_joint({"ankle": 20.0, "wrist": 20.0}, 75.0)
"""(29,) [N m/rad]."""
DAMPING: Final = np.full(len(JOINT_NAMES), 2.0)
"""(29,) [N m s/rad]."""
EFFORT_LIMITS: Final = _by_joint(
    {"hip_roll": 139.0, "knee": 139.0, "hip": 88.0, "waist_yaw": 88.0, "ankle": 50.0, "waist": 50.0,
     "wrist_roll": 25.0, "wrist": 5.0}, 25.0
)  # fmt: skip
"""(29,) [N m]."""
VELOCITY_LIMITS: Final = _by_joint(
    {"hip_roll": 20.0, "knee": 20.0, "hip": 32.0, "waist_yaw": 32.0, "wrist_roll": 37.0, "wrist": 22.0}, 37.0
)
"""(29,) of the motors behind their gears, the figures that mjlab uses [rad/s]."""
ACTION_SCALE: Final[NDArray[np.float64]] = 0.25 * EFFORT_LIMITS / STIFFNESS
"""(29,) joint target = default pose + scale * action [rad per unit of action]."""


def robot_spec(meshes: bool = True) -> mujoco.MjSpec:
    """Editable description of the robot; feet, shins, thighs, torso, head and hands touch the world, not each other.

    Args:
        meshes: keep the visual meshes.

    Raises:
        RobotAssetsError: the model is not installed.
        RobotModelError: the model is not the G1 that this module describes.
    """
    spec = mujoco.MjSpec.from_file(str(menagerie_file("unitree_g1", "g1_mjx.xml")))
    names = tuple(joint.name for joint in spec.joints if int(joint.type) != int(mujoco.mjtJoint.mjJNT_FREE))
    if names != JOINT_NAMES:
        raise RobotModelError(
            f"the G1 model has {len(names)} joints, not the 29 expected.", "use g1_mjx.xml of the 0.3.0 asset wheel."
        )
    for group in (spec.keys, spec.lights, spec.sensors, spec.pairs):
        for item in list(group):
            spec.delete(item)
    for i, servo in enumerate(spec.actuators):
        servo.name = servo.target = JOINT_NAMES[i]
        servo.gainprm[0] = STIFFNESS[i]
        servo.biasprm[1], servo.biasprm[2] = -STIFFNESS[i], -DAMPING[i]
        servo.forcelimited, servo.ctrllimited, servo.inheritrange = 1, 0, 0.0
        servo.forcerange = (-EFFORT_LIMITS[i], EFFORT_LIMITS[i])
    for geom in list(spec.geoms):
        if int(geom.type) == int(mujoco.mjtGeom.mjGEOM_MESH):
            if not meshes:
                spec.delete(geom)
            continue
        if "foot" in geom.name and geom.name not in FOOT_GEOMS:
            spec.delete(geom)
            continue
        geom.contype, geom.conaffinity, geom.condim = 0, 1, 3
        geom.friction = (0.8, 0.02, 0.01)
    if not meshes:
        for mesh in list(spec.meshes):
            spec.delete(mesh)
    return spec
