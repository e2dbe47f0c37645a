"""Scores -> windows -> thresholds -> one verdict.

``z = S / threshold`` per signal; 1 is the threshold. FIPER combines with AND, ``z = min``: a call is alarming only when
both signals are, and the AND alarms on a good rollout at most as often as either part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.interface import CallFeatures, Score
from policy_nodes.monitors.phases import Phases
from policy_nodes.monitors.stac import CUMULATIVE
from policy_nodes.monitors.thresholds import ConstantThreshold, Threshold
from policy_nodes.monitors.window import TrailingSum, trailing_sum

Combination = Literal["and", "or"]


@dataclass(frozen=True)
class Signal:
    """A score with its window (policy calls) and calibrated threshold of the windowed sum; a number is a constant."""

    score: Score
    window: int
    threshold: float | Threshold

    def __post_init__(self) -> None:
        if isinstance(self.threshold, (int, float)) and not (np.isfinite(self.threshold) and self.threshold > 0):
            raise CalibrationError(f"threshold of '{self.score.name}' is {self.threshold}.", "calibrate again.")

    @property
    def limit(self) -> Threshold:
        """The threshold as a function of call and phase."""
        return ConstantThreshold(self.threshold) if isinstance(self.threshold, (int, float)) else self.threshold


class Detector:
    """Runs several signals over the calls of an episode.

    Args:
        signals: at least one; names must differ.
        combination: ``and`` = min, ``or`` = max of the normalised scores.
        phases: assigns calls to task phases, for thresholds that depend on them.
    """

    def __init__(
        self, signals: Sequence[Signal], combination: Combination = "and", phases: Phases | None = None
    ) -> None:
        self.signals, self.combination = tuple(signals), combination
        if not signals or len({signal.score.name for signal in signals}) != len(signals):
            raise CalibrationError("a detector needs at least one signal and distinct names.", "check the artefact.")
        self._windows = [TrailingSum(signal.window) for signal in signals]
        self._limits = [signal.limit for signal in signals]
        self._phases, self._calls = phases, 0

    def reset(self) -> None:
        """Start a new episode."""
        self._calls = 0
        for signal, window in zip(self.signals, self._windows, strict=True):
            signal.score.reset()
            window.reset()

    def step(self, call: CallFeatures) -> dict[str, float]:
        """Normalised scores of one call by name, plus ``combined``.

        While the robot rests a sum over the whole episode starts again: it could never fall, and its alarm never end.
        """
        for signal, window in zip(self.signals, self._windows, strict=True):
            if not call.driving and signal.window >= CUMULATIVE:
                window.reset()
        phase = 0 if self._phases is None else self._phases.of(self._calls, call)
        scores = {
            signal.score.name: window.step(signal.score.step(call)) / limit.at(self._calls, phase)
            for signal, window, limit in zip(self.signals, self._windows, self._limits, strict=True)
        }
        self._calls += 1
        scores["combined"] = (min if self.combination == "and" else max)(scores.values())
        return scores


def raw_scores(scores: Iterable[Score], calls: Sequence[CallFeatures]) -> dict[str, NDArray[np.float64]]:
    """Unwindowed scores of one rollout: name -> (T,)."""
    result = {}
    for score in scores:
        score.reset()
        result[score.name] = np.array([score.step(call) for call in calls])
    return result


def normalised(
    raw: Mapping[str, NDArray[np.float64]],
    windows: Mapping[str, int],
    thresholds: Mapping[str, float],
    combination: Combination = "and",
) -> dict[str, NDArray[np.float64]]:
    """What :meth:`Detector.step` gives over a whole rollout: name -> (T,), plus ``combined``; for sweeps and plots."""
    result = {name: trailing_sum(raw[name], windows[name]) / thresholds[name] for name in thresholds}
    stacked = np.stack(list(result.values()))
    return {**result, "combined": stacked.min(axis=0) if combination == "and" else stacked.max(axis=0)}


def first_alarm(z: NDArray[np.float64]) -> int | None:
    """Index of the first call with ``z > 1``, or None."""
    above = np.flatnonzero(z > 1.0)
    return int(above[0]) if len(above) else None
