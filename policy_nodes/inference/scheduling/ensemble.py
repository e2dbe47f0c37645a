"""Joining chunks that speak about the same instants.

Temporal ensembling: Zhao et al., "Learning Fine-Grained Bimanual Manipulation with Low-Cost Hardware" (ACT),
arXiv 2304.13705, with weights ``exp(-m i)``, i = 0 for the OLDEST prediction. It averages: where two chunks mean
different ways around an obstacle the mean goes through it, and under delay it leans on what is outdated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from policy_nodes.inference.scheduling.lookup import resample
from policy_nodes.inference.scheduling.masks import prefix_weights
from policy_nodes.types import ActionChunk


def ensemble(chunks: Sequence[ActionChunk], decay: float) -> ActionChunk:
    """The newest chunk with each of its samples replaced by the weighted mean of all chunks that reach that instant.

    Args:
        chunks: at least one, oldest first; outdated ones take no part by themselves.
        decay: m >= 0; 0 is the plain mean.

    Raises:
        ValueError: no chunks, or a negative decay.
    """
    if not chunks or decay < 0:
        raise ValueError("ensembling needs at least one chunk and a decay of 0 or more")
    newest = chunks[-1]
    total = np.zeros(newest.values.shape)
    weights = np.zeros(newest.values.shape[0])
    rank = np.zeros(newest.values.shape[0])
    for chunk in chunks:
        values, known = resample(chunk, newest.stamp_ns, newest.step_ns, newest.values.shape[0])
        weight = np.where(known, np.exp(-decay * rank), 0.0)
        total += weight[:, None] * values
        weights += weight
        rank += known  # i counts the predictions of this instant, not all chunks
    return replace(newest, values=total / weights[:, None])


def blend(old: ActionChunk, new: ActionChunk, frozen: int) -> ActionChunk:
    """The new chunk, reached from the old one over their overlap by real-time chunking's prefix weights.

    Where ``frozen`` covers the instant of the change there is no jump. The mean of two ways around an obstacle is
    no way; a guided graph makes the two chunks mean the same way first.

    Args:
        old: executed until the change.
        new: with a later stamp.
        frozen: first steps of the new chunk that are taken from the old one as they are.
    """
    horizon = new.values.shape[0]
    values, known = resample(old, new.stamp_ns, new.step_ns, horizon)
    weights = prefix_weights(horizon, frozen, int(known.sum())).astype(np.float64)[:, None]
    return replace(new, values=weights * values + (1.0 - weights) * new.values)


def alive(chunks: Sequence[ActionChunk], since_ns: int) -> list[ActionChunk]:
    """Those chunks that still have a sample at or after ``since_ns``, in the same order."""
    return [chunk for chunk in chunks if chunk.end_ns - chunk.step_ns >= since_ns]
