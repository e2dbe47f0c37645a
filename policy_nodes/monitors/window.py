"""Trailing window sum, on line and over a whole rollout.

A sum and not a mean (FIPER, released code): the first calls of an episode see a partial, smaller window.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from numpy.typing import ArrayLike, NDArray

from policy_nodes.errors import ConfigError


def trailing_sum(scores: ArrayLike, window: int) -> NDArray[np.float64]:
    """``S_t = sum of scores[max(0, t - window + 1) .. t]`` for (T,) scores; infinities stay inside their window."""
    _check(window)
    values = np.asarray(scores, dtype=np.float64)
    if not len(values):
        return values
    window = min(window, len(values))
    padded = np.concatenate([np.zeros(window - 1), values])
    return np.lib.stride_tricks.sliding_window_view(padded, window).sum(axis=1)


class TrailingSum:
    """The same sum, one score at a time.

    Args:
        window: number of calls, >= 1.
    """

    def __init__(self, window: int) -> None:
        _check(window)
        self._scores: deque[float] = deque(maxlen=window)

    def reset(self) -> None:
        """Start a new episode."""
        self._scores.clear()

    def step(self, score: float) -> float:
        """Add ``score`` and return the sum. It is formed anew every time, so no rounding error accumulates."""
        self._scores.append(score)
        return math.fsum(self._scores)


def _check(window: int) -> None:
    if window < 1:
        raise ConfigError(f"window is {window} calls.", "use at least 1.")
