"""Builds the scores that a calibration names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.calibration_model import CalibrationArtefact
from policy_nodes.monitors.detector import Signal
from policy_nodes.monitors.distance import DistanceScore
from policy_nodes.monitors.duration import DurationScore
from policy_nodes.monitors.entropy import EntropyScore
from policy_nodes.monitors.fitted import Fitted
from policy_nodes.monitors.interface import Score
from policy_nodes.monitors.logpzo import LogpzoScore
from policy_nodes.monitors.mahalanobis import MahalanobisScore
from policy_nodes.monitors.neighbours import NeighbourScore
from policy_nodes.monitors.sample_variance import SampleVarianceScore
from policy_nodes.monitors.stac import StacScore
from policy_nodes.monitors.temporal_consistency import TemporalConsistencyScore
from policy_nodes.types import FloatArray


@dataclass(frozen=True)
class ScoreInputs:
    """What the scores are made of.

    Attributes:
        cell: (3,) entropy cell, m.
        embedding_size: E.
        execution: chunk steps between calls; None when unknown.
        fitted: what the score learned.
    """

    cell: FloatArray
    embedding_size: int
    execution: int | None = None
    fitted: Fitted = field(default_factory=Fitted)

    @property
    def steps(self) -> int:
        """``execution``, for the scores that cannot do without.

        Raises:
            CalibrationError: it is unknown.
        """
        if self.execution is None:
            raise CalibrationError(
                "a score that compares consecutive calls has no execution horizon.", "give it and calibrate again."
            )
        return self.execution


BUILDERS: dict[str, Callable[[ScoreInputs], Score]] = {
    "rnd": lambda inputs: DistanceScore(),
    "entropy": lambda inputs: EntropyScore(inputs.cell),
    "stac": lambda inputs: StacScore(inputs.steps),
    "stac_floor": lambda inputs: StacScore(inputs.steps, float(inputs.fitted.array("resolution", 1)[0])),
    "consistency": lambda inputs: TemporalConsistencyScore(inputs.steps),
    "variance": lambda inputs: SampleVarianceScore(),
    "mahalanobis": lambda inputs: MahalanobisScore(inputs.fitted, inputs.embedding_size),
    "knn": lambda inputs: NeighbourScore(inputs.fitted, inputs.embedding_size),
    "duration": lambda inputs: DurationScore(inputs.fitted, inputs.embedding_size, inputs.steps),
    "logpzo": lambda inputs: LogpzoScore(inputs.fitted, inputs.embedding_size),
}
"""By the name of the score."""


def build_score(name: str, inputs: ScoreInputs) -> Score:
    """The score called ``name``.

    Raises:
        CalibrationError: a score that this version does not know, or whose inputs are missing or do not fit.
    """
    if name not in BUILDERS:
        raise CalibrationError(f"unknown signal '{name}'.", f"this version has {sorted(BUILDERS)}.")
    return BUILDERS[name](inputs)


def detector_signals(artefact: CalibrationArtefact) -> list[Signal]:
    """The artefact's signals with their scores and thresholds.

    Raises:
        CalibrationError: see :func:`build_score` and :meth:`CalibrationArtefact.threshold_of`.
    """
    inputs = ScoreInputs(np.asarray(artefact.cell), artefact.embedding_size, artefact.execution_horizon)
    signals = []
    for signal in artefact.signals:
        score = build_score(signal.name, replace(inputs, fitted=signal.fitted))
        signals.append(Signal(score, signal.window, artefact.threshold_of(signal)))
    return signals
