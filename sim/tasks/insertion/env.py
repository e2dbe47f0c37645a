"""The insertion world as a Gymnasium environment, id ``keel/PandaInsertion-v0``."""

from __future__ import annotations

from typing import ClassVar

from sim.tasks.insertion.config import InsertionConfig
from sim.tasks.insertion.world import InsertionWorld
from sim.tasks.pick_place.env import Observation, PandaTableEnv


class PandaInsertionEnv(PandaTableEnv):
    """Adds ``peg`` (7,), ``socket`` (7,) and ``force`` (3,) [N]; arguments as ``PandaTableEnv``, with ``config``."""

    world: InsertionWorld
    task_sizes: ClassVar[dict[str, int]] = {"peg": 7, "socket": 7, "force": 3}

    def __init__(
        self,
        render_mode: str | None = None,
        config: InsertionConfig | None = None,
        render_size: tuple[int, int] = (640, 480),
    ) -> None:
        super().__init__(InsertionWorld(config), render_mode, render_size)

    def _task_observation(self) -> Observation:
        return {**super()._task_observation(), "force": self.world.contact_force()}
