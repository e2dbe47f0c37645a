"""Shortcut models: one network that takes one, two, four ... steps to the data.

The network knows its step size d. Most of a batch is plain flow matching with the smallest step; the rest asks that one
step of d equals two of d / 2 taken by the network itself (no gradient):

    s(x, t, d)  ~  ( s(x, t, d/2) + s(x + d/2 * s(x, t, d/2), t + d/2, d/2) ) / 2

Source: Frans et al., "One Step Diffusion via Shortcut Models", arXiv 2410.12557. Deviations: the live network is the
teacher (a flag in the authors' code), and the clip of +-4, meant for image latents, is dropped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from policy_nodes.errors import ConfigError
from training.objectives.flow import FlowMatching
from training.objectives.flow_matching import interpolate, target_velocity
from training.objectives.interface import Network, Teacher
from training.objectives.masking import masked_mean


@dataclass(frozen=True)
class ShortcutConfig:
    """Step sizes of the shortcut objective.

    Raises:
        ConfigError: not a power of two, or a share outside (0, 1).
    """

    base_steps: int = 32
    """Smallest step is 1 / base_steps, a power of two."""
    consistency_share: float = 0.25
    """Share of a batch that learns longer steps (1/8 in the paper; small batches need more)."""

    def __post_init__(self) -> None:
        n = self.base_steps
        if n < 2 or n & (n - 1) or not 0 < self.consistency_share < 1:
            raise ConfigError(
                f"--config.policy.shortcut: base_steps {n}, consistency_share {self.consistency_share}.",
                "give a power of two from 2 on, and a share between 0 and 1.",
            )


class Shortcut(FlowMatching):
    """Flow matching whose network is also told its step size.

    ``network`` is called with levels (B, 1 + S): the flow time and a one-hot vector of the S step sizes 1, 1/2, ...,
    1/base_steps, which belongs to the condition.

    Args:
        config: step sizes.
    """

    def __init__(self, config: ShortcutConfig) -> None:
        super().__init__("uniform")
        self.config = config
        self.extra_condition = int(math.log2(config.base_steps)) + 1

    def loss(
        self,
        network: Network,
        data: Tensor,
        is_pad: Tensor,
        generator: torch.Generator | None = None,
        teacher: Teacher | None = None,
    ) -> Tensor:
        """Flow matching on the first samples of the batch, self-consistency on the rest."""
        batch, finest = len(data), self.extra_condition - 1
        noise = torch.randn(data.shape, generator=generator)
        row = torch.arange(batch)
        longer = row >= batch - max(1, round(batch * self.config.consistency_share))
        u = torch.rand(batch, generator=generator)
        # Longer sizes in equal shares; a random first one, or a batch with fewer rows than sizes would never see some.
        index = torch.where(longer, (row + torch.randint(finest, (1,), generator=generator)) % finest, finest)
        count = torch.pow(2.0, index)
        t = torch.where(longer, torch.floor(u * count) / count, u)  # on the grid of its size
        x = interpolate(noise, data, t)
        with torch.no_grad():
            half = torch.where(longer, 0.5 / count, 0.0)
            finer = torch.where(longer, index + 1, index)
            first = network(x, self.levels(t, finer))
            second = network(x + half.view(-1, 1, 1) * first, self.levels(t + half, finer))
            target = torch.where(longer.view(-1, 1, 1), 0.5 * (first + second), target_velocity(noise, data))
        return masked_mean((network(x, self.levels(t, index)) - target).square(), is_pad)

    def levels(self, t: Tensor, index: Tensor) -> Tensor:
        """(B, 1 + S) flow time and one-hot of the step size ``2**-index``."""
        one_hot = nn.functional.one_hot(index.long(), self.extra_condition).to(t.dtype)
        return torch.cat([t.unsqueeze(-1), one_hot], dim=-1)

    def step_condition(self, steps: int) -> Tensor:
        """(1, S) one-hot of the step size."""
        told = torch.zeros(1, self.extra_condition)
        told[:, self.size_index(steps)] = 1.0
        return told

    def size_index(self, steps: int) -> int:
        """Index of the step size 1 / steps.

        Raises:
            ConfigError: not a power of two, or more than the base steps.
        """
        if steps < 1 or steps & (steps - 1) or steps > self.config.base_steps:
            raise ConfigError(
                f"a shortcut model cannot take {steps} steps.",
                f"use a power of two up to --config.policy.shortcut.base-steps {self.config.base_steps}.",
            )
        return int(math.log2(steps))
