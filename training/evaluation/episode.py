"""Record of one closed-loop episode."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass
class Episode:
    """What happened in one episode.

    Attributes:
        seed: seed of the world.
        variant: which task of a set; empty for a task of one.
        mode: which of several ways of doing the task was taken, where the world tells them apart.
        success: the task's criterion was met.
        outcome: ``success``, ``timeout``, ``failed`` or ``stopped``.
        stopped_by: reason of the governor's stop.
        stopped_s: its time (s since enabling).
        steps: control ticks after enabling.
        inference_ms: wall time of every policy call.
        score_time: time of every verdict (s since enabling).
        scores: normalised scores by name, one per verdict.
        calls: per policy call (embedding (E,), sampled chunks (B, H, A)) when they were asked for.
    """

    seed: int
    success: bool = False
    outcome: str = "timeout"
    stopped_by: str | None = None
    steps: int = 0
    inference_ms: list[float] = field(default_factory=list)
    score_time: list[float] = field(default_factory=list)
    scores: dict[str, list[float]] = field(default_factory=dict)
    calls: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = field(default_factory=list)
    variant: str = ""
    mode: str = ""
    stopped_s: float | None = None

    @property
    def alarms(self) -> int:
        """Verdicts above the threshold."""
        return sum(score > 1.0 for score in self.scores.get("combined", []))

    @property
    def first_alarm_s(self) -> float | None:
        """Time of the first alarm."""
        pairs = zip(self.score_time, self.scores.get("combined", []), strict=True)
        return next((t for t, score in pairs if score > 1.0), None)
