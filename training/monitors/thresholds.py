"""Turns windowed scores of the calibration rollouts into what an artefact stores about a threshold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.bands import fit_band, split_longest_first, stack
from policy_nodes.monitors.calibration_model import ThresholdMethod
from policy_nodes.monitors.conformal import Series, rank_threshold
from policy_nodes.monitors.fitted import Fitted
from policy_nodes.monitors.interface import CallFeatures
from policy_nodes.monitors.mondrian import Budget, mondrian_thresholds, phase_maxima
from policy_nodes.monitors.phases import Phases


def label_phases(phases: Phases, rollouts: Sequence[Sequence[CallFeatures]]) -> list[NDArray[np.intp]]:
    """Phase of every call of every rollout."""
    return [np.array([phases.of(index, call) for index, call in enumerate(calls)], dtype=np.intp) for calls in rollouts]


def threshold_limits(
    method: ThresholdMethod,
    series: Series,
    q: float,
    labels: Sequence[NDArray[np.intp]] | None = None,
    names: Sequence[str] = (),
    budget: Budget = "rollout",
) -> Fitted:
    """Arrays that ``method`` needs beside the per-rollout maxima; refuses what the artefact would refuse.

    Args:
        method: of the artefact.
        series: windowed scores of the successful calibration rollouts.
        q: one minus the accepted false-alarm rate of a rollout.
        labels: phases of the calls, for Mondrian.
        names: of the phases.
        budget: of Mondrian.

    Raises:
        CalibrationError: too few rollouts, for a phase or for a band (of which only the second half counts).
    """
    if method == "mondrian_rank":
        if labels is None:
            raise CalibrationError("Mondrian thresholds need a phase function.", "configure phases.")
        maxima = phase_maxima(series, labels, len(names))
        mondrian_thresholds(maxima, names, q, budget)
        return Fitted({f"phase_{index}": values for index, values in enumerate(maxima)})
    if method == "functional_band":
        if len(series) < 3:
            raise CalibrationError(f"{len(series)} rollouts cannot make a band.", "record at least 3, better 40.")
        shape, calibration = split_longest_first(series)
        rows = stack(series)
        mean, scale, excess = fit_band(rows[shape], rows[calibration], q)
        rank_threshold(excess, q)
        return Fitted({"mean": mean, "scale": scale, "excess": excess})
    return Fitted()
