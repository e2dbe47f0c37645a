"""The lift task in the pick-and-place cell: the goal is a point in the air, and the cube has to stay in the gripper.

The task of ManiSkill's PickCube (Gu et al. 2023, arXiv 2302.04659) and of Fetch's pick-and-place: robosuite's Lift with
a height that the policy has to observe.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.errors import TaskError
from sim.tasks.pick_place.config import PickPlaceConfig
from sim.tasks.pick_place.scene import GOAL, add_cube, build_model
from sim.tasks.pick_place.world import PickPlaceWorld


@dataclass(frozen=True)
class LiftConfig(PickPlaceConfig):
    """The cell, and where the cube has to be held.

    Attributes:
        min_goal_distance: straight up is allowed.
        goal_height: bounds of the goal point's height [m].
        goal_tolerance: cube centre to goal point [m].
        still: speed of the cube below which it is held still [m/s].

    Raises:
        TaskError: the goal heights are not above the resting cube, in order.
    """

    min_goal_distance: float = 0.0
    goal_height: tuple[float, float] = (0.12, 0.30)
    goal_tolerance: float = 0.025
    still: float = 0.05

    def __post_init__(self) -> None:
        low, high = self.goal_height
        if not self.cube.half_size + self.goal_tolerance < low <= high:
            raise TaskError(
                f"LiftConfig.goal_height is {self.goal_height}.",
                f"give (low, high) with {self.cube.half_size + self.goal_tolerance:g} < low <= high.",
            )


class LiftWorld(PickPlaceWorld):
    """The simulated cell; ``object_poses`` has ``"cube"`` and ``"goal"``, the goal in the air.

    Args:
        config: the task.
        seed: of the first episode.
    """

    def __init__(self, config: LiftConfig | None = None, seed: int = 0) -> None:
        self.lift = config or LiftConfig()
        super().__init__(self.lift, seed)

    def _build(self) -> mujoco.MjModel:
        return build_model(self.lift, _add_cube_and_target)

    def _place_goal(self, xy: NDArray[np.float64]) -> None:
        self._set_goal(np.append(xy, self._rng.uniform(*self.lift.goal_height)), 0.0)

    def success(self) -> bool:
        """The gripper holds the cube still at the goal point."""
        poses = self.object_poses()
        near = np.linalg.norm(poses[self.object_name][:3] - poses[self.goal_name][:3]) < self.lift.goal_tolerance
        still = np.linalg.norm(self.cube_velocity()) < self.lift.still
        return bool(near and still)


def _add_cube_and_target(spec: mujoco.MjSpec, config: PickPlaceConfig) -> None:
    add_cube(spec, config)
    body = spec.worldbody.add_body(name=GOAL, pos=[0.5, 0.0, 0.2], mocap=True)
    body.add_geom(
        name=GOAL, type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[0.02, 0, 0], rgba=[0.08, 0.50, 0.33, 0.5],
        contype=0, conaffinity=0, mass=0,
    )  # fmt: skip
