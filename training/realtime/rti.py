"""Warm-started denoising: begin near the end of the reverse process, from the previous chunk moved on by one tick.

Consecutive chunks overlap, so the previous answer is nearly right; a few last steps correct it. No retraining is needed
for continuous actions; for two-valued ones see ``discrete``.

Source: Duan, Yin, Kragic, "Real-Time Iteration Scheme for Diffusion Policy" (RTI-DP), arXiv 2508.05396, and its
official code. :func:`warm_diffusion` is the published method: the guess is used as it is, not noised again, which the
network does not notice, because at the listed steps a chunk carries little noise (0.06 at k = 2).

:func:`warm_flow` carries the idea over to flow matching with few steps, where the start is far from the data: the point
of the path at time ``t`` is ``t * data + (1 - t) * noise``, so the guess is scaled by t *and noised*. Left clean it is
nothing that the network has ever seen at that time (at t = 0.5 half the spread is missing), and it keeps repeating the
guess: the demo's policy then never grasps, where the noised start does (docs/realtime.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from training.objectives.flow_matching import Velocity

Epsilon = Callable[[Tensor, int], Tensor]
"""(x_k (B, H, A), k) -> predicted noise (B, H, A)."""
Impose = Callable[[Tensor], Tensor]
"""Puts known entries back into a chunk (inpainting); called before every prediction."""


@dataclass(frozen=True)
class NoiseSchedule:
    """A discrete diffusion: index 0 is the cleanest.

    Attributes:
        betas: (T,) variances of the forward steps.
    """

    betas: Tensor

    @property
    def alphas(self) -> Tensor:
        """``1 - beta``."""
        return 1.0 - self.betas

    @property
    def alphas_bar(self) -> Tensor:
        """Cumulative product of the alphas."""
        return torch.cumprod(self.alphas, 0)


def warm_diffusion(
    epsilon: Epsilon,
    guess: Tensor,
    step_list: Sequence[int],
    schedule: NoiseSchedule,
    noises: Tensor | None = None,
    impose: Impose | None = None,
) -> Tensor:
    """DDPM steps at the listed indices from ``guess``.

    Every step uses the coefficients from k to k - 1, also where the list skips indices, and adds its noise for k > 0,
    as the published code does.

    Args:
        epsilon: noise predictor.
        guess: (B, H, A) previous normalised chunk, shifted; used as x at the first listed index.
        step_list: descending indices, for example (2, 1, 0).
        schedule: of the training.
        noises: (len(step_list), B, H, A) standard normal; None adds none (the mean map).
        impose: known entries of the chunk, if any.

    Raises:
        ValueError: the list is empty, not descending, or outside the schedule.
    """
    indices = list(step_list)
    total = schedule.betas.shape[0]
    if not indices or any(a <= b for a, b in pairwise(indices)):
        raise ValueError(f"the step list {indices} is empty or not descending")
    if indices[0] >= total or indices[-1] < 0:
        raise ValueError(f"the step list {indices} leaves the schedule of {total} steps")
    alphas_bar = schedule.alphas_bar
    x = guess
    for number, k in enumerate(indices):
        x = x if impose is None else impose(x)
        beta, bar = schedule.betas[k], alphas_bar[k]
        before = alphas_bar[k - 1] if k > 0 else torch.ones_like(bar)
        predicted = epsilon(x, k)
        x = (x - beta / (1.0 - bar).sqrt() * predicted) / (1.0 - beta).sqrt()
        if k > 0 and noises is not None:
            x = x + (beta * (1.0 - before) / (1.0 - bar)).sqrt() * noises[number]
    return x if impose is None else impose(x)


def full_diffusion(epsilon: Epsilon, noise: Tensor, schedule: NoiseSchedule, noises: Tensor | None = None) -> Tensor:
    """All steps from pure noise (B, H, A): the first tick of an episode."""
    return warm_diffusion(epsilon, noise, range(schedule.betas.shape[0] - 1, -1, -1), schedule, noises)


def warm_flow(velocity: Velocity, guess: Tensor, noise: Tensor, start: float, steps: int) -> Tensor:
    """Euler steps of a flow from ``start`` to 1, beginning at ``start * guess + (1 - start) * noise``.

    Args:
        velocity: field (x (B, H, A), t (B,)) -> (B, H, A).
        guess: (B, H, A) previous normalised chunk, shifted.
        noise: (B, H, A) standard normal; zeros leave the guess clean, for comparison only.
        start: flow time in (0, 1): nearer to 1 trusts the guess more.
        steps: network evaluations, at least 1.

    Raises:
        ValueError: ``start`` or ``steps`` is out of range.
    """
    if not 0.0 < start < 1.0 or steps < 1:
        raise ValueError(f"a warm start needs 0 < start < 1 and steps of 1 or more, got {start} and {steps}")
    x, dt = start * guess + (1.0 - start) * noise, (1.0 - start) / steps
    for k in range(steps):
        x = x + dt * velocity(x, torch.full_like(x[:, 0, 0], start + k * dt))
    return x


def diffusion_contraction(schedule: NoiseSchedule, step_list: Sequence[int], spread: float) -> float:
    """Share of the guess's error that survives the listed steps where the action distribution is N(mu, spread^2).

    The exact denoiser's mean map has the factor ``(1 - beta_k / (abar_k s^2 + 1 - abar_k)) / sqrt(alpha_k)``.
    """
    factor = 1.0
    for k in step_list:
        beta, bar = float(schedule.betas[k]), float(schedule.alphas_bar[k])
        factor *= (1.0 - beta / (bar * spread**2 + 1.0 - bar)) / (1.0 - beta) ** 0.5
    return factor


def flow_contraction(start: float, steps: int, spread: float) -> float:
    """The same for :func:`warm_flow`: ``start`` times the Euler factors ``1 + dt q(t)``.

    From the exact velocity of a Gaussian, ``mu + (x - t mu) q``, ``q = (t s^2 - (1 - t)) / (t^2 s^2 + (1 - t)^2)``.
    """
    factor, dt = start, (1.0 - start) / steps
    for k in range(steps):
        t = start + k * dt
        factor *= 1.0 + dt * (t * spread**2 - (1.0 - t)) / (t**2 * spread**2 + (1.0 - t) ** 2)
    return factor
