"""FIPER as its release evaluates it, on any scored rollouts.

Thresholds come from the rollouts that trained the networks, without the rank rule and with the release's functional
band; all pairs of windows and all three styles are tried; metrics are means over the quantiles 0.90 to 0.99; the window
pair and the style with the best timestep-wise accuracy *on the test rollouts* are reported (Römer et al., arXiv
2510.09459, released code). What is not repeated: the mean over five network seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import product

import numpy as np
from numpy.typing import NDArray

from policy_nodes.monitors.metrics import DetectionMetrics, RolloutVerdict, metrics_from_times
from training.monitors.benchmark.compare import ScoredRollout, Style, fit_limit

QUANTILES = tuple(round(0.90 + 0.01 * k, 2) for k in range(10))
WINDOWS = (1, 2, 3, 4, 5, 7, 9, 11, 13, 15, 20, 25, 30, 35, 40, 45, 50)
STYLES: tuple[Style, ...] = ("quantile", "released band", "pointwise")
PAIR = ("rnd", "entropy")


@dataclass(frozen=True)
class Official:
    """The chosen setting and what it achieved.

    Attributes:
        style: of the thresholds.
        windows: of RND and entropy (policy calls).
        judged: quantile -> verdicts over the test rollouts.
        metrics: means over the quantiles.
    """

    style: Style
    windows: tuple[int, int]
    judged: dict[float, list[RolloutVerdict]]
    metrics: DetectionMetrics


def mean_metrics(rows: Sequence[DetectionMetrics]) -> DetectionMetrics:
    """Mean of every metric."""
    return DetectionMetrics(**{f.name: float(np.mean([getattr(r, f.name) for r in rows])) for f in fields(rows[0])})


def official(
    train: Sequence[ScoredRollout], test: Sequence[ScoredRollout], windows: Sequence[int] = WINDOWS
) -> Official:
    """Run the release's evaluation.

    Args:
        train: successes that the scores were fitted on.
        test: rollouts to judge.
        windows: to try for either score; those longer than every rollout are the same as the longest.
    """
    longest = max(len(r.phases) for r in [*train, *test])
    tried = [w for w in windows if w <= longest] or [1]
    best: Official | None = None
    success = np.array([r.success for r in test])
    lengths = [len(r.phases) for r in test]
    horizon = max(max(lengths) - 1, 1)
    for style in STYLES:
        z = {(name, w, q): _normalised(style, name, w, q, train, test)
             for name, w, q in product(PAIR, tried, QUANTILES)}  # fmt: skip
        for first, second in product(tried, tried):
            above = [np.minimum(z[PAIR[0], first, q], z[PAIR[1], second, q]) > 1.0 for q in QUANTILES]
            found = [np.asarray(rows.any(axis=1), dtype=bool) for rows in above]
            index = [np.asarray(rows.argmax(axis=1)) for rows in above]
            metrics = mean_metrics([
                metrics_from_times(alarm.tolist(), success.tolist(), (at[alarm & ~success] / horizon).tolist())
                for alarm, at in zip(found, index, strict=True)
            ])  # fmt: skip
            if best is None or metrics.timestep_accuracy > best.metrics.timestep_accuracy:
                judged = {
                    q: [
                        RolloutVerdict(r.success, n, int(t) if a else None)
                        for r, n, a, t in zip(test, lengths, alarm, at, strict=True)
                    ]
                    for q, alarm, at in zip(QUANTILES, found, index, strict=True)
                }
                best = Official(style, (first, second), judged, metrics)
    assert best is not None
    return best


def _normalised(
    style: Style, name: str, window: int, q: float, train: Sequence[ScoredRollout], test: Sequence[ScoredRollout]
) -> NDArray[np.float64]:
    """(rollouts, longest): normalised windowed scores, zero after a rollout's end."""
    series = [r.windowed(name, window) for r in train]
    limit = fit_limit(style, series, [r.phases for r in train], 1, q)
    padded = np.zeros((len(test), max(len(r.phases) for r in test)))
    for row, r in zip(padded, test, strict=True):
        row[: len(r.phases)] = r.windowed(name, window) / limit(r.phases, len(r.phases))
    return padded
