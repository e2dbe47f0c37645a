"""Real-time chunking: sample the next chunk so that it continues the previous one.

The beginning of the new chunk, which will already have been executed when it arrives, is given; the rest of the overlap
is softly attracted to the old chunk. Inpainting by guidance with the true vector-Jacobian product through the denoiser.

Source: Black, Galliker, Levine, "Real-Time Execution of Action Chunking Flow Policies", arXiv 2506.07339, algorithm 1,
which rests on the pseudo-inverse guidance of Song et al. (ICLR 2023) and Pokle et al., arXiv 2310.04432. Time runs from
noise (0) to data (1), as everywhere in Keel.
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.objectives.flow_matching import Velocity

MAX_WEIGHT = 5.0
"""Clip beta of the guidance, as published."""


def guidance_coefficient(tau: float, max_weight: float = MAX_WEIGHT) -> float:
    """``min(beta, (1 - tau) / (tau r^2))`` with ``r^2 = (1 - tau)^2 / (tau^2 + (1 - tau)^2)``; beta at ``tau = 0``.

    Args:
        tau: flow time in [0, 1).
        max_weight: beta.
    """
    if tau <= 0.0:
        return max_weight
    rest = 1.0 - tau
    return min(max_weight, (tau * tau + rest * rest) / (tau * rest))


def guided_flow(
    velocity: Velocity,
    noise: Tensor,
    target: Tensor,
    weights: Tensor,
    steps: int,
    *,
    max_weight: float = MAX_WEIGHT,
    through_denoiser: bool = True,
) -> Tensor:
    """Euler steps along ``v + coefficient * J^T diag(W) (Y - A1)``, A1 being the denoised estimate and J its Jacobian.

    Args:
        velocity: field (x (B, H, A), t (B,)) -> (B, H, A).
        noise: (B, H, A) start at t = 0.
        target: Y (B, H, A), the previous chunk on the new chunk's time grid, normalised; its values where W is 0 are
            without effect.
        weights: W (B, H) in [0, 1]; all zeros give the plain sampler.
        steps: network evaluations; each is differentiated once.
        max_weight: clip beta of the guidance.
        through_denoiser: False replaces J by the identity, which some implementations do without meaning to; for
            comparison only.

    Returns:
        (B, H, A) sample at t = 1.

    Raises:
        ValueError: ``steps`` is less than 1.
    """
    if steps < 1:
        raise ValueError(f"guided sampling needs at least one step, got {steps}")
    x, dt, mask = noise, 1.0 / steps, weights.unsqueeze(-1)
    for k in range(steps):
        tau = k * dt
        t = torch.full_like(x[:, 0, 0], tau)

        def estimate(point: Tensor, t: Tensor = t, tau: float = tau) -> tuple[Tensor, Tensor]:
            v = velocity(point, t)
            return point + (1.0 - tau) * v, v

        if through_denoiser:
            denoised, pull_back, v = torch.func.vjp(estimate, x, has_aux=True)  # type: ignore[misc]
            (correction,) = pull_back(mask * (target - denoised))
        else:
            denoised, v = estimate(x)
            correction = mask * (target - denoised)
        x = x + dt * (v + guidance_coefficient(tau, max_weight) * correction)
    return x
