"""Thresholds that follow the robot: recalibration across episodes that cannot quietly become permissive.

Between episodes, never within one, the per-rollout maxima of confirmed successes join the calibration set and the rank
rule is applied again. A lower threshold is taken at once; a higher one only when a named operator asks for it.

Two traps are closed. Episodes that an alarm interrupted are censored: their maxima are high by selection, and leaving
them out of the set would let every alarm tighten the threshold that caused it, until nothing passes. So an interrupted
episode counts only once an operator has judged it, and until then no threshold moves down either. And failures never
enter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.artefact import CalibrationArtefact, SignalCalibration
from policy_nodes.monitors.conformal import rank_threshold


class Outcome(Enum):
    """How an episode ended, as far as calibration is concerned."""

    SUCCESS = "success"
    FAILURE = "failure"
    INTERRUPTED = "interrupted by an alarm, not judged yet"
    FALSE_ALARM = "interrupted by an alarm, judged good by an operator"


@dataclass(frozen=True)
class Change:
    """One signal's threshold before, by the rank rule on the enlarged set, and after."""

    name: str
    before: float
    candidate: float
    after: float

    @property
    def withheld(self) -> bool:
        """The rank rule asks for more than was granted."""
        return self.candidate > self.after


class OnlineCalibration:
    """Collects episodes and proposes thresholds. Keeps no clock, file or thread.

    Args:
        artefact: the running calibration, of constant rank thresholds.
        capacity: most rollouts kept; the oldest leave first.

    Raises:
        CalibrationError: the artefact has other thresholds, or the capacity cannot support its quantile.
    """

    def __init__(self, artefact: CalibrationArtefact, capacity: int = 1000) -> None:
        if artefact.threshold_method != "constant_rank":
            raise CalibrationError(
                f"thresholds of method '{artefact.threshold_method}' cannot be recalibrated on line.",
                "calibrate with constant rank thresholds.",
            )
        rank_threshold(np.ones(capacity), artefact.quantile)
        self.artefact, self.capacity = artefact, capacity
        self.pending = self.failures = 0
        self._added: list[dict[str, float]] = []

    def add(self, maxima: Mapping[str, float], outcome: Outcome) -> None:
        """One finished episode.

        Args:
            maxima: largest windowed (not normalised) score of every signal.
            outcome: INTERRUPTED episodes wait for :meth:`judge`.

        Raises:
            CalibrationError: a signal is missing, or a maximum of a good episode is not finite and positive.
        """
        if outcome is Outcome.FAILURE:
            self.failures += 1
        elif outcome is Outcome.INTERRUPTED:
            self.pending += 1
        else:
            self._added.append(self._checked(maxima))

    def judge(self, maxima: Mapping[str, float], good: bool) -> None:
        """An operator's verdict on one pending episode.

        Raises:
            CalibrationError: no episode is pending, or the maxima are unusable.
        """
        if not self.pending:
            raise CalibrationError("no interrupted episode is waiting for a verdict.", "add it as INTERRUPTED first.")
        self.add(maxima, Outcome.FALSE_ALARM if good else Outcome.FAILURE)
        self.pending -= 1

    def changes(self, loosen: bool = False) -> list[Change]:
        """What the rank rule says now; ``loosen`` grants higher thresholds."""
        result = []
        for signal in self.artefact.signals:
            candidate = rank_threshold(self._maxima(signal), self.artefact.quantile)
            # Unjudged alarms would make the set look calmer than it is.
            lower = signal.threshold if self.pending else min(candidate, signal.threshold)
            after = candidate if loosen and candidate > signal.threshold else lower
            result.append(Change(signal.name, signal.threshold, candidate, after))
        return result

    def recalibrated(self, date: str, loosen_by: str | None = None) -> CalibrationArtefact:
        """The artefact with the enlarged set.

        Args:
            date: UTC, ISO 8601, written into the artefact's record.
            loosen_by: name of the operator who allows higher thresholds; None: they stay where they are.

        Raises:
            CalibrationError: an empty operator name.
        """
        if loosen_by is not None and not loosen_by.strip():
            raise CalibrationError("loosening needs the operator's name.", "say who decided.")
        changes = self.changes(loosen=loosen_by is not None)
        signals = []
        for signal, change in zip(self.artefact.signals, changes, strict=True):
            held = change.after if change.after != change.candidate else None
            maxima = self._maxima(signal)
            signals.append(signal.model_copy(update={"threshold": change.after, "maxima": maxima, "held": held}))
        allowed = f"loosened by {loosen_by}" if loosen_by else "not loosened"
        note = f"{date}: {len(self._added)} rollouts added, {allowed}"
        result = self.artefact.model_copy(
            update={"signals": signals, "n": len(signals[0].maxima), "record": [*self.artefact.record, note]}
        )
        result.check()
        return result

    def _maxima(self, signal: SignalCalibration) -> list[float]:
        return [*signal.maxima, *(row[signal.name] for row in self._added)][-self.capacity :]

    def _checked(self, maxima: Mapping[str, float]) -> dict[str, float]:
        row = {}
        for signal in self.artefact.signals:
            value = maxima.get(signal.name, float("nan"))
            if not (np.isfinite(value) and value > 0):
                raise CalibrationError(f"maximum of '{signal.name}' is {value}.", "drop that episode.")
            row[signal.name] = float(value)
        return row
