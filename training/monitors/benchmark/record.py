"""Rollouts of a bundle, recorded once and compared many times: one ``rollouts.npz``, no pickle."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from policy_nodes.bundle.load import Bundle
from policy_nodes.errors import CalibrationError
from training.atomic import replacing_file
from training.contracts.task import TaskContract
from training.disturbances.cause import Cause
from training.disturbances.cell import DisturbedCell
from training.evaluation.closed_loop import ClosedLoop

Advance = Callable[[str], None]
"""Called after every episode with its cause and outcome."""


@dataclass(frozen=True)
class StoredRollout:
    """One episode, one row per policy call.

    Attributes:
        cause: name of what went wrong, ``none`` for nothing.
        seed: of the world.
        success: outcome.
        onset: call index at or after which the cause is visible.
        embeddings: (T, E).
        chunks: (T, B, H, A) contract units.
        observations: (T, O) the policy's raw inputs, features in contract order, flattened.
    """

    cause: str
    seed: int
    success: bool
    onset: int
    embeddings: NDArray[np.float32]
    chunks: NDArray[np.float32]
    observations: NDArray[np.float32]


class _Tap:
    """A policy session that remembers the observations of batched calls."""

    def __init__(self, session: Any) -> None:
        self._session, self.seen = session, list[NDArray[np.float32]]()

    def sample(self, values: Mapping[str, NDArray[np.float32]], *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("batch", 1) > 1:
            self.seen.append(np.concatenate([values[name].ravel() for name in values]))
        return self._session.sample(values, *args, **kwargs)


def record(
    bundle: Bundle,
    contract: TaskContract,
    cause: Cause,
    seeds: Sequence[int],
    samples: int,
    seconds: float,
    advance: Advance,
) -> list[StoredRollout]:
    """Closed-loop episodes under one cause; they go on after a success as `keel calibrate` records them.

    Args:
        bundle: verified bundle with an embedding output.
        contract: of its task.
        cause: what goes wrong.
        seeds: one episode each; the same seeds give the same scenes for every cause.
        samples: chunks per call, B.
        seconds: simulated time limit of an episode.
        advance: progress.
    """
    cell = DisturbedCell(contract.make_world(), cause)
    loop = ClosedLoop(bundle, cell, record_samples=samples)
    tap = _Tap(loop.session)
    loop.session = tap  # type: ignore[assignment]
    period = loop.replan_ticks * loop.period_ns * 1e-9
    found = []
    for seed in seeds:
        tap.seen.clear()
        try:
            episode = loop.run(seed, seconds, frame=lambda _, time: cell.after(time), settle_s=contract.settle_s)
        finally:
            cell.close()
        if not episode.calls:
            continue
        embeddings, chunks = (np.stack(column) for column in zip(*episode.calls, strict=True))
        onset = int(np.ceil(cause.onset / period - 1e-9))
        found.append(StoredRollout(cause.name, seed, episode.success, onset, embeddings, chunks, np.stack(tap.seen)))
        advance(f"{cause.name}: {episode.outcome}")
    return found


def still_to_record(stored: Sequence[StoredRollout], seeds: range) -> tuple[list[StoredRollout], range]:
    """Of a recording: the rollouts of these seeds, and the seeds after the last recorded one.

    A seed whose episode ended before its first call has no rollout; it is not tried again once a later one has.
    """
    kept = [r for r in stored if r.seed in seeds]
    return kept, range(max((r.seed + 1 for r in kept), default=seeds.start), seeds.stop)


def save_rollouts(rollouts: Sequence[StoredRollout], path: str | os.PathLike[str], info: Mapping[str, Any]) -> None:
    """Write ``path`` atomically; ``info`` must be JSON (bundle, hashes, B, dates)."""
    path = Path(path)
    table = [{"cause": r.cause, "seed": r.seed, "success": r.success, "onset": r.onset} for r in rollouts]
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(r, name) for r in rollouts]) for name in ("embeddings", "chunks", "observations")
    }
    arrays["lengths"] = np.array([len(r.embeddings) for r in rollouts])
    arrays["meta"] = np.array(json.dumps({"info": dict(info), "rollouts": table}))
    with replacing_file(path) as temporary, open(temporary, "wb") as stream:
        np.savez(stream, **arrays)


def recording_name(cause: str) -> str:
    """File name of the rollouts under a cause, ``none`` for nothing."""
    return f"{cause.replace(' ', '_')}.npz"


def load_rollouts(path: str | os.PathLike[str]) -> tuple[list[StoredRollout], dict[str, Any]]:
    """Rollouts and ``info``.

    Raises:
        CalibrationError: missing or not written by :func:`save_rollouts`.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            meta = json.loads(str(archive["meta"]))
            ends = np.cumsum(archive["lengths"])[:-1]
            columns = [np.split(archive[name], ends) for name in ("embeddings", "chunks", "observations")]
    except (OSError, KeyError, ValueError) as error:
        raise CalibrationError(f"'{path}' holds no rollouts: {error}.", "record them again.") from error
    rows = zip(meta["rollouts"], *columns, strict=True)
    return [StoredRollout(**row, embeddings=e, chunks=c, observations=o) for row, e, c, o in rows], meta["info"]
