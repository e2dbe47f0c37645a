"""The insertion cell as the simulator node sees a robot."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.tasks.insertion.config import InsertionConfig
from sim.tasks.insertion.world import InsertionWorld
from sim.tasks.pick_place.simulated_robot import SimulatedPanda


class SimulatedInsertion(SimulatedPanda):
    """A Panda that runs on for ever; a new episode places peg and socket anew.

    Args:
        seed: of the first start and of the displacement.
        config: of the cell.
    """

    world: InsertionWorld

    def __init__(self, seed: int = 0, config: InsertionConfig | None = None) -> None:
        super().__init__(seed, InsertionWorld(config, seed))

    def wrenches(self) -> dict[str, NDArray[np.float64]]:
        """Force [N] and torque [N m] (6,) on the gripper by topic, in ``frame_id``."""
        return self.world.wrenches()
