"""What a sampler sees of a policy: the clean estimate and the velocity at a point, and the path they belong to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Model:
    """A denoiser on a path ``x = alpha(t) * data + sigma(t) * noise``; times are the path's own.

    Attributes:
        data: (x (B, ...), t) -> clean estimate (B, ...).
        velocity: (x, t) -> velocity of the straight path; only flow samplers ask for it.
        alpha: factor of the data.
        sigma: factor of the noise.
    """

    data: Callable[[Tensor, float], Tensor]
    velocity: Callable[[Tensor, float], Tensor]
    alpha: Callable[[float], float]
    sigma: Callable[[float], float]


Sampler = Callable[[Model, Sequence[float], Sequence[Tensor]], Tensor]
"""(model, times from noise to data, standard normal draws (B, ...)) -> sample (B, ...)."""
