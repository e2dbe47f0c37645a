"""Solvers of EDM's probability-flow equation ``dx / d sigma = (x - D(x, sigma)) / sigma``, where alpha is 1.

Second order pays only with enough steps: Heun at two or three steps from sigma 80 is far worse than Euler.

Source: Karras et al., arXiv 2206.00364 (Euler, Heun); the ancestral step is the one of Song et al., arXiv 2011.13456,
as used by BESO (arXiv 2304.02532).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from torch import Tensor

from training.samplers.diffusion import prior_scale
from training.samplers.model import Model


def euler(model: Model, times: Sequence[float], draws: Sequence[Tensor]) -> Tensor:
    """Explicit Euler; algebraically the same as DDIM."""
    x = draws[0] * prior_scale(model, times[0])
    for now, then in itertools.pairwise(times):
        x = x + (then - now) * slope(x, model.data(x, now), now)
    return x


def heun(model: Model, times: Sequence[float], draws: Sequence[Tensor]) -> Tensor:
    """Euler's step corrected by the slope at its end; two evaluations per step, one for the last."""
    x = draws[0] * prior_scale(model, times[0])
    for now, then in itertools.pairwise(times):
        first = slope(x, model.data(x, now), now)
        guess = x + (then - now) * first
        x = guess if then == 0.0 else x + (then - now) * 0.5 * (first + slope(guess, model.data(guess, then), then))
    return x


def ancestral(model: Model, times: Sequence[float], draws: Sequence[Tensor]) -> Tensor:
    """Euler to a lower level, then fresh noise up to the next one; ``draws[i + 1]`` is added after step i."""
    x = draws[0] * prior_scale(model, times[0])
    for i, (now, then) in enumerate(itertools.pairwise(times)):
        down, up = split_noise(now, then)
        x = x + (down - now) * slope(x, model.data(x, now), now)
        if up:
            x = x + up * draws[i + 1]
    return x


def slope(x: Tensor, data: Tensor, sigma: float) -> Tensor:
    """Right-hand side of the equation."""
    return (x - data) / sigma


def split_noise(now: float, then: float) -> tuple[float, float]:
    """Level reached deterministically and deviation of the noise added back; their squares sum to ``then**2``."""
    up = min(then, math.sqrt(then**2 * (now**2 - then**2) / now**2))
    return math.sqrt(then**2 - up**2), up
