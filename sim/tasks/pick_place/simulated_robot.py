"""The pick-and-place cell as the simulator node sees a robot."""

from __future__ import annotations

from sim.robots import panda
from sim.tasks.cell_robot import SimulatedCell
from sim.tasks.pick_place.config import PickPlaceConfig
from sim.tasks.pick_place.world import PickPlaceWorld


class SimulatedPanda(SimulatedCell):
    """A Panda cell that runs on for ever; a new episode only moves the objects.

    Args:
        seed: of the first start and of the displacement.
        cell: its configuration, or the world of another task of the same cell.
    """

    joint_names: tuple[str, ...] = panda.JOINT_NAMES
    frame_id: str = panda.BASE_BODY

    def __init__(self, seed: int = 0, cell: PickPlaceConfig | PickPlaceWorld | None = None) -> None:
        super().__init__(seed, cell if isinstance(cell, PickPlaceWorld) else PickPlaceWorld(cell, seed=seed))
