"""The lift cell as the simulator node sees a robot."""

from __future__ import annotations

from sim.tasks.lift.world import LiftConfig, LiftWorld
from sim.tasks.pick_place.simulated_robot import SimulatedPanda


class SimulatedLift(SimulatedPanda):
    """A Panda that runs on for ever; a new episode places cube and goal point anew, wherever the cube was.

    Args:
        seed: of the first start and of the displacement.
        config: of the cell.
    """

    def __init__(self, seed: int = 0, config: LiftConfig | None = None) -> None:
        super().__init__(seed, LiftWorld(config, seed))
