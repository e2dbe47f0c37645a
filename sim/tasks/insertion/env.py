"""The insertion world as a Gymnasium environment, id ``keel/PandaInsertion-v0``."""

from __future__ import annotations

from typing import ClassVar

from sim.tasks.env import Observation
from sim.tasks.insertion.world import InsertionWorld
from sim.tasks.pick_place.env import PandaTableEnv


class PandaInsertionEnv(PandaTableEnv):
    """Adds ``peg`` (7,), ``socket`` (7,) and ``force`` (3,) [N]; ``config`` is an ``InsertionConfig``."""

    make_world = InsertionWorld
    task_sizes: ClassVar[dict[str, int]] = {"peg": 7, "socket": 7, "force": 3}

    def _task_observation(self) -> Observation:
        return {**super()._task_observation(), "force": self.world.contact_force()}
