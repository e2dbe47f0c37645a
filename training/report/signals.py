"""Pure functions between recorded samples and what is drawn: decimation, plans, states, windows.

Times are seconds since the start of the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.report.arrays import Floats, Series
from training.report.schema import Fault, SafetyEvent


@dataclass(frozen=True)
class StateSpan:
    """The supervisor was in ``state`` from ``start`` to ``end``, entered for ``reason``."""

    start: float
    end: float
    state: str
    reason: str
    backup: str


def state_spans(events: Sequence[SafetyEvent], end: float) -> list[StateSpan]:
    """Turn transitions into spans; each lasts until the next transition, the last one until ``end``.

    A repeated entry into the same state for the same reason continues its span. Spans without duration are dropped.
    """
    spans: list[StateSpan] = []
    ordered = sorted(events, key=lambda event: event.t)
    for index, event in enumerate(ordered):
        stop = ordered[index + 1].t if index + 1 < len(ordered) else max(end, event.t)
        span = StateSpan(event.t, stop, event.state, event.reason or "", event.backup or "")
        last = spans[-1] if spans else None
        if last and (last.state, last.reason, last.backup) == (span.state, span.reason, span.backup):
            spans[-1] = StateSpan(last.start, span.end, last.state, last.reason, last.backup)
        elif stop > event.t:
            spans.append(span)
    return spans


def decimate(t: Floats, value: Floats, buckets: int) -> tuple[Floats, Floats]:
    """Keep the lowest and highest sample of each of ``buckets`` equal runs, so that no spike is lost.

    Args:
        t: (N,) times.
        value: (N,) samples.
        buckets: number of runs; at most ``2 * buckets`` samples remain.

    Returns:
        Times and values, in order. NaN samples are kept as gaps where a whole run is NaN.
    """
    if len(t) <= 2 * buckets:
        return t, value
    keep: list[int] = []
    for part in np.array_split(np.arange(len(t)), buckets):
        finite = part[np.isfinite(value[part])]
        if not len(finite):
            keep.append(int(part[0]))
            continue
        low, high = int(finite[np.argmin(value[finite])]), int(finite[np.argmax(value[finite])])
        keep.extend(sorted({low, high}))
    return t[keep], value[keep]


def planned(chunks: Series, step_s: float, t: Floats, joint: int) -> Floats:
    """What the newest chunk wants at each time: linear between its samples, NaN outside its horizon.

    Args:
        chunks: stamps (K,) and samples (K, H, J); sample ``k`` is meant for ``stamp + k * step_s``.
        step_s: spacing of the samples, s.
        t: (N,) times.
        joint: column.

    Returns:
        (N,). The last sample is held for one step, as the safety node does.
    """
    result = np.full(len(t), np.nan)
    newest = np.searchsorted(chunks.t, t, side="right") - 1
    horizon = chunks.value.shape[1]
    for index in np.unique(newest[newest >= 0]):
        rows = newest == index
        phase = (t[rows] - chunks.t[index]) / step_s
        want = np.interp(phase, np.arange(horizon), chunks.value[index, :, joint])
        result[rows] = np.where(phase < horizon, want, np.nan)
    return result


def busiest_joints(position: Series, count: int, start: float = -np.inf, end: float = np.inf) -> list[int]:
    """Columns with the largest travel in a window, most travelled first.

    Travel is the sum of absolute differences; a column that is not finite counts as zero.
    """
    inside = position.window(start, end).value
    travel: NDArray[np.float64] = np.abs(np.diff(inside, axis=0)).sum(axis=0)
    order = np.argsort(-np.where(np.isfinite(travel), travel, 0.0), kind="stable")
    return [int(column) for column in order[:count]]


def fault_window(fault: Fault, before: float = 0.5, after: float = 1.5) -> tuple[float, float]:
    """Interval to draw around a fault: from before the injection to long enough after the last known moment."""
    moments = [fault.t_observable, fault.t_detected, fault.t_first_backup_command]
    last = max([fault.t_injected, *(moment for moment in moments if moment is not None)])
    return fault.t_injected - before, max(fault.t_injected + after, last + 0.8)


def standstill_s(velocity: Series, since: float, until: float, threshold: float = 0.02) -> float | None:
    """Seconds from ``since`` until every joint stays slower than ``threshold`` up to ``until``; None if it never does.

    Args:
        velocity: (N, J) rad/s.
        since: first backup command.
        until: end of the observation, for example the reset.
        threshold: rad/s below which a joint counts as standing.
    """
    inside = velocity.window(since, until)
    if not len(inside):
        return None
    moving = np.flatnonzero(~(np.abs(inside.value).max(axis=1) < threshold))
    if not len(moving):
        return 0.0
    if moving[-1] + 1 >= len(inside):
        return None
    return float(inside.t[moving[-1] + 1] - since)
