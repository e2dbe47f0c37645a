"""Diffusion transformer: actions attend to each other, the condition modulates every block (adaLN-Zero).

Source: Peebles & Xie, "Scalable Diffusion Models with Transformers", arXiv 2212.09748.
"""

from __future__ import annotations

from torch import Tensor, nn

from training.policies.backbones.attention import Attention, FeedForward, LevelToken, positions, zero_linear
from training.policies.condition import ConditionLayout
from training.policies.config import PolicyConfig


class DitBlock(nn.Module):
    """Attention and feed-forward, each shifted, scaled and gated by the condition; zero at first."""

    def __init__(self, config: PolicyConfig) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(config.width, elementwise_affine=False) for _ in range(2))
        self.attention = Attention(config.width, config.heads)
        self.feed_forward = FeedForward(config.width, config.expansion)
        self.modulation = zero_linear(config.width, 6 * config.width)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """``x`` (B, H, W), ``condition`` (B, 1, W)."""
        shift, scale, gate, shift2, scale2, gate2 = self.modulation(condition).chunk(6, dim=-1)
        x = x + gate * self.attention(self.norms[0](x) * (1.0 + scale) + shift)
        return x + gate2 * self.feed_forward(self.norms[1](x) * (1.0 + scale2) + shift2)


class DiT(nn.Module):
    """Denoiser with bidirectional attention over the chunk.

    Args:
        config: sizes.
        action_dim: A.
        layout: of the condition.
    """

    def __init__(self, config: PolicyConfig, action_dim: int, layout: ConditionLayout) -> None:
        super().__init__()
        width = config.width
        self.level, self.condition = LevelToken(width, config.time_octaves), nn.Linear(layout.size, width)
        self.input, self.positions = nn.Linear(action_dim, width), positions(config.horizon, width)
        self.blocks = nn.ModuleList(DitBlock(config) for _ in range(config.depth))
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.modulation = zero_linear(width, 2 * width)
        self.output = zero_linear(width, action_dim)

    def forward(self, x: Tensor, level: Tensor, condition: Tensor) -> Tensor:
        """Raw output (B, H, A)."""
        c = nn.functional.silu(self.level(level) + self.condition(condition).unsqueeze(1))
        h = self.input(x) + self.positions
        for block in self.blocks:
            h = block(h, c)
        shift, scale = self.modulation(c).chunk(2, dim=-1)
        return self.output(self.norm(h) * (1.0 + scale) + shift)
