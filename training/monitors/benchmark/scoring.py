"""Every score of every stored rollout, computed once: what all methods of a comparison share."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.detector import raw_scores
from policy_nodes.monitors.entropy import calibrate_cell
from policy_nodes.monitors.interface import CallFeatures
from policy_nodes.monitors.phases import Phases
from policy_nodes.monitors.registry import BUILDERS
from training.atomic import replacing_file
from training.monitors.benchmark.compare import ScoredRollout
from training.monitors.benchmark.record import StoredRollout
from training.monitors.export import PositionFunction
from training.monitors.fit import fit_scores
from training.monitors.rnd import SMALL, RNDArchitecture
from training.monitors.thresholds import label_phases
from training.monitors.train_rnd import RNDTraining, train_ensemble

Advance = Callable[[str], None]


@dataclass(frozen=True)
class ScoringConfig:
    """What is fitted and applied.

    Attributes:
        samples: of the recorded chunks the first this many are used, B.
        execution: chunk steps between calls.
        names: of the scores.
        architecture: of RND.
        training: of RND.
        seeds: of RND.
    """

    samples: int = 32
    execution: int = 8
    names: tuple[str, ...] = tuple(BUILDERS)
    architecture: RNDArchitecture = SMALL
    training: RNDTraining = field(default_factory=RNDTraining)
    seeds: tuple[int, ...] = (0,)


def score_rollouts(
    train: Sequence[StoredRollout],
    judged: Sequence[StoredRollout],
    position_fn: PositionFunction,
    phases: Phases,
    config: ScoringConfig,
    advance: Advance = lambda _: None,
) -> list[ScoredRollout]:
    """Fit the scores on ``train`` (successes) and apply them to ``judged``.

    Args:
        train: successful rollouts that neither calibrate nor test.
        judged: rollouts to score.
        position_fn: (N, H, A) -> (N, H, 3), m.
        phases: of the task.
        config: what is fitted.
        advance: progress, called after every scored rollout with its cause.
    """
    embeddings = np.concatenate([r.embeddings for r in train])
    points = [_positions(r, position_fn, config.samples).reshape(-1, 3) for r in train]
    low, high = (np.stack([getattr(p, side)(axis=0) for p in points]) for side in ("min", "max"))
    cell = calibrate_cell(high.max(axis=0) - low.min(axis=0))
    rnd, _ = train_ensemble(embeddings, config.architecture, config.training, config.seeds)
    scores, _ = fit_scores(config.names, [r.embeddings for r in train], cell, config.execution)
    found = []
    for rollout in judged:
        with torch.no_grad():
            distance = rnd(torch.as_tensor(rollout.embeddings)).numpy()
        positions = _positions(rollout, position_fn, config.samples)
        rows = zip(rollout.embeddings, rollout.chunks[:, : config.samples], positions, distance, strict=True)
        calls = [CallFeatures(e, c, p, float(d)) for e, c, p, d in rows]
        labels = label_phases(phases, [calls])[0]
        values = raw_scores(scores, calls)
        found.append(ScoredRollout(rollout.cause, rollout.success, rollout.onset, values, labels))
        advance(rollout.cause)
    return found


def save_scores(rollouts: Sequence[ScoredRollout], path: Path, info: Mapping[str, Any]) -> None:
    """Write ``path`` atomically; ``info`` says what the scores depend on."""
    table = [{"cause": r.cause, "success": r.success, "onset": r.onset} for r in rollouts]
    meta = json.dumps({"info": dict(info), "rollouts": table}, sort_keys=True)
    arrays: dict[str, Any] = {f"score_{n}": np.concatenate([r.scores[n] for r in rollouts]) for n in rollouts[0].scores}
    arrays["phases"] = np.concatenate([r.phases for r in rollouts])
    arrays["lengths"] = np.array([len(r.phases) for r in rollouts])
    with replacing_file(path) as temporary, open(temporary, "wb") as stream:
        np.savez(stream, meta=np.array(meta), **arrays)


def trained_on(path: str | os.PathLike[str]) -> int:
    """Number of rollouts, the first of the file, that the scores of :func:`save_scores` were fitted on."""
    with np.load(path, allow_pickle=False) as archive:
        return int(json.loads(str(archive["meta"]))["info"]["train"])


def load_scores(path: str | os.PathLike[str], info: Mapping[str, Any] | None = None) -> list[ScoredRollout] | None:
    """Scores of :func:`save_scores`; None when they depend on something else than ``info`` says, if it is given.

    Raises:
        CalibrationError: the file is not readable.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            meta = json.loads(str(archive["meta"]))
            ends = np.cumsum(archive["lengths"])[:-1]
            phases = np.split(archive["phases"], ends)
            names = [name for name in archive.files if name.startswith("score_")]
            columns = {name.removeprefix("score_"): np.split(archive[name], ends) for name in names}
    except (OSError, KeyError, ValueError) as error:
        raise CalibrationError(f"'{path}' holds no scores: {error}.", "delete it; it is computed again.") from error
    if info is not None and meta["info"] != json.loads(json.dumps(dict(info))):
        return None
    rows = enumerate(zip(meta["rollouts"], phases, strict=True))
    return [ScoredRollout(**row, scores={n: c[i] for n, c in columns.items()}, phases=p) for i, (row, p) in rows]


def _positions(rollout: StoredRollout, position_fn: PositionFunction, samples: int) -> NDArray[np.floating]:
    """(T, B, H, 3)."""
    chunks = rollout.chunks[:, :samples]
    return position_fn(chunks.reshape(-1, *chunks.shape[2:])).reshape(*chunks.shape[:3], 3)
