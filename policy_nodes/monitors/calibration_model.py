"""What a calibration says about itself: the content of ``calibration.npz`` as validated data."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, InstanceOf, model_validator

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.bands import band_threshold
from policy_nodes.monitors.conformal import conformal_rank, rank_threshold
from policy_nodes.monitors.fitted import Fitted
from policy_nodes.monitors.interface import PolicyIdentity
from policy_nodes.monitors.mondrian import Budget, mondrian_thresholds
from policy_nodes.monitors.phases import PhaseSpec
from policy_nodes.monitors.thresholds import BandThreshold, ConstantThreshold, PhaseThreshold, Threshold

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Positive = Annotated[FiniteFloat, Field(gt=0)]
ThresholdMethod = Literal["constant_rank", "mondrian_rank", "functional_band"]
"""All three promise a rate per whole rollout; a pointwise quantile does not, so it cannot be stored."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SignalCalibration(_Strict):
    """One signal.

    Attributes:
        name: score name (``rnd``, ``entropy``).
        window: calls summed.
        threshold: of the windowed sum, by the rank rule.
        maxima: windowed maximum of every successful calibration rollout, in recording order.
        held: value that ``threshold`` was held at against the rank rule, by on-line recalibration.
        fitted: what the score learned, empty for most.
        limits: what other threshold methods need: ``phase_<k>`` (n_k,) maxima of the rollouts that reach phase k, or
            ``mean`` (T,), ``scale`` (T,) and ``excess`` (m,) of a band.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    window: Count
    threshold: Positive
    maxima: Annotated[list[Positive], Field(min_length=1, max_length=1_000_000)]
    held: Positive | None = None
    fitted: Annotated[InstanceOf[Fitted], Field(exclude=True)] = Fitted()
    limits: Annotated[InstanceOf[Fitted], Field(exclude=True)] = Fitted()


class CalibrationArtefact(_Strict):
    """What a failure predictor knows about itself.

    Attributes:
        method: ``fiper`` for its two scores, ``scores`` for any other choice.
        threshold_method: how thresholds were taken.
        phases: of Mondrian thresholds.
        budget: how Mondrian thresholds share ``1 - quantile``.
        combination: of the signals' normalised scores.
        policy_sha256: of the calibrated ``policy.onnx``.
        monitor_sha256: of the ``monitor.onnx`` whose distances were calibrated; None until it is exported.
        samples: chunks per call, B.
        horizon: H.
        action_size: A.
        embedding_size: E.
        channels: what the three position channels are, in order.
        cell: (3,) entropy cell, m.
        cell_factor: share of the range that gave ``cell``.
        score_offset: added to every score.
        quantile: q.
        n: successful rollouts behind the thresholds; these trained nothing when ``disjoint``.
        training_rollouts: rollouts that trained the networks and set the cell.
        failed_rollouts: recorded failures, never used for a threshold.
        disjoint: training and calibration rollouts do not overlap, which the guarantee needs.
        seed: of the split and the networks.
        date: UTC, ISO 8601.
        versions: of the libraries involved.
        execution_horizon: chunk steps between calls, for scores that compare consecutive calls.
        step_s: period of a chunk step, so that a missed call is noticed.
        record: one line per on-line recalibration.
        signals: at least one.
    """

    schema_version: Literal[1] = 1
    method: Literal["fiper", "scores"] = "fiper"
    threshold_method: ThresholdMethod = "constant_rank"
    phases: PhaseSpec | None = None
    budget: Budget = "rollout"
    combination: Literal["and", "or"] = "and"
    policy_sha256: Sha256
    monitor_sha256: Sha256 | None = None
    samples: Count
    horizon: Count
    action_size: Count
    embedding_size: Count
    channels: Annotated[list[str], Field(min_length=3, max_length=3)]
    cell: Annotated[list[Positive], Field(min_length=3, max_length=3)]
    cell_factor: Positive
    score_offset: Annotated[FiniteFloat, Field(ge=0)]
    quantile: Annotated[float, Field(gt=0, lt=1)]
    n: Count
    training_rollouts: Annotated[int, Field(ge=0)]
    failed_rollouts: Annotated[int, Field(ge=0)]
    disjoint: bool
    seed: int
    date: str
    versions: dict[str, str]
    execution_horizon: Count | None = None
    step_s: Positive | None = None
    record: Annotated[list[str], Field(max_length=10_000)] = []
    signals: Annotated[list[SignalCalibration], Field(min_length=1, max_length=16)]

    @model_validator(mode="after")
    def _phases_belong_to_mondrian(self) -> CalibrationArtefact:
        if (self.phases is not None) != (self.threshold_method == "mondrian_rank"):
            raise ValueError("phases are needed by mondrian_rank and by nothing else")
        return self

    @property
    def identity(self) -> PolicyIdentity:
        """The policy and sampling that these thresholds are valid for."""
        return PolicyIdentity(self.policy_sha256, self.samples, self.horizon, self.action_size, self.embedding_size)

    @property
    def rank(self) -> int:
        """Which of the n sorted maxima is the threshold."""
        return conformal_rank(self.n, self.quantile)

    def threshold_of(self, signal: SignalCalibration) -> Threshold:
        """The signal's threshold, recomputed from the maxima it rests on.

        Raises:
            CalibrationError: too few rollouts, or arrays that are missing or of the wrong shape.
        """
        if self.threshold_method == "mondrian_rank":
            assert self.phases is not None
            names = self.phases.names
            maxima = [np.asarray(signal.limits.array(f"phase_{k}", None), np.float64) for k in range(len(names))]
            return PhaseThreshold(mondrian_thresholds(maxima, names, self.quantile, self.budget))
        if self.threshold_method == "functional_band":
            mean = np.asarray(signal.limits.array("mean", None), np.float64)
            scale = np.asarray(signal.limits.array("scale", len(mean)), np.float64)
            excess = np.asarray(signal.limits.array("excess", None), np.float64)
            return BandThreshold(band_threshold(mean, scale, excess, self.quantile))
        return ConstantThreshold(signal.threshold)

    def check(self) -> None:
        """Recompute every threshold from its maxima.

        Raises:
            CalibrationError: they disagree, or n is too small.
        """
        for signal in self.signals:
            unexplained = signal.held is not None and not self.record
            if len(signal.maxima) != self.n or self._expected(signal) != signal.threshold or unexplained:
                raise CalibrationError(
                    f"threshold of '{signal.name}' is not the rank-{self.rank} maximum of its {self.n} rollouts.",
                    "the file was edited; run keel calibrate again.",
                )
            self.threshold_of(signal)

    def _expected(self, signal: SignalCalibration) -> float:
        if signal.held is not None or len(signal.maxima) != self.n:
            return signal.held or float("nan")
        return rank_threshold(signal.maxima, self.quantile)
