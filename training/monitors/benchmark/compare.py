"""Failure predictors side by side on the same scored rollouts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from policy_nodes.monitors.bands import extend, functional_band, pointwise_quantile
from policy_nodes.monitors.conformal import constant_quantile, rank_threshold
from policy_nodes.monitors.detector import Combination, first_alarm
from policy_nodes.monitors.metrics import RolloutVerdict
from policy_nodes.monitors.mondrian import mondrian_thresholds, phase_maxima
from policy_nodes.monitors.window import trailing_sum
from training.monitors.benchmark.resample import Judged, draws

Style = Literal["rank", "phase", "band", "quantile", "released band", "pointwise"]
"""The first three may run a robot; the others are published and reproduce what they do."""
Limit = Callable[[NDArray[np.intp], int], NDArray[np.float64]]
"""(T,) phases and T -> (T,) thresholds."""


@dataclass(frozen=True)
class ScoredRollout:
    """One rollout after scoring.

    Attributes:
        cause: ``none`` or what went wrong.
        success: outcome.
        onset: first call that can show the cause.
        scores: name -> (T,) unwindowed.
        phases: (T,) task phase of every call.
    """

    cause: str
    success: bool
    onset: int
    scores: Mapping[str, NDArray[np.float64]]
    phases: NDArray[np.intp]
    _sums: dict[tuple[str, int], NDArray[np.float64]] = field(default_factory=dict, repr=False, compare=False)

    def windowed(self, name: str, window: int) -> NDArray[np.float64]:
        """(T,) trailing sums of a score, computed once: comparisons ask for the same ones thousands of times."""
        if (name, window) not in self._sums:
            self._sums[name, window] = trailing_sum(self.scores[name], window)
        return self._sums[name, window]


@dataclass(frozen=True)
class Method:
    """A predictor.

    Attributes:
        name: in tables.
        signals: (score, window) pairs.
        quantile: of each signal.
        combination: of the normalised scores.
        style: of the thresholds.
        on_training: take the thresholds from the rollouts that the scores were fitted on, as FIPER's release does.
    """

    name: str
    signals: tuple[tuple[str, int], ...]
    quantile: float
    combination: Combination = "and"
    style: Style = "rank"
    on_training: bool = False


def fit_limit(
    style: Style, series: Sequence[NDArray[np.float64]], phases: Sequence[NDArray[np.intp]], count: int, q: float
) -> Limit:
    """Thresholds of one signal from the windowed scores of successes.

    Raises:
        CalibrationError: too few rollouts for the style.
    """
    if style in ("rank", "quantile"):
        maxima = [s.max() for s in series]
        value = rank_threshold(maxima, q) if style == "rank" else constant_quantile(maxima, q)
        return lambda labels, length: np.full(length, value)
    if style == "phase":
        names = [f"phase {k}" for k in range(count)]
        values = np.array(mondrian_thresholds(phase_maxima(series, phases, count), names, q))
        return lambda labels, length: values[labels]
    if style == "pointwise":
        curve, tail = pointwise_quantile(series, q), "last"
    elif style == "band":
        curve, tail = functional_band(series, q, rank_rule=True), "last"
    else:
        curve, tail = functional_band(series, q, released_sign=True), "mean"
    return lambda labels, length: np.maximum(extend(curve, length, "mean" if tail == "mean" else "last"), 1e-12)


def traces(
    method: Method, calibration: Sequence[ScoredRollout], test: Sequence[ScoredRollout], phase_count: int
) -> list[NDArray[np.float64]]:
    """Combined normalised score of every test rollout; 1 is the threshold.

    Args:
        method: the predictor.
        calibration: successes that give the thresholds.
        test: rollouts to judge.
        phase_count: number of task phases.
    """
    total: list[NDArray[np.float64]] = []
    for name, window in method.signals:
        series = [r.windowed(name, window) for r in calibration]
        limit = fit_limit(method.style, series, [r.phases for r in calibration], phase_count, method.quantile)
        z = [r.windowed(name, window) / limit(r.phases, len(r.phases)) for r in test]
        merge = np.minimum if method.combination == "and" else np.maximum
        total = z if not total else [merge(a, b) for a, b in zip(total, z, strict=True)]
    return total


def verdicts(test: Sequence[ScoredRollout], z: Sequence[NDArray[np.float64]]) -> list[RolloutVerdict]:
    """Outcome, length and first alarm of every rollout."""
    return [RolloutVerdict(r.success, len(values), first_alarm(values)) for r, values in zip(test, z, strict=True)]


def within(test: Sequence[ScoredRollout], z: Sequence[NDArray[np.float64]], calls: int) -> list[bool]:
    """Whether an alarm came at the onset of the cause or at most ``calls`` policy calls later."""
    return [bool((v[r.onset : r.onset + calls + 1] > 1.0).any()) for r, v in zip(test, z, strict=True)]


def bootstrap(
    judged: Sequence[RolloutVerdict], repetitions: int = 1000, level: float = 0.95, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Percentile intervals of all metrics over resampled rollouts, successes and failures resampled apart.

    Efron and Tibshirani, *An Introduction to the Bootstrap*, 1993. Thresholds stay fixed: the interval is that of the
    test rollouts, not of the calibration set.
    """
    arrays = Judged.of(judged)
    rows = [arrays.metrics(drawn) for drawn in draws(arrays.groups, repetitions, seed)]
    tails = (50.0 * (1.0 - level), 100.0 - 50.0 * (1.0 - level))
    result = {}
    for name in rows[0].__dataclass_fields__:
        low, high = np.nanpercentile([getattr(row, name) for row in rows], tails)
        result[name] = (float(low), float(high))
    return result
