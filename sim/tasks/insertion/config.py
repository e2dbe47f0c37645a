"""What can be set about the insertion task."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sim.errors import TaskError
from sim.tasks.pick_place.config import CubeConfig, GripperConfig, PickPlaceConfig


@dataclass(frozen=True)
class InsertionConfig(PickPlaceConfig):
    """The cell, the peg and the socket.

    Attributes:
        cube: the peg's cross section; ``cube.half_size`` is half of its side [m].
        gripper: holds with 30 N, a light grasp of the real hand.
        peg_length: [m]; the peg stands upright.
        grasp_height: where it is gripped, above its lower end [m].
        clearance: between peg and hole, per side [m].
        depth: of the hole, which is also the height of the socket [m].
        wall: thickness of the socket [m].
        socket_yaw: bounds of the socket's yaw [rad]; a square hole repeats every 90 degrees.
        min_goal_distance: between peg and socket, so that the open gripper fits between them [m].
        inserted: depth of the peg's lower end below the socket's rim that counts as inserted [m].
        force_limit: largest force between the gripper and what it holds or touches; above it the part is damaged and
            the episode has failed [N].

    Raises:
        TaskError: the peg cannot be gripped above the socket, or cannot be inserted as deep as asked.
    """

    cube: CubeConfig = field(
        default_factory=lambda: CubeConfig(0.015, 0.1, friction=(1.0, 0.03, 0.0001), rgba=(0.85, 0.55, 0.15, 1.0))
    )
    gripper: GripperConfig = field(default_factory=lambda: GripperConfig(stiffness=2000.0, damping=60.0))
    peg_length: float = 0.09
    grasp_height: float = 0.065
    clearance: float = 0.0010
    depth: float = 0.04
    wall: float = 0.02
    socket_yaw: tuple[float, float] = (-np.pi / 4, np.pi / 4)
    min_goal_distance: float = 0.15
    inserted: float = 0.03
    force_limit: float = 60.0

    def __post_init__(self) -> None:
        if not self.depth + 0.015 < self.grasp_height < self.peg_length:
            raise TaskError(
                f"InsertionConfig.grasp_height is {self.grasp_height}.",
                f"give more than depth + 0.015 = {self.depth + 0.015:g} and less than the peg's {self.peg_length:g}.",
            )
        if not 0.0 < self.inserted < self.depth or self.clearance <= 0.0 or self.force_limit <= 0.0:
            raise TaskError(
                f"inserted {self.inserted}, clearance {self.clearance}, force_limit {self.force_limit}.",
                f"use 0 < inserted < depth = {self.depth:g} and a clearance and a force limit above 0.",
            )
