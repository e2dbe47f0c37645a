"""The two-arm table as the simulator node sees a robot."""

from __future__ import annotations

from sim.robots import aloha
from sim.tasks.aloha_transfer.config import TransferConfig
from sim.tasks.aloha_transfer.world import TransferWorld
from sim.tasks.cell_robot import SimulatedCell


class SimulatedAloha(SimulatedCell):
    """Two arms that run on for ever; a new episode puts the cube back on the table.

    Args:
        seed: of the first start and of the displacement.
        config: of the task.
    """

    joint_names: tuple[str, ...] = aloha.JOINT_NAMES
    frame_id: str = aloha.FRAME

    def __init__(self, seed: int = 0, config: TransferConfig | None = None) -> None:
        super().__init__(seed, TransferWorld(config, seed))
