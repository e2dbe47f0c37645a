"""The two-arm transfer as a Gymnasium environment, id ``keel/AlohaTransfer-v0``."""

from __future__ import annotations

from typing import ClassVar

from sim.robots import aloha
from sim.tasks.aloha_transfer.world import TransferWorld
from sim.tasks.env import Observation, TabletopEnv


class AlohaTransferEnv(TabletopEnv):
    """Adds ``left_tool``, ``right_tool`` and ``cube`` (7,), in the frame ``world``; ``config``: ``TransferConfig``."""

    make_world = TransferWorld
    limits = aloha.POSITION_LIMITS
    robot_sizes: ClassVar[dict[str, int]] = {f"{side}_tool": 7 for side in aloha.SIDES}
    task_sizes: ClassVar[dict[str, int]] = {"cube": 7}

    def _robot_observation(self) -> Observation:
        return {f"{side}_tool": self.world.tool_pose(side) for side in aloha.SIDES}
