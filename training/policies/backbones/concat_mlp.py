"""An MLP that gets noisy chunk, level and condition side by side at its input: what modulation is compared with."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.policies.backbones.attention import LevelToken, zero_linear
from training.policies.config import PolicyConfig


class ConcatMLP(nn.Module):
    """Residual MLP without modulation.

    Args:
        config: sizes.
        action_dim: A.
        condition_size: length of the condition vector.
    """

    def __init__(self, config: PolicyConfig, action_dim: int, condition_size: int) -> None:
        super().__init__()
        width, hidden = config.width, config.width * config.expansion
        flat = config.horizon * action_dim
        self.shape = (config.horizon, action_dim)
        self.level = LevelToken(width, config.time_octaves)
        self.input = nn.Linear(flat + width + condition_size, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, hidden), nn.SiLU(), nn.Linear(hidden, width))
            for _ in range(config.depth)
        )
        self.norm, self.output = nn.LayerNorm(width), zero_linear(width, flat)

    def forward(self, x: Tensor, level: Tensor, condition: Tensor) -> Tensor:
        """Raw output (B, H, A)."""
        h = self.input(torch.cat([x.flatten(1), self.level(level).squeeze(1), condition], dim=-1))
        for block in self.blocks:
            h = h + block(h)
        return self.output(self.norm(h)).unflatten(1, self.shape)
