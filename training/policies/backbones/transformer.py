"""Diffusion Policy's transformer: noisy actions attend to each other causally and to level and observation tokens.

Source: Chi et al., "Diffusion Policy", arXiv 2303.04137. Keel's chunks begin at the newest observation, so every
memory token lies in the past of every action and the paper's memory mask would hide nothing; there is none.
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


class DecoderLayer(nn.Module):
    """Norm-first: causal self-attention, cross-attention, feed-forward."""

    def __init__(self, config: PolicyConfig) -> None:
        super().__init__()
        width = config.width
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.self_attention, self.cross_attention = Attention(width, config.heads), Attention(width, config.heads)
        self.feed_forward = FeedForward(width, config.expansion)

    def attend(self, x: Tensor, memory: Tensor, mask: Tensor) -> Tensor:
        """Both attentions."""
        x = x + self.self_attention(self.norms[0](x), mask=mask)
        return x + self.cross_attention(self.norms[1](x), memory)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor) -> Tensor:
        """(B, H, W) -> (B, H, W)."""
        x = self.attend(x, memory, mask)
        return x + self.feed_forward(self.norms[2](x))


class Transformer(nn.Module):
    """Encoder-decoder denoiser.

    Args:
        config: sizes.
        action_dim: A.
        layout: of the condition.
    """

    mask: Tensor

    def __init__(self, config: PolicyConfig, action_dim: int, layout: ConditionLayout) -> None:
        super().__init__()
        width = config.width
        self.level, self.tokens = LevelToken(width, config.time_octaves), ConditionTokens(layout, width)
        self.memory_positions = positions(1 + self.tokens.count, width)
        self.memory = nn.Sequential(nn.Linear(width, 4 * width), nn.Mish(), nn.Linear(4 * width, width))
        self.input, self.input_positions = nn.Linear(action_dim, width), positions(config.horizon, width)
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.depth))
        self.norm, self.output = nn.LayerNorm(width), zero_linear(width, action_dim)
        self.register_buffer("mask", causal_mask(config.horizon), persistent=False)

    def remember(self, level: Tensor, condition: Tensor) -> Tensor:
        """(B, 1 + K, W) memory: level and condition tokens."""
        tokens = torch.cat([self.level(level), self.tokens(condition)], dim=1)
        return self.memory(tokens + self.memory_positions)

    def forward(self, x: Tensor, level: Tensor, condition: Tensor) -> Tensor:
        """Raw output (B, H, A)."""
        memory = self.remember(level, condition)
        h = self.input(x) + self.input_positions
        for layer in self.layers:
            h = layer(h, memory, self.mask)
        return self.output(self.norm(h))
