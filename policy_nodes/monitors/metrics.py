"""How good a failure predictor is, as defined by FIPER (arXiv 2510.09459).

Time is counted in policy calls. Detection time averages over DETECTED failures only, so a method that misses the hard
ones can look fast: read it beside TPR, or read the timestep-wise accuracy, which pays for both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class RolloutVerdict:
    """One test rollout: its outcome, its length in policy calls, and the call of the first alarm (None: no alarm)."""

    success: bool
    length: int
    first_alarm: int | None


@dataclass(frozen=True)
class DetectionMetrics:
    """Rates in [0, 1]; NaN where the rollouts do not define them (no failures, or no successes).

    Attributes:
        tpr: share of failed rollouts with an alarm.
        tnr: share of successful rollouts without one.
        accuracy: share of rollouts judged correctly.
        balanced_accuracy: mean of tpr and tnr.
        detection_time: mean of first alarm / (longest episode - 1) over detected failures; 1 if none is detected.
        timestep_accuracy: TWA, ``(sum over detected (1 - DT) / failures + tnr) / 2``.
    """

    tpr: float
    tnr: float
    accuracy: float
    balanced_accuracy: float
    detection_time: float
    timestep_accuracy: float


def detection_metrics(verdicts: Sequence[RolloutVerdict]) -> DetectionMetrics:
    """Metrics over all rollouts of a test set.

    Raises:
        ValueError: ``verdicts`` is empty.
    """
    if not verdicts:
        raise ValueError("no rollouts to judge")
    horizon = max(max(v.length for v in verdicts) - 1, 1)
    return metrics_from_times(
        detected=[v.first_alarm is not None for v in verdicts],
        success=[v.success for v in verdicts],
        detection_times=[v.first_alarm / horizon for v in verdicts if not v.success and v.first_alarm is not None],
    )


def metrics_from_times(
    detected: Sequence[bool] | NDArray[np.bool_],
    success: Sequence[bool] | NDArray[np.bool_],
    detection_times: Sequence[float] | NDArray[np.floating],
) -> DetectionMetrics:
    """The same from flags per rollout and the normalised detection times of the detected failures."""
    alarm, good = np.asarray(detected, dtype=bool), np.asarray(success, dtype=bool)
    failures, successes = int((~good).sum()), int(good.sum())
    times = np.asarray(detection_times, dtype=np.float64)
    tpr = float(alarm[~good].mean()) if failures else float("nan")
    tnr = float((~alarm[good]).mean()) if successes else float("nan")
    timely = float((1.0 - times).sum()) / failures if failures else float("nan")
    return DetectionMetrics(
        tpr=tpr,
        tnr=tnr,
        accuracy=float((alarm != good).mean()),
        balanced_accuracy=(tpr + tnr) / 2.0,
        detection_time=float(times.mean()) if len(times) else 1.0,
        timestep_accuracy=(timely + tnr) / 2.0,
    )
