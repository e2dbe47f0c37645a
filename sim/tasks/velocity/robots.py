"""The robots that walk, as the velocity tasks see them."""

from __future__ import annotations

import numpy as np

from sim.robots import go1
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
        stiffness=go1.STIFFNESS,
        damping=go1.DAMPING,
        base=go1.BASE_BODY,
        feet=go1.FOOT_SITES,
        foot_radius=go1.FOOT_RADIUS,
        legs=tuple(f"{leg}_{part}" for leg in go1.LEGS for part in ("thigh", "calf")),
        hips=tuple(i for i, name in enumerate(go1.JOINT_NAMES) if "_hip_" in name),
        mirrored=(("FL", "FR"), ("RL", "RR")),
        flipped=("_hip_",),
    )
