"""Typed views of the two recorded ``.npz`` files, with their shapes checked before anything is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.report.files import ReportError, read_npz
from training.report.theme import SCORE_LABELS

Floats = NDArray[np.float64]
SCORES = tuple(SCORE_LABELS)

_RUN_FIX = "record the run again with 'keel run'."
_EVALUATION_FIX = "evaluate again with 'keel evaluate'."


@dataclass(frozen=True)
class Series:
    """Samples over time.

    Attributes:
        t: (N,) s, not decreasing.
        value: (N, ...) samples; the unit is the owner's.
    """

    t: Floats
    value: Floats

    def __len__(self) -> int:
        return len(self.t)

    def window(self, start: float, end: float) -> Series:
        """Samples with ``start <= t <= end``."""
        keep = (self.t >= start) & (self.t <= end)
        return Series(self.t[keep], self.value[keep])


@dataclass(frozen=True)
class Trace:
    """What was recorded during a live run; anything may be absent.

    Attributes:
        joint_names: names of the J joint columns.
        position: (N, J) measured, rad or m.
        velocity: (N, J) measured, rad/s or m/s.
        command: (M, J) sent to the robot, rad or m.
        chunk: (K, H, J) action chunks; ``t`` is the stamp of the observation each one answers.
        chunk_step_s: spacing of the H samples, s.
        scores: failure scores by name, (S,), 1.0 is the threshold.
        cube: (P, 7) pose of the manipulated object, m and quaternion.
        goal: (P, 7) pose of its goal.
    """

    joint_names: tuple[str, ...]
    position: Series | None
    velocity: Series | None
    command: Series | None
    chunk: Series | None
    chunk_step_s: float
    scores: dict[str, Series]
    cube: Series | None
    goal: Series | None

    @property
    def end_s(self) -> float:
        """Time of the last sample of anything; 0 when nothing was recorded."""
        series = [self.position, self.velocity, self.command, self.chunk, self.cube, self.goal, *self.scores.values()]
        return max((float(one.t[-1]) for one in series if one is not None), default=0.0)


def _series(arrays: dict[str, np.ndarray], time: str, value: str, shape: str, path: Path, fix: str) -> Series | None:
    """Pair a time axis with its samples; ``shape`` like "N,8" is for the message, its commas give the rank."""
    if time not in arrays or value not in arrays:
        return None
    try:
        t, samples = arrays[time].astype(np.float64), arrays[value].astype(np.float64)
    except ValueError:
        raise ReportError(f"{path}: '{time}' or '{value}' is not numeric.", fix) from None
    if t.ndim != 1 or samples.ndim != shape.count(",") + 1 or len(samples) != len(t):
        raise ReportError(
            f"{path}: '{value}' has shape {samples.shape} with '{time}' {t.shape}; expected ({shape}).",
            fix,
        )
    if not np.all(np.isfinite(t)) or np.any(np.diff(t) < 0):
        raise ReportError(f"{path}: '{time}' has times that are not finite or run backwards.", fix)
    return Series(t, samples) if len(t) else None


def read_trace(path: Path) -> Trace:
    """Read ``run/trace.npz``.

    Raises:
        ReportError: damaged archive, or shapes that contradict each other.
    """
    arrays = read_npz(path, _RUN_FIX)
    position = _series(arrays, "joint_t", "joint_position", "N,J", path, _RUN_FIX)
    velocity = _series(arrays, "joint_t", "joint_velocity", "N,J", path, _RUN_FIX)
    command = _series(arrays, "command_t", "command", "M,J", path, _RUN_FIX)
    chunk = _series(arrays, "chunk_t", "chunk", "K,H,J", path, _RUN_FIX)
    widths = {one.value.shape[-1] for one in (position, velocity, command, chunk) if one is not None}
    if len(widths) > 1:
        raise ReportError(f"{path}: joint counts differ between arrays: {sorted(widths)}.", _RUN_FIX)
    width = widths.pop() if widths else 0
    names = tuple(str(name) for name in np.ravel(arrays.get("joint_names", np.array([], dtype=str))))
    if not names:
        names = tuple(f"joint {index + 1}" for index in range(width))
    if width and len(names) != width:
        raise ReportError(f"{path}: {len(names)} joint_names for {width} joint columns.", _RUN_FIX)
    step = float(np.ravel(arrays["chunk_step_s"])[0]) if arrays.get("chunk_step_s", np.empty(0)).size else 0.0
    if chunk is not None and not (np.isfinite(step) and step > 0):
        raise ReportError(f"{path}: 'chunk_step_s' is missing or not positive.", _RUN_FIX)
    scores = {name: _series(arrays, "score_t", f"score_{name}", "S", path, _RUN_FIX) for name in SCORES}
    return Trace(
        joint_names=names,
        position=position,
        velocity=velocity,
        command=command,
        chunk=chunk,
        chunk_step_s=step,
        scores={name: series for name, series in scores.items() if series is not None},
        cube=_series(arrays, "object_t", "object_cube", "P,7", path, _RUN_FIX),
        goal=_series(arrays, "object_t", "object_goal", "P,7", path, _RUN_FIX),
    )


def read_scores(path: Path, episodes: int) -> list[dict[str, Series]]:
    """Read ``evaluation/scores.npz``: one dict of score name to series per episode, in evaluation order.

    Raises:
        ReportError: damaged archive, wrong shapes, or scores of an episode that was not evaluated.
    """
    arrays = read_npz(path, _EVALUATION_FIX)
    indices = {name.rpartition("_")[2] for name in arrays if name.startswith("time_")}
    unknown = sorted(index for index in indices if not index.isdigit() or int(index) >= episodes)
    if unknown:
        raise ReportError(f"{path}: 'time_{unknown[0]}' belongs to none of the {episodes} episodes.", _EVALUATION_FIX)
    result: list[dict[str, Series]] = []
    for index in range(episodes):
        found = {
            name: _series(arrays, f"time_{index}", f"{name}_{index}", "S", path, _EVALUATION_FIX) for name in SCORES
        }
        result.append({name: series for name, series in found.items() if series is not None})
    return result
