"""A causal decoder over [level, condition, actions], as BESO and Dita arrange them.

Condition tokens come first and see each other, never an action, so what they compute does not depend on the noise.
Sources: BESO, Reuss et al., arXiv 2304.02532; Dita, Hou et al., arXiv 2503.19757.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.policies.backbones.attention import (
    Attention,
    FeedForward,
    LevelToken,
    causal_mask,
    positions,
    zero_linear,
)
from training.policies.condition import ConditionLayout, ConditionTokens
from training.policies.config import PolicyConfig


class CausalLayer(nn.Module):
    """Norm-first self-attention and feed-forward."""

    def __init__(self, config: PolicyConfig) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(config.width) for _ in range(2))
        self.attention = Attention(config.width, config.heads)
        self.feed_forward = FeedForward(config.width, config.expansion)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, T, W) -> (B, T, W)."""
        x = x + self.attention(self.norms[0](x), mask=mask)
        return x + self.feed_forward(self.norms[1](x))


class CausalDecoder(nn.Module):
    """Decoder-only denoiser.

    Args:
        config: sizes.
        action_dim: A.
        layout: of the condition.
    """

    mask: Tensor

    def __init__(self, config: PolicyConfig, action_dim: int, layout: ConditionLayout) -> None:
        super().__init__()
        width, self.horizon = config.width, config.horizon
        self.level, self.tokens = LevelToken(width, config.time_octaves), ConditionTokens(layout, width)
        prefix = 1 + self.tokens.count
        self.input = nn.Linear(action_dim, width)
        self.positions = positions(prefix + config.horizon, width)
        self.layers = nn.ModuleList(CausalLayer(config) for _ in range(config.depth))
        self.norm, self.output = nn.LayerNorm(width), zero_linear(width, action_dim)
        self.register_buffer("mask", causal_mask(prefix + config.horizon, prefix), persistent=False)

    def hidden(self, x: Tensor, level: Tensor, condition: Tensor) -> Tensor:
        """(B, 1 + K + H, W) last hidden states."""
        h = torch.cat([self.level(level), self.tokens(condition), self.input(x)], dim=1) + self.positions
        for layer in self.layers:
            h = layer(h, self.mask)
        return h

    def forward(self, x: Tensor, level: Tensor, condition: Tensor) -> Tensor:
        """Raw output (B, H, A)."""
        return self.output(self.norm(self.hidden(x, level, condition)[:, -self.horizon :]))
