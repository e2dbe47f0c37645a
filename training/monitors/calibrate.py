"""Fit and calibrate FIPER from recorded rollouts: a pure function from records to networks and thresholds.

FIPER's release (arXiv 2510.09459) trains RND and sets the entropy cell on all calibration rollouts and takes the
thresholds from the successful ones among them. RND is then judged on embeddings it was trained on: scores come out too
low, thresholds too tight, and the exchangeability that the conformal bound rests on is lost. Here the successful
rollouts are split by rollout instead: one part trains, the other calibrates (``disjoint=True``, the default).
``disjoint=False`` reproduces the release. Failed rollouts never enter a threshold in either mode, and by default not
the networks, which would otherwise learn that failing looks familiar.
"""

from __future__ import annotations

import datetime
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version

import numpy as np
import torch
from numpy.typing import NDArray

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.artefact import CalibrationArtefact, SignalCalibration
from policy_nodes.monitors.calibration_model import ThresholdMethod
from policy_nodes.monitors.conformal import rank_threshold, required_rollouts, rollout_maxima
from policy_nodes.monitors.detector import Combination, raw_scores
from policy_nodes.monitors.entropy import CELL_FACTOR, calibrate_cell
from policy_nodes.monitors.interface import SCORE_OFFSET, CallFeatures
from policy_nodes.monitors.mondrian import Budget
from policy_nodes.monitors.phases import PhaseSpec
from policy_nodes.monitors.stac import CUMULATIVE
from policy_nodes.monitors.window import trailing_sum
from training.monitors.export import PositionFunction
from training.monitors.fit import fit_scores
from training.monitors.rnd import SMALL, RNDArchitecture, RNDEnsemble
from training.monitors.thresholds import label_phases, threshold_limits
from training.monitors.train_rnd import Progress, RNDTraining, train_ensemble


@dataclass(frozen=True)
class RolloutRecord:
    """One closed-loop episode of the policy, one entry per policy call.

    Attributes:
        success: outcome.
        embeddings: (T, E) the policy's conditioning vectors.
        chunks: (T, B, H, A) chunks sampled from each observation, contract units.
        name: used in messages.
    """

    success: bool
    embeddings: NDArray[np.floating]
    chunks: NDArray[np.floating]
    name: str = ""


@dataclass(frozen=True)
class CalibrationConfig:
    """How to calibrate.

    Attributes:
        policy_sha256: of the bundle's ``policy.onnx``.
        quantile: q; each signal by itself, and so their AND, alarms on at most ``1 - q`` of the good episodes.
        rnd_window: policy calls summed for the distance.
        entropy_window: policy calls summed for the entropy.
        cell_factor: entropy cell as a share of the position range.
        combination: of the signals.
        scores: names of the signals; FIPER's two by default.
        windows: by score, where they differ from the above; else other scores take ``rnd_window``, STAC the episode.
        threshold_method: constant by default.
        phases: of Mondrian thresholds.
        budget: of Mondrian thresholds.
        execution_horizon: chunk steps between calls, for scores that compare consecutive calls.
        step_s: period of a chunk step.
        architecture: RND widths.
        training: RND recipe.
        seeds: one RND pair each; their distances are averaged.
        split_seed: of the choice of training rollouts.
        train_fraction: share of the successful rollouts that trains.
        disjoint: split by rollout; False reproduces the published procedure.
        train_on_failures: let failed rollouts train RND and set the cell, as published.
        channels: names of the three position channels.
    """

    policy_sha256: str
    quantile: float = 0.95
    rnd_window: int = 5
    entropy_window: int = 5
    cell_factor: float = CELL_FACTOR
    combination: Combination = "and"
    scores: tuple[str, ...] = ("rnd", "entropy")
    windows: Mapping[str, int] = field(default_factory=dict)
    threshold_method: ThresholdMethod = "constant_rank"
    phases: PhaseSpec | None = None
    budget: Budget = "rollout"
    execution_horizon: int | None = None
    step_s: float | None = None
    architecture: RNDArchitecture = SMALL
    training: RNDTraining = field(default_factory=RNDTraining)
    seeds: tuple[int, ...] = (0,)
    split_seed: int = 0
    train_fraction: float = 0.5
    disjoint: bool = True
    train_on_failures: bool = False
    channels: tuple[str, str, str] = ("x", "y", "z")

    def window_of(self, name: str) -> int:
        """Calls summed by the score ``name``."""
        usual = {"entropy": self.entropy_window, "stac": CUMULATIVE}.get(name, self.rnd_window)
        return self.windows.get(name, usual)


def calibrate(
    rollouts: Sequence[RolloutRecord],
    position_fn: PositionFunction,
    config: CalibrationConfig,
    progress: Progress | None = None,
) -> tuple[RNDEnsemble, CalibrationArtefact]:
    """Train RND and whatever else learns, set the entropy cell, and take the thresholds by the rank rule.

    Args:
        rollouts: successes and failures of the deployed policy, sampled as it will be on line.
        position_fn: (N, H, A) chunks -> (N, H, 3) end-effector positions, m.
        config: quantile, windows, split, networks.
        progress: called after every RND epoch.

    Returns:
        The distance module and the artefact; export the module, then bind the artefact to the file.

    Raises:
        CalibrationError: records that are empty, not finite or of different B, H, A, E; too few successes.
    """
    samples, horizon, action_size, embedding_size = _common_shape(rollouts)
    train, judged = split_rollouts(rollouts, config)
    embeddings = np.concatenate([r.embeddings for r in train])
    positions = [position_fn(r.chunks.reshape(-1, horizon, action_size)).reshape(-1, 3) for r in train]
    cell = calibrate_cell(np.ptp(np.concatenate(positions), axis=0), config.cell_factor)
    rnd, _ = train_ensemble(embeddings, config.architecture, config.training, config.seeds, progress)
    scores, fitted = fit_scores(
        config.scores, [r.embeddings for r in train], cell, config.execution_horizon, config.split_seed
    )
    calls = [rollout_features(r, rnd, position_fn) for r in judged]
    raw = [raw_scores(scores, rows) for rows in calls]
    labels = None if config.phases is None else label_phases(config.phases, calls)
    names = () if config.phases is None else config.phases.names
    signals = []
    for name in config.scores:
        series = [trailing_sum(values[name], config.window_of(name)) for values in raw]
        maxima = rollout_maxima(series)
        signals.append(
            SignalCalibration(
                name=name,
                window=config.window_of(name),
                threshold=rank_threshold(maxima, config.quantile),
                maxima=maxima.tolist(),
                fitted=fitted[name],
                limits=threshold_limits(config.threshold_method, series, config.quantile, labels, names, config.budget),
            )
        )
    artefact = CalibrationArtefact(
        method="fiper" if set(config.scores) == {"rnd", "entropy"} else "scores",
        threshold_method=config.threshold_method,
        phases=config.phases,
        budget=config.budget,
        execution_horizon=config.execution_horizon,
        step_s=config.step_s,
        combination=config.combination,
        policy_sha256=config.policy_sha256,
        samples=samples,
        horizon=horizon,
        action_size=action_size,
        embedding_size=embedding_size,
        channels=list(config.channels),
        cell=cell.tolist(),
        cell_factor=config.cell_factor,
        score_offset=SCORE_OFFSET,
        quantile=config.quantile,
        n=len(judged),
        training_rollouts=len(train),
        failed_rollouts=sum(not r.success for r in rollouts),
        disjoint=config.disjoint,
        seed=config.split_seed,
        date=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        versions={name: version(name) for name in ("keel", "numpy", "torch")} | {"python": platform.python_version()},
        signals=signals,
    )
    return rnd, artefact


def rollout_features(rollout: RolloutRecord, rnd: torch.nn.Module, position_fn: PositionFunction) -> list[CallFeatures]:
    """What the scores see at every call of a recorded rollout."""
    with torch.no_grad():
        distances = rnd(torch.as_tensor(np.asarray(rollout.embeddings, dtype=np.float32))).numpy()
    calls = zip(rollout.embeddings, rollout.chunks, distances, strict=True)
    return [CallFeatures(e, c, np.asarray(position_fn(c)), float(d)) for e, c, d in calls]


def _common_shape(rollouts: Sequence[RolloutRecord]) -> tuple[int, int, int, int]:
    """(B, H, A, E) shared by all rollouts."""
    shapes = set()
    for index, rollout in enumerate(rollouts):
        label = f"rollout {rollout.name or index}"
        embeddings, chunks = rollout.embeddings, rollout.chunks
        if embeddings.ndim != 2 or chunks.ndim != 4 or len(embeddings) != len(chunks) or not len(chunks):
            raise CalibrationError(
                f"{label} has embeddings {embeddings.shape} and chunks {chunks.shape}.",
                "record (T, E) and (T, B, H, A) with T >= 1 policy calls.",
            )
        if not (np.isfinite(embeddings).all() and np.isfinite(chunks).all()):
            raise CalibrationError(f"{label} contains NaN or infinity.", "drop that rollout.")
        shapes.add((*chunks.shape[1:], embeddings.shape[1]))
    if len(shapes) != 1:
        raise CalibrationError(
            f"the rollouts have {len(shapes)} different (B, H, A, E): {sorted(shapes)}.",
            "record all of them with the same policy, sample count and horizon.",
        )
    return shapes.pop()


def split_rollouts(
    rollouts: Sequence[RolloutRecord], config: CalibrationConfig
) -> tuple[list[RolloutRecord], list[RolloutRecord]]:
    """(training, calibration) rollouts; calibration holds successes only.

    Raises:
        CalibrationError: too few successes for the quantile.
    """
    good = [r for r in rollouts if r.success]
    failures = [r for r in rollouts if not r.success] if config.train_on_failures else []
    needed = required_rollouts(config.quantile)
    if not config.disjoint:
        if len(good) < needed:
            raise CalibrationError(
                f"{len(good)} successful rollouts cannot support q = {config.quantile}.", f"record at least {needed}."
            )
        return good + failures, good
    if not 0.0 < config.train_fraction < 1.0:
        raise CalibrationError(f"train fraction is {config.train_fraction}.", "use a number in (0, 1).")
    count = max(1, int(config.train_fraction * len(good)))
    if len(good) - count < needed:
        total = len(good)
        while total - max(1, int(config.train_fraction * total)) < needed:
            total += 1
        raise CalibrationError(
            f"{len(good)} successful rollouts leave {max(0, len(good) - count)} for calibration, but "
            f"q = {config.quantile} needs {needed}.",
            f"record at least {total} successful rollouts, lower the train fraction, or lower q.",
        )
    order = np.random.default_rng(config.split_seed).permutation(len(good))
    return [good[i] for i in np.sort(order[:count])] + failures, [good[i] for i in np.sort(order[count:])]
