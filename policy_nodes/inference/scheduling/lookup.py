"""Delay-compensated lookup: what a chunk says about an instant, whenever it arrives.

A chunk carries the stamp of the observation that it answers; sample ``k`` is meant for ``stamp + k * step``. Looking
up *now* therefore skips what inference and transport have used up (latency matching, as in the real-robot loop of
Chi et al., "Diffusion Policy", arXiv 2303.04137), without anybody counting steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from policy_nodes.types import ActionChunk

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Found:
    """What a chunk says about an instant.

    Attributes:
        value: (A,) command.
        held: the chunk has ended and this is its last sample, kept.
    """

    value: Array
    held: bool = False


def lookup(chunk: ActionChunk, now_ns: int, *, hold_ns: int = 0, lead_ns: int = 0) -> Found | None:
    """The command for ``now_ns``: interpolated inside the chunk, its last sample for ``hold_ns`` after, else None.

    Args:
        chunk: with at least one sample.
        now_ns: the instant.
        hold_ns: how long the last sample stands in after the chunk's end (zero-order extrapolation, never a slope).
        lead_ns: how far before the chunk's stamp its first sample stands in: clocks that disagree a little.
    """
    if chunk.stamp_ns - lead_ns <= now_ns < chunk.stamp_ns:
        now_ns = chunk.stamp_ns
    value = chunk.at(now_ns)
    if value is not None:
        return Found(np.asarray(value, dtype=np.float64))
    if chunk.end_ns <= now_ns < chunk.end_ns + hold_ns:
        return Found(np.asarray(chunk.values[-1], dtype=np.float64), held=True)
    return None


def resample(chunk: ActionChunk, start_ns: int, step_ns: int, count: int) -> tuple[Array, NDArray[np.bool_]]:
    """The chunk on another time grid ``start_ns + k * step_ns``, ``k < count``.

    Returns:
        Values (count, A), interpolated, with the first and last sample repeated outside; and (count,) whether the
        chunk really has two samples, or one exactly, at that instant: between the last sample and the chunk's end it
        does not.
    """
    samples = chunk.values.shape[0]
    phase = (start_ns - chunk.stamp_ns + step_ns * np.arange(count)) / chunk.step_ns
    known = (phase >= 0.0) & (phase <= samples - 1)
    clipped = np.minimum(np.maximum(phase, 0.0), samples - 1)
    low = np.minimum(clipped.astype(np.int64), max(samples - 2, 0))
    high = np.minimum(low + 1, samples - 1)
    weight = (clipped - low)[:, None]
    values: Array = (1.0 - weight) * chunk.values[low] + weight * chunk.values[high]
    return values, known


def remaining_s(chunk: ActionChunk | None, now_ns: int) -> float:
    """Seconds for which the chunk still has something to say; 0 without a chunk or after its end."""
    return 0.0 if chunk is None else max(chunk.end_ns - now_ns, 0) / 1e9
