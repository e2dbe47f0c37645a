"""Ranges to draw from, and what makes one impossible."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sim.errors import SimError

Range = tuple[float, float]
"""Smallest and largest value, drawn uniformly; equal ends switch a quantity off."""


class RandomizationError(SimError):
    """A range that no robot can have."""


def check_range(name: str, value: Range, low: float = -math.inf, high: float = math.inf) -> None:
    """Refuse ranges that are reversed, not finite, or reach outside of ``[low, high]``.

    Raises:
        RandomizationError: names the range and its bound.
    """
    start, end = value
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RandomizationError(f"{name} is {value}, which is not finite.", "give two finite numbers.")
    if start > end:
        raise RandomizationError(f"{name} is {value}, which is empty.", "give the smaller number first.")
    if start < low or end > high:
        raise RandomizationError(
            f"{name} is {value}, which reaches outside of [{low:g}, {high:g}].", "give a range that is possible."
        )


def draw(value: Range, shape: int | tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
    """Uniform numbers in the range, of the given shape."""
    return rng.uniform(value[0], value[1], size=shape)
