"""Conditional flow matching with the straight (rectified) path.

Convention, fixed for all of Keel: ``t = 0`` is noise and ``t = 1`` is data,

    x_t = (1 - t) * noise + t * data,        v = d x_t / d t = data - noise,

integrated forwards with ``x <- x + dt * v``. (openpi and LeRobot's pi0 count time the other way round.)

Sources: Lipman et al., "Flow Matching for Generative Modeling", arXiv 2210.02747; Liu et al., "Flow Straight and Fast",
arXiv 2209.03003; the Beta(1.5, 1) time density is the one of pi0, Black et al., arXiv 2410.24164.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

TimeDensity = Literal["uniform", "beta"]
Velocity = Callable[[Tensor, Tensor], Tensor]
"""(x_t (B, H, A), t (B,)) -> velocity (B, H, A)."""


def interpolate(noise: Tensor, data: Tensor, t: Tensor) -> Tensor:
    """Point on the straight path from ``noise`` (t = 0) to ``data`` (t = 1).

    Args:
        noise: (B, ...) sample of the prior.
        data: (B, ...) sample of the data.
        t: (B,) flow time in [0, 1].
    """
    weight = t.view(-1, *([1] * (data.dim() - 1)))
    return (1.0 - weight) * noise + weight * data


def target_velocity(noise: Tensor, data: Tensor) -> Tensor:
    """Velocity of the straight path, constant in time: ``data - noise``."""
    return data - noise


def sample_time(batch: int, density: TimeDensity, generator: torch.Generator | None = None) -> Tensor:
    """Draw (B,) flow times.

    ``uniform`` is U(0, 1). ``beta`` is pi0's density with more mass near the noise, expressed in this module's
    direction of time: ``t = 1 - (0.999 * Beta(1.5, 1) + 0.001)``, by inversion because Beta(1.5, 1) has CDF ``u**1.5``.
    """
    u = torch.rand(batch, generator=generator)
    if density == "uniform":
        return u
    return 1.0 - (0.999 * u ** (1.0 / 1.5) + 0.001)


def flow_matching_loss(
    velocity: Velocity, data: Tensor, is_pad: Tensor, density: TimeDensity, generator: torch.Generator | None = None
) -> Tensor:
    """Mean squared error between predicted and path velocity, over the steps that are not padding.

    Args:
        velocity: network, already conditioned on the observation.
        data: (B, H, A) normalised action chunks.
        is_pad: (B, H) True where the chunk runs past the end of its episode.
        density: distribution of the flow time.
        generator: source of noise and time; None uses torch's global one.

    Returns:
        Scalar loss.
    """
    noise = torch.randn(data.shape, generator=generator)
    t = sample_time(data.shape[0], density, generator)
    error = velocity(interpolate(noise, data, t), t) - target_velocity(noise, data)
    keep = (~is_pad).to(data.dtype).unsqueeze(-1)
    return (error.square() * keep).sum() / (keep.sum() * data.shape[-1]).clamp(min=1.0)
