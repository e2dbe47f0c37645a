"""A matmul-shaped denoiser: residual MLP over the flattened action chunk, conditioned by adaptive layer norm.

ONNX Runtime is several times slower on 1-D convolutions than on matrix products, so the default denoiser is an MLP. The
conditioning is adaLN with zero-initialised residual branches (Peebles & Xie, "Scalable Diffusion Models with
Transformers", arXiv 2212.09748), so the untrained network is linear in its input.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

OCTAVES = 5
"""Range of the frequencies that tell a network the time, unless its objective asks for another."""


class TimeEmbedding(nn.Module):
    """Sinusoidal features of the flow time, shape (B,) -> (B, dim).

    ``dim / 2`` frequencies, evenly spaced in their logarithm from pi to ``2**octaves`` pi: smooth in t, so that
    forward-mode derivatives through the network stay bounded.
    """

    frequencies: Tensor

    def __init__(self, dim: int, octaves: int = OCTAVES) -> None:
        super().__init__()
        self.register_buffer("frequencies", math.pi * torch.logspace(0, octaves, dim // 2, base=2.0), persistent=False)

    def forward(self, t: Tensor) -> Tensor:
        """Embed the flow time ``t`` (B,)."""
        phase = t.unsqueeze(-1) * self.frequencies
        return torch.cat([torch.sin(phase), torch.cos(phase)], dim=-1)


class ResidualBlock(nn.Module):
    """``h + gate * W2 silu(W1 modulate(LN(h)))`` with shift, scale and gate computed from the condition."""

    def __init__(self, width: int, expansion: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.modulation = nn.Linear(width, 3 * width)
        self.expand = nn.Linear(width, expansion * width)
        self.project = nn.Linear(expansion * width, width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, h: Tensor, condition: Tensor) -> Tensor:
        """``h`` (B, W) and ``condition`` (B, W) -> (B, W)."""
        shift, scale, gate = self.modulation(condition).chunk(3, dim=-1)
        inner = self.norm(h) * (1.0 + scale) + shift
        return h + gate * self.project(nn.functional.silu(self.expand(inner)))


class ResidualMLP(nn.Module):
    """Velocity network for action chunks.

    Args:
        horizon: chunk length H.
        action_dim: A.
        condition_dim: size D of the observation embedding.
        width: hidden width.
        depth: number of residual blocks.
        expansion: hidden expansion inside a block.
        octaves: range of the time's frequencies.
    """

    def __init__(
        self,
        horizon: int,
        action_dim: int,
        condition_dim: int,
        width: int,
        depth: int,
        expansion: int,
        octaves: int = OCTAVES,
    ) -> None:
        super().__init__()
        self.horizon, self.action_dim = horizon, action_dim
        self.time = nn.Sequential(TimeEmbedding(64, octaves), nn.Linear(64, width), nn.SiLU(), nn.Linear(width, width))
        self.condition = nn.Linear(condition_dim, width)
        self.input = nn.Linear(horizon * action_dim, width)
        self.blocks = nn.ModuleList(ResidualBlock(width, expansion) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.output = nn.Linear(width, horizon * action_dim)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, x: Tensor, t: Tensor, condition: Tensor) -> Tensor:
        """Velocity at the noisy chunk.

        Args:
            x: (B, H, A) point on the flow.
            t: (B,) flow time.
            condition: (B, D) observation embedding.

        Returns:
            (B, H, A).
        """
        c = nn.functional.silu(self.time(t) + self.condition(condition))
        h = self.input(x.flatten(1)) + c
        for block in self.blocks:
            h = block(h, c)
        return self.output(self.norm(h)).unflatten(1, (self.horizon, self.action_dim))
