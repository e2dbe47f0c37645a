"""The lift world as a Gymnasium environment, id ``keel/PandaLift-v0``."""

from __future__ import annotations

from typing import ClassVar

from sim.tasks.lift.world import LiftConfig, LiftWorld
from sim.tasks.pick_place.env import PandaTableEnv


class PandaLiftEnv(PandaTableEnv):
    """Adds ``cube`` (7,) and ``goal`` (3,); arguments as ``PandaTableEnv``, with the task's ``config``."""

    task_sizes: ClassVar[dict[str, int]] = {"cube": 7, "goal": 3}

    def __init__(
        self,
        render_mode: str | None = None,
        config: LiftConfig | None = None,
        render_size: tuple[int, int] = (640, 480),
    ) -> None:
        super().__init__(LiftWorld(config), render_mode, render_size)
