"""The lift world as a Gymnasium environment, id ``keel/PandaLift-v0``."""

from __future__ import annotations

from typing import ClassVar

from sim.tasks.lift.world import LiftWorld
from sim.tasks.pick_place.env import PandaTableEnv


class PandaLiftEnv(PandaTableEnv):
    """Adds ``cube`` (7,) and ``goal`` (3,); ``config`` is a ``LiftConfig``."""

    make_world = LiftWorld
    task_sizes: ClassVar[dict[str, int]] = {"cube": 7, "goal": 3}
