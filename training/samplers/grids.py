"""Noise levels at which a sampler evaluates the network.

Sources: karras: Karras et al., arXiv 2206.00364, equation 5; exponential: evenly spaced in log sigma.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

GridName = Literal["karras", "exponential", "linear"]


def karras(steps: int, low: float, high: float, rho: float = 7.0) -> list[float]:
    """``steps`` levels from ``high`` to ``low``, evenly spaced in ``sigma ** (1 / rho)``."""
    a, b = high ** (1.0 / rho), low ** (1.0 / rho)
    return [(a + share * (b - a)) ** rho for share in _shares(steps)]


def exponential(steps: int, low: float, high: float) -> list[float]:
    """``steps`` levels from ``high`` to ``low``, evenly spaced in log sigma."""
    a, b = math.log(high), math.log(low)
    return [math.exp(a + share * (b - a)) for share in _shares(steps)]


def linear(steps: int, low: float, high: float) -> list[float]:
    """``steps`` levels from ``high`` to ``low``, evenly spaced."""
    return [high + share * (low - high) for share in _shares(steps)]


def noise_levels(grid: str, steps: int, low: float, high: float, rho: float = 7.0) -> list[float]:
    """Levels of the named grid followed by 0, ``steps + 1`` in all.

    Raises:
        ValueError: an unknown grid, or less than one step.
    """
    makers: dict[str, Callable[[], list[float]]] = {
        "karras": lambda: karras(steps, low, high, rho),
        "exponential": lambda: exponential(steps, low, high),
        "linear": lambda: linear(steps, low, high),
    }
    if steps < 1 or grid not in makers:
        raise ValueError(f"no grid '{grid}' with {steps} steps")
    # The ends are exact, whatever the powers round to: the network never sees a level outside its range.
    return [min(max(level, low), high) for level in makers[grid]()] + [0.0]


def _shares(steps: int) -> list[float]:
    return [0.0] if steps == 1 else [i / (steps - 1) for i in range(steps)]
