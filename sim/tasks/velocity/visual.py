"""The Go1 for people's eyes: the same joints and states as the physics model, with meshes, floor and cameras."""

from __future__ import annotations

import mujoco

from sim.robots import go1
from sim.tasks.velocity.config import VelocityConfig
from sim.tasks.velocity.scene import add_floor, set_options


def go1_visual_model(config: VelocityConfig | None = None) -> mujoco.MjModel:
    """A model whose ``qpos`` (19,) is that of the task's; it has the camera ``tracking``, which follows the trunk.

    Raises:
        RobotAssetsError: the robot's files are not installed.
    """
    config = VelocityConfig() if config is None else config
    spec = go1.robot_spec(meshes=True)
    add_floor(spec, config.friction)
    set_options(spec, config)
    return spec.compile()
