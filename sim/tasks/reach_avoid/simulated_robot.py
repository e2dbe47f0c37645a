"""The reach-avoid cell as the simulator node sees a robot."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.robots import panda
from sim.tasks.cell_robot import RunningWorld
from sim.tasks.reach_avoid.world import ReachAvoidConfig, ReachAvoidWorld


class SimulatedReachAvoid(RunningWorld):
    """A Panda that runs on for ever; a new episode moves goal and sphere only.

    Args:
        seed: of the placements.
        config: of the cell.
    """

    joint_names = panda.JOINT_NAMES
    frame_id = panda.BASE_BODY

    def __init__(self, seed: int = 0, config: ReachAvoidConfig | None = None) -> None:
        super().__init__(ReachAvoidWorld(config, seed))
        self._before: NDArray[np.float64] | None = None

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
