"""The predictors that are compared, and what is reported of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from policy_nodes.monitors.metrics import DetectionMetrics, detection_metrics
from policy_nodes.monitors.stac import CUMULATIVE
from training.evaluation.statistics import wilson_interval
from training.monitors.benchmark.compare import Method, ScoredRollout, Style, bootstrap, traces, verdicts, within

SINGLE = ("rnd", "entropy", "stac", "stac_floor", "logpzo", "mahalanobis", "knn", "variance", "consistency", "duration")


def _pair(first: str, second: str, window: int) -> tuple[tuple[str, int], ...]:
    return (first, window), (second, window)


def fiper(q: float, window: int) -> Method:
    """FIPER's pair under the rank rule. AND alarms at most as often as either part: each may have twice the rate."""
    level = 1 - 2 * (1 - q)
    return Method(f"FIPER (rnd AND entropy), window {window}, q {level:.4g}", _pair("rnd", "entropy", window), level)


def recommended(q: float, window: int) -> Method:
    """Ours: an unfamiliar observation AND a changed plan, each at the whole rate.

    Chosen on rollouts that test nothing (``benchmarks/failure_prediction.py --choose``; docs/failure_prediction.md).
    """
    signals = _pair("mahalanobis", "stac_floor", window)
    return Method(f"mahalanobis AND stac_floor, window {window}, q {q:.4g}", signals, q)


def all_methods(q: float = 0.95, window: int = 3) -> list[Method]:
    """Single scores, combinations, threshold styles, and FIPER as released.

    Args:
        q: promised to a whole rollout. AND keeps the promise when each part keeps it, and is usually far below it; it
            is also run with twice and four times the rate per part. OR divides the rate between its parts.
        window: policy calls summed.
    """
    half, double = 1 - (1 - q) / 2, 1 - 2 * (1 - q)
    pair, ours = _pair("rnd", "entropy", window), _pair("rnd", "stac", window)
    floored = _pair("rnd", "stac_floor", window)
    plain, relaxed, shared = (f", window {window}, q {level:.4g}" for level in (q, double, half))
    methods = [Method(f"{name}{plain}", ((name, window),), q) for name in SINGLE]
    methods.append(Method(f"stac, cumulative, q {q:.4g}", (("stac", CUMULATIVE),), q))
    for rate in ((1 - q) / 2, 1 - q, 2 * (1 - q)):
        methods.append(fiper(1 - rate, window))
    mixed = (("rnd", window), ("entropy", 8))
    methods += [
        Method(f"rnd AND entropy, windows {window} and 8, q {double:.4g}", mixed, double),
        Method(f"rnd AND entropy by phase{relaxed}", pair, double, style="phase"),
        Method(f"rnd AND entropy, band{relaxed}", pair, double, style="band"),
        Method(f"rnd AND stac{plain}", ours, q),
        Method(f"rnd AND stac{relaxed}", ours, double),
        Method(f"rnd OR entropy{shared}", pair, half, "or"),
        Method(f"rnd OR stac{shared}", ours, half, "or"),
        Method(f"knn OR stac{shared}", _pair("knn", "stac", window), half, "or"),
        Method(f"rnd AND stac_floor{relaxed}", floored, double),
        Method(f"rnd AND stac_floor{plain}", floored, q),
        Method(f"rnd OR stac_floor{shared}", floored, half, "or"),
        recommended(q, window),
        Method(f"rnd OR consistency{shared}", _pair("rnd", "consistency", window), half, "or"),
    ]
    released: tuple[Style, ...] = ("quantile", "released band", "pointwise")
    return methods + [
        Method(f"FIPER as released, {style}{relaxed}", pair, double, style=style, on_training=True)
        for style in released
    ]


@dataclass(frozen=True)
class Result:
    """What one method achieved.

    Attributes:
        method: the predictor.
        metrics: over all test rollouts.
        intervals: 95 % bootstrap intervals of the metrics.
        false_alarms: clean successes with an alarm, their number, and the 95 % Wilson interval of the rate.
        found: by cause, share of failed rollouts with an alarm.
        kept: by cause, share of successful rollouts without one.
        prompt: by cause, share of all its rollouts with an alarm within a second of the onset.
    """

    method: Method
    metrics: DetectionMetrics
    intervals: dict[str, tuple[float, float]]
    false_alarms: tuple[int, int, float, float]
    found: dict[str, float]
    kept: dict[str, float]
    prompt: dict[str, float]


def judge(
    method: Method,
    train: Sequence[ScoredRollout],
    calibration: Sequence[ScoredRollout],
    test: Sequence[ScoredRollout],
    phase_count: int,
    second: int,
) -> Result:
    """Calibrate and test one method.

    Args:
        method: the predictor.
        train: successes that the scores were fitted on, used by methods that calibrate on them.
        calibration: other successes.
        test: everything else.
        phase_count: number of task phases.
        second: policy calls in a second.

    Raises:
        CalibrationError: too few rollouts for the method.
    """
    z = traces(method, train if method.on_training else calibration, test, phase_count)
    judged, prompt = verdicts(test, z), within(test, z, second)
    alarm = np.array([v.first_alarm is not None for v in judged])
    good, cause = np.array([r.success for r in test]), np.array([r.cause for r in test])
    clean = good & (cause == "none")
    count, total = int(alarm[clean].sum()), int(clean.sum())
    names = [name for name in dict.fromkeys(cause.tolist()) if name != "none"]

    def share(values: np.ndarray, rows: np.ndarray) -> float:
        return float(values[rows].mean()) if rows.any() else float("nan")

    return Result(
        method=method,
        metrics=detection_metrics(judged),
        intervals=bootstrap(judged),
        false_alarms=(count, total, *wilson_interval(count, total)),
        found={name: share(alarm, (cause == name) & ~good) for name in names},
        kept={name: share(~alarm, (cause == name) & good) for name in names},
        prompt={name: share(np.array(prompt), cause == name) for name in names},
    )
