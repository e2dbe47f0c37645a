"""Verdicts as arrays, so that a bootstrap over thousands of draws takes a moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from policy_nodes.monitors.metrics import DetectionMetrics, RolloutVerdict, metrics_from_times


@dataclass(frozen=True)
class Judged:
    """N rollouts.

    Attributes:
        success: (N,) outcomes.
        length: (N,) policy calls.
        detected: (N,) there was an alarm.
        first: (N,) call of the first alarm; 0 without one.
    """

    success: NDArray[np.bool_]
    length: NDArray[np.intp]
    detected: NDArray[np.bool_]
    first: NDArray[np.intp]

    @classmethod
    def of(cls, verdicts: Sequence[RolloutVerdict]) -> Judged:
        """From verdicts."""
        return cls(
            np.array([v.success for v in verdicts]),
            np.array([v.length for v in verdicts]),
            np.array([v.first_alarm is not None for v in verdicts]),
            np.array([v.first_alarm or 0 for v in verdicts]),
        )

    @property
    def groups(self) -> list[NDArray[np.intp]]:
        """Rows of the successes and of the failures, those that exist."""
        return [rows for rows in (np.flatnonzero(self.success), np.flatnonzero(~self.success)) if len(rows)]

    def metrics(self, rows: NDArray[np.intp]) -> DetectionMetrics:
        """Of some rollouts, as ``detection_metrics`` defines them."""
        detected, success = self.detected[rows], self.success[rows]
        horizon = max(int(self.length[rows].max()) - 1, 1)
        times = self.first[rows][detected & ~success] / horizon
        return metrics_from_times(detected, success, times)


def draws(groups: Sequence[NDArray[np.intp]], repetitions: int, seed: int) -> list[NDArray[np.intp]]:
    """Rows of every bootstrap sample, each group resampled by itself."""
    rng = np.random.default_rng(seed)
    return [np.concatenate([g[rng.integers(0, len(g), len(g))] for g in groups]) for _ in range(repetitions)]
