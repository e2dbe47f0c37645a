"""Peg and socket in the pick-and-place cell."""

from __future__ import annotations

from functools import partial

import mujoco

from sim.tasks.insertion.config import InsertionConfig
from sim.tasks.pick_place.config import PickPlaceConfig
from sim.tasks.pick_place.scene import add_block, build_model

PEG, SOCKET = "peg", "socket"


def insertion_model(config: InsertionConfig) -> mujoco.MjModel:
    """The cell with peg and socket, compiled.

    Raises:
        RobotAssetsError: the robot's model is not installed.
    """
    return build_model(config, partial(_add_parts, task=config))


def _add_parts(spec: mujoco.MjSpec, config: PickPlaceConfig, task: InsertionConfig) -> None:
    half, long = task.cube.half_size, task.peg_length / 2
    add_block(spec, PEG, [0.5, 0.1, long], long, task.cube)
    # A mocap body: it stands as firmly as a clamped part and moves only between episodes.
    socket = spec.worldbody.add_body(name=SOCKET, pos=[0.5, -0.1, 0.0], mocap=True)
    hole, wall, tall = half + task.clearance, task.wall / 2, task.depth / 2
    for name, x, y, size_x, size_y in (
        ("front", hole + wall, 0.0, wall, hole + task.wall),
        ("back", -hole - wall, 0.0, wall, hole + task.wall),
        ("left", 0.0, hole + wall, hole, wall),
        ("right", 0.0, -hole - wall, hole, wall),
    ):
        socket.add_geom(
            name=f"{SOCKET}_{name}", type=mujoco.mjtGeom.mjGEOM_BOX, size=[size_x, size_y, tall], pos=[x, y, tall],
            friction=[0.3, 0.005, 0.0001], rgba=[0.45, 0.50, 0.56, 1],
        )  # fmt: skip
