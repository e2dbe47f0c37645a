"""Training-time real-time chunking: the policy learns to continue a given beginning; sampling needs no derivative.

In training a random number of first steps is given clean, with flow time 1 of their own, and the loss is taken on the
rest. When sampling, these steps are overwritten before every evaluation. The prefix is hard: nothing softer is learned.

Beyond the paper, some beginnings are given with an offset, from which the rest returns to the demonstration within a
few steps (:func:`offset_chunk`). Where targets are relative to the measured joints, a robot that lags behind its old
chunk makes such beginnings all the time, and demonstrations hold none: without them the network jumps right behind the
prefix.

Source: Black et al., "Training-Time Action Conditioning for Efficient Real-Time Chunking", arXiv 2512.05964.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from training.objectives.flow_matching import target_velocity
from training.policies.residual_mlp import ResidualMLP

TokenVelocity = Callable[[Tensor, Tensor], Tensor]
"""(x (B, H, A), t (B, H), a time per step) -> velocity (B, H, A)."""


class PrefixMLP(nn.Module):
    """A residual MLP that is told the flow time of every step; at first it computes what its base computes.

    Args:
        base: trained or untrained denoiser, which becomes part of this one.
    """

    def __init__(self, base: ResidualMLP) -> None:
        super().__init__()
        self.base = base
        self.ahead = nn.Linear(base.horizon, base.output.in_features)
        nn.init.zeros_(self.ahead.weight)
        nn.init.zeros_(self.ahead.bias)

    def forward(self, x: Tensor, t: Tensor, condition: Tensor) -> Tensor:
        """Velocity at ``x`` (B, H, A) whose steps are at times ``t`` (B, H), given ``condition`` (B, D)."""
        latest = t[:, -1]  # the last step is never part of a prefix
        base = self.base
        features = base.time(latest) + base.condition(condition) + self.ahead(t - latest.unsqueeze(-1))
        c = nn.functional.silu(features)
        h = base.input(x.flatten(1)) + c
        for block in base.blocks:
            h = block(h, c)
        velocity: Tensor = base.output(base.norm(h)).unflatten(1, (base.horizon, -1))
        return velocity


def sample_prefix_lengths(batch: int, longest: int, generator: torch.Generator | None = None) -> Tensor:
    """(B,) numbers of given steps, uniform on 0..longest."""
    return torch.randint(0, longest + 1, (batch,), generator=generator)


def offset_chunk(chunk: Tensor, offset: Tensor, lengths: Tensor, return_steps: float) -> Tensor:
    """Chunks (B, H, A) whose given beginning is displaced by ``offset`` (B, A) and whose rest returns to them.

    Args:
        chunk: demonstrated targets.
        offset: displacement of the given steps, in the same unit.
        lengths: (B,) number of given steps.
        return_steps: steps in which the displacement falls to 1/e behind them.
    """
    behind = torch.arange(chunk.shape[1]) - (lengths.unsqueeze(-1) - 1)
    share = torch.exp(-behind.clamp(min=0).to(chunk.dtype) / return_steps)
    return chunk + share.unsqueeze(-1) * offset.unsqueeze(1)


def prefix_loss(
    velocity: TokenVelocity,
    data: Tensor,
    is_pad: Tensor,
    lengths: Tensor,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Flow-matching loss on the steps behind a prefix of clean data.

    Args:
        velocity: network, already conditioned on the observation.
        data: (B, H, A) normalised chunks.
        is_pad: (B, H) True where a chunk runs past the end of its episode.
        lengths: (B,) number of given steps, below H.
        generator: source of noise and times.

    Raises:
        ValueError: a prefix leaves nothing to predict.
    """
    batch, horizon = data.shape[0], data.shape[1]
    if not 0 <= int(lengths.min()) <= int(lengths.max()) < horizon:
        raise ValueError(f"a prefix of {int(lengths.max())} steps leaves nothing of a chunk of {horizon}")
    noise = torch.randn(data.shape, generator=generator)
    t = torch.rand(batch, generator=generator)
    given = torch.arange(horizon) < lengths.unsqueeze(-1)
    times = torch.where(given, 1.0, t.unsqueeze(-1))
    x = (1.0 - times).unsqueeze(-1) * noise + times.unsqueeze(-1) * data
    error = velocity(x, times) - target_velocity(noise, data)
    keep = (~is_pad & ~given).to(data.dtype).unsqueeze(-1)
    return (error.square() * keep).sum() / (keep.sum() * data.shape[-1]).clamp(min=1.0)


def prefix_flow(velocity: TokenVelocity, noise: Tensor, target: Tensor, weights: Tensor, steps: int) -> Tensor:
    """Euler steps with the given beginning put back before each; where ``weights`` is 1 the result is ``target``.

    Args:
        velocity: field with a time per step.
        noise: (B, H, A) start.
        target: (B, H, A) previous chunk on the new time grid, normalised.
        weights: (B, H); only steps with weight 1 are given, softer ones are free.
        steps: network evaluations, at least 1.

    Raises:
        ValueError: ``steps`` is less than 1.
    """
    if steps < 1:
        raise ValueError(f"sampling needs at least one step, got {steps}")
    given = (weights > 1.0 - 1e-6).to(noise.dtype)
    mask, x, dt = given.unsqueeze(-1), noise, 1.0 / steps
    for k in range(steps):
        x = mask * target + (1.0 - mask) * x
        times = given + (1.0 - given) * (k * dt)
        x = x + dt * velocity(x, times)
    return mask * target + (1.0 - mask) * x
