"""How much better one predictor is than another on the same rollouts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from policy_nodes.monitors.metrics import RolloutVerdict, detection_metrics

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
    outcomes = np.array([v.success for v in ours[0]])
    if any([v.success for v in rows] != outcomes.tolist() for rows in [*ours, *theirs]):
        raise ValueError("the predictors did not judge the same rollouts")
    groups = [np.flatnonzero(outcomes == value) for value in (True, False)]

    def gap(rows: np.ndarray) -> float:
        one, other = (
            float(np.mean([getattr(detection_metrics([judged[i] for i in rows]), metric) for judged in sets]))
            for sets in (ours, theirs)
        )
        return one - other

    rng = np.random.default_rng(seed)
    drawn = [
        gap(np.concatenate([rng.choice(group, len(group)) for group in groups if len(group)]))
        for _ in range(repetitions)
    ]
    tails = (50.0 * (1.0 - level), 100.0 - 50.0 * (1.0 - level))
    low, high = np.nanpercentile(drawn, tails)
    return gap(np.arange(len(outcomes))), float(low), float(high)
