"""The reach-avoid cell as the simulator node sees a robot."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.robots import panda
from sim.tasks.reach_avoid.world import ReachAvoidConfig, ReachAvoidWorld


class SimulatedReachAvoid:
    """A Panda that runs on for ever; a new episode moves goal and sphere only.

    Args:
        seed: of the placements.
        config: of the cell.
    """

    joint_names: tuple[str, ...] = panda.JOINT_NAMES
    frame_id: str = panda.BASE_BODY
    walking: None = None

    def __init__(self, seed: int = 0, config: ReachAvoidConfig | None = None) -> None:
        self.world = ReachAvoidWorld(config, seed)
        self._began = 0.0
        self._before: NDArray[np.float64] | None = None

    @property
    def episode_time(self) -> float:
        """Simulated time since goal and sphere were placed (s)."""
        return self.world.time - self._began

    def advance(self, command: ArrayLike, seconds: float) -> None:
        """Run the physics under joint position targets (8,) [rad, m]."""
        self.world.advance(command, seconds)

    def joint_state(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Position, velocity and effort, each (8,)."""
        return self.world.joint_state()

    def object_poses(self) -> dict[str, NDArray[np.float64]]:
        """Poses (7,) by object name."""
        return self.world.object_poses()

    def new_episode(self, seed: int | None = None) -> None:
        """Draw goal and sphere anew."""
        self.world.new_episode(seed)
        self._began = self.world.time

    def displace_object(self) -> str:
        """Put the sphere onto the goal, where the formula cannot be satisfied; returns what was done, in words."""
        poses = self.world.object_poses()
        self._before = poses["sphere"][:3]
        self.world.set_sphere(poses["goal"][:3])
        return "sphere moved onto the goal"

    def restore_object(self) -> str:
        """Put the sphere back; returns what was done, in words."""
        if self._before is None:
            return "the sphere was not displaced"
        self.world.set_sphere(self._before)
        self._before = None
        return "sphere put back"

    def success(self) -> bool:
        """The tool is at the goal."""
        return self.world.success()

    def failed(self) -> bool:
        """A link is too close to the sphere."""
        return self.world.failed()
