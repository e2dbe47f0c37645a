"""The robots that walk, as the velocity tasks see them."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.robots import g1, go1
from sim.tasks.velocity.scene import LeggedRobot


def go1_robot() -> LeggedRobot:
    """The Unitree Go1 with the gains, default pose and action scale of ``sim.robots.go1``."""
    return LeggedRobot(
        name="unitree_go1",
        spec=lambda: go1.robot_spec(meshes=False, all_geoms=False),
        joints=go1.JOINT_NAMES,
        default_pose=go1.DEFAULT_POSE,
        default_height=go1.DEFAULT_HEIGHT,
        action_scale=np.full(len(go1.JOINT_NAMES), go1.ACTION_SCALE),
        position_limits=go1.POSITION_LIMITS,
        velocity_limits=go1.VELOCITY_LIMITS,
        stiffness=go1.STIFFNESS,
        damping=go1.DAMPING,
        base=go1.BASE_BODY,
        feet=go1.FOOT_SITES,
        foot_radius=go1.FOOT_RADIUS,
        legs=tuple(f"{leg}_{part}" for leg in go1.LEGS for part in ("thigh", "calf")),
        leg_reach=0.17,
        hips=tuple(i for i, name in enumerate(go1.JOINT_NAMES) if "_hip_" in name),
        mirrored=(("FL", "FR"), ("RL", "RR")),
        flipped=("_hip_",),
    )


def g1_robot() -> LeggedRobot:
    """The Unitree G1 with the gains, default pose and action scales of ``sim.robots.g1``."""
    return LeggedRobot(
        name="unitree_g1",
        spec=lambda: g1.robot_spec(meshes=False),
        joints=g1.JOINT_NAMES,
        default_pose=g1.DEFAULT_POSE,
        default_height=g1.DEFAULT_HEIGHT,
        action_scale=g1.ACTION_SCALE,
        position_limits=_ranges(g1.robot_spec(meshes=False), g1.JOINT_NAMES),
        velocity_limits=g1.VELOCITY_LIMITS,
        stiffness=g1.STIFFNESS,
        damping=g1.DAMPING,
        base=g1.BASE_BODY,
        feet=g1.FOOT_SITES,
        foot_radius=0.15,
        legs=tuple(f"{side}_{link}_link" for side in ("left", "right") for link in ("hip_yaw", "knee")),
        leg_reach=0.5,
        hips=tuple(i for i, name in enumerate(g1.JOINT_NAMES) if "knee" not in name and "pitch" not in name),
        mirrored=(("left_", "right_"),),
        flipped=("_roll_", "_yaw_"),
    )


def _ranges(spec: mujoco.MjSpec, names: tuple[str, ...]) -> NDArray[np.float64]:
    return np.array([spec.joint(name).range for name in names])
