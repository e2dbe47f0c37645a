"""How much better one predictor is than another on the same rollouts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from policy_nodes.monitors.metrics import RolloutVerdict
from training.monitors.benchmark.resample import Judged, draws

Sets = Sequence[Sequence[RolloutVerdict]]
"""Verdicts of one predictor over the test rollouts, once per quantile that its figures are a mean of."""


def difference(
    ours: Sets, theirs: Sets, metric: str, repetitions: int = 1000, level: float = 0.95, seed: int = 0
) -> tuple[float, float, float]:
    """Metric of ``ours`` minus that of ``theirs``, with its paired bootstrap interval.

    The same rollouts are drawn for both, successes and failures apart.

    Args:
        ours: verdicts, all sets over the same rollouts in the same order.
        theirs: verdicts of the other predictor on those rollouts.
        metric: field of ``DetectionMetrics``.
        repetitions: of the bootstrap.
        level: of the percentile interval.
        seed: of the draws.

    Returns:
        Difference, lower and upper bound.
    """
    sides = [[Judged.of(rows) for rows in sets] for sets in (ours, theirs)]
    first = sides[0][0]
    if any(not np.array_equal(judged.success, first.success) for side in sides for judged in side):
        raise ValueError("the predictors did not judge the same rollouts")

    def gap(rows: NDArray[np.intp]) -> float:
        one, other = (float(np.mean([getattr(j.metrics(rows), metric) for j in side])) for side in sides)
        return one - other

    drawn = [gap(rows) for rows in draws(first.groups, repetitions, seed)]
    tails = (50.0 * (1.0 - level), 100.0 - 50.0 * (1.0 - level))
    low, high = np.nanpercentile(drawn, tails)
    return gap(np.arange(len(first.success))), float(low), float(high)
