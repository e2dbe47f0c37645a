"""The black box on disk: one ``.npz`` per stop, arrays and text only (never a pickle), written atomically."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from policy_nodes.errors import KeelError
from policy_nodes.safety.black_box import Heard, Snapshot

FORMAT = 1
KEPT_FILES = 50
"""A robot that stops often must not fill its disk: the oldest files beyond so many are removed."""


class BlackBoxError(KeelError):
    """A black box cannot be read or written."""


@dataclass(frozen=True)
class Recording:
    """A black box read back; times are ns of the ROS clock.

    Attributes:
        path: of the file.
        joints: names, n of them.
        period_s: control period.
        arrays: ``decision_t`` (N,), ``state``, ``reason``, ``backup``, ``detail`` (N,) text, ``category`` (N,) int, -1
            for none, ``command`` and ``wanted`` (N, n) with NaN where there was none; ``joint_t`` (arrival),
            ``joint_stamp``, ``joint_position``, ``joint_velocity``, ``joint_refused``; per observation term
            ``term/NAME/t``, ``/stamp``, ``/value``, ``/refused``; ``chunk_t``, ``chunk_stamp``, ``chunk_step``,
            ``chunk`` (K, T, n), ``chunk_refused``; ``alarm_t``, ``alarm_active``, ``alarm_score``.
        events: (time, text).
    """

    path: Path
    joints: list[str]
    period_s: float
    arrays: dict[str, NDArray[Any]]
    events: list[tuple[int, str]]

    @property
    def stop(self) -> int | None:
        """Index of the first decision of the last stop, or None."""
        stopping = np.isin(self.arrays["state"], ("BACKUP", "STOPPED"))
        began = np.flatnonzero(stopping & ~np.concatenate([[False], stopping[:-1]]))
        return int(began[-1]) if began.size else None


def write_black_box(snapshot: Snapshot, directory: Path) -> Path:
    """Write ``black_box_STAMP_REASON.npz`` into ``directory``; returns its path.

    Raises:
        BlackBoxError: the file cannot be written.
    """
    last = snapshot.decisions[-1] if snapshot.decisions else None
    stamp, reason = (0, "none") if last is None else (last.stamp_ns, last.reason.value if last.reason else "none")
    path = directory / f"black_box_{stamp}_{reason}.npz"
    temporary = directory / f".{path.name}.{os.getpid()}.tmp"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **_arrays(snapshot))  # type: ignore[arg-type]
        temporary.replace(path)
        for old in sorted(directory.glob("black_box_*.npz"), key=lambda each: each.name)[:-KEPT_FILES]:
            old.unlink(missing_ok=True)
    except OSError as error:
        raise BlackBoxError(f"cannot write {path}: {error.strerror}.", "check the directory and its space.") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    return path


def read_black_box(path: Path) -> Recording:
    """Read a file of :func:`write_black_box`.

    Raises:
        BlackBoxError: missing, damaged, or of another format.
    """
    fix = "name a black_box_*.npz that safety_node wrote."
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        meta = json.loads(str(arrays.pop("meta")))
        if meta["format"] != FORMAT:
            raise BlackBoxError(f"{path} has format {meta['format']}, this version reads {FORMAT}.", "update keel.")
        events = [(int(when), str(text)) for when, text in meta["events"]]
        recording = Recording(path, [str(name) for name in meta["joints"]], float(meta["period_s"]), arrays, events)
        if arrays["command"].shape != (len(arrays["decision_t"]), len(recording.joints)):
            raise ValueError("commands and joints do not fit")
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise BlackBoxError(f"{path} is no readable black box: {error}.", fix) from error
    return recording


def _arrays(snapshot: Snapshot) -> dict[str, NDArray[Any]]:
    decisions, size = snapshot.decisions, len(snapshot.joints)
    nothing = np.full(size, np.nan)
    meta = {
        "format": FORMAT,
        "joints": snapshot.joints,
        "period_s": snapshot.period_s,
        "events": snapshot.events,
    }
    found: dict[str, NDArray[Any]] = {
        "meta": np.array(json.dumps(meta)),
        "decision_t": np.array([d.stamp_ns for d in decisions], dtype=np.int64),
        "state": _text([d.state.value for d in decisions]),
        "reason": _text(["" if d.reason is None else d.reason.value for d in decisions]),
        "backup": _text([d.backup or "" for d in decisions]),
        "detail": _text([d.detail for d in decisions]),
        "category": np.array([-1 if d.stop_category is None else d.stop_category for d in decisions], dtype=np.int64),
        "limited": np.array([d.limited for d in decisions], dtype=bool),
        "command": _rows([nothing if d.command is None else d.command for d in decisions], size),
        "wanted": _rows([nothing if d.wanted is None else d.wanted for d in decisions], size),
    }
    found |= _heard("joint", snapshot.joint_states)
    samples = [row.content for row in snapshot.joint_states]
    found["joint_stamp"] = np.array([sample.stamp_ns for sample in samples], dtype=np.int64)
    found["joint_position"] = _rows([sample.position for sample in samples], size)
    found["joint_velocity"] = _rows([sample.velocity for sample in samples], size)
    for name, rows in snapshot.terms.items():
        found |= {f"term/{name}/{key.partition('_')[2]}": value for key, value in _heard("x", rows).items()}
        found[f"term/{name}/stamp"] = np.array([row.content[0] for row in rows], dtype=np.int64)
        width = max((row.content[1].size for row in rows), default=0)
        found[f"term/{name}/value"] = _rows([row.content[1] for row in rows], width)
    found |= _chunks(snapshot.chunks, size)
    alarms = [row.content for row in snapshot.alarms]
    found["alarm_t"] = np.array([row.arrival_ns for row in snapshot.alarms], dtype=np.int64)
    found["alarm_active"] = np.array([alarm.active for alarm in alarms], dtype=bool)
    found["alarm_score"] = np.array([max(alarm.scores.values(), default=np.nan) for alarm in alarms])
    return found


def _chunks(rows: Sequence[Heard], size: int) -> dict[str, NDArray[Any]]:
    """Chunks may have any shape when they were refused; those that fit are kept, the others leave their reason."""
    found = _heard("chunk", rows)
    chunks = [row.content for row in rows]
    length = max((len(c.values) for c in chunks if c is not None and np.ndim(c.values) == 2), default=0)
    values = np.full((len(rows), length, size), np.nan)
    for k, chunk in enumerate(chunks):
        if chunk is not None and np.ndim(chunk.values) == 2 and np.shape(chunk.values)[1] == size:
            values[k, : len(chunk.values)] = chunk.values
    found["chunk"] = values
    found["chunk_stamp"] = np.array([0 if c is None else c.stamp_ns for c in chunks], dtype=np.int64)
    found["chunk_step"] = np.array([0 if c is None else c.step_ns for c in chunks], dtype=np.int64)
    return found


def _heard(prefix: str, rows: Sequence[Heard]) -> dict[str, NDArray[Any]]:
    return {
        f"{prefix}_t": np.array([row.arrival_ns for row in rows], dtype=np.int64),
        f"{prefix}_refused": _text(["" if row.refused is None else row.refused.value for row in rows]),
    }


def _rows(values: Sequence[Any], size: int) -> NDArray[np.float64]:
    """(N, size); a row of another length, which was refused, is NaN."""
    found = np.full((len(values), size), np.nan)
    for k, value in enumerate(values):
        if np.shape(value) == (size,):
            found[k] = value
    return found


def _text(values: Sequence[str]) -> NDArray[Any]:
    return np.array(values, dtype=np.str_) if values else np.empty(0, dtype="<U1")
