"""Realised against nominal false alarms: how often each threshold style alarms on successes it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.conformal import constant_quantile, rank_threshold
from training.monitors.benchmark.compare import Method, ScoredRollout, Style, traces

STYLES: tuple[Style, ...] = ("rank", "phase", "band", "quantile", "released band", "pointwise")


@dataclass(frozen=True)
class Coverage:
    """Mean false-alarm rate over calibration sets, its 95 % interval by the sets' spread, and refusals.

    Attributes:
        rate: mean over the calibration sets; NaN when all refused.
        low: lower bound of the mean.
        high: upper bound of the mean.
        refused: share of the sets that refused.
    """

    rate: float
    low: float
    high: float
    refused: float


def coverage(
    method: Method,
    successes: Sequence[ScoredRollout],
    n: int,
    phase_count: int,
    repetitions: int = 100,
    seed: int = 0,
) -> Coverage:
    """Draw ``n`` successes to calibrate, test on all others, repeat.

    Args:
        method: the predictor.
        successes: rollouts that trained nothing.
        n: size of a calibration set.
        phase_count: number of task phases.
        repetitions: calibration sets.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    rates, refused = [], 0
    for _ in range(repetitions):
        order = rng.permutation(len(successes))
        calibration, test = [successes[i] for i in order[:n]], [successes[i] for i in order[n:]]
        try:
            rates.append(_rate(method, calibration, test, phase_count))
        except CalibrationError:
            refused += 1
    if not rates:
        return Coverage(float("nan"), float("nan"), float("nan"), 1.0)
    half = 1.96 * float(np.std(rates)) / np.sqrt(len(rates))
    mean = float(np.mean(rates))
    return Coverage(mean, max(0.0, mean - half), mean + half, refused / repetitions)


def _rate(
    method: Method, calibration: Sequence[ScoredRollout], test: Sequence[ScoredRollout], phase_count: int
) -> float:
    """Share of the test rollouts with an alarm. One constant threshold needs only the rollouts' maxima."""
    if method.style in ("rank", "quantile") and (len(method.signals) == 1 or method.combination == "or"):
        alarm = np.zeros(len(test), dtype=bool)
        for name, window in method.signals:
            own, other = ([r.windowed(name, window).max() for r in side] for side in (calibration, test))
            rule = rank_threshold if method.style == "rank" else constant_quantile
            alarm |= np.array(other) > rule(own, method.quantile)
        return float(alarm.mean())
    z = traces(method, calibration, test, phase_count)
    return float(np.mean([(values > 1.0).any() for values in z]))


def coverage_table(
    successes: Sequence[ScoredRollout], names: Sequence[str], window: int, phase_count: int, repetitions: int = 100
) -> str:
    """Markdown: rows (score, n, nominal rate), columns threshold styles."""
    lines = ["| score, n, nominal | " + " | ".join(STYLES) + " |", "|---" * (len(STYLES) + 1) + "|"]
    for name in names:
        for n, q in ((50, 0.90), (50, 0.95), (100, 0.95)):
            cells = []
            for style in STYLES:
                method = Method(style, ((name, window),), q, style=style)
                found = coverage(method, successes, n, phase_count, repetitions)
                cells.append(
                    "refused" if found.refused == 1 else f"{found.rate:.3f} ({found.low:.3f}-{found.high:.3f})"
                )
            lines.append(f"| {name}, {n}, {1 - q:.2f} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
