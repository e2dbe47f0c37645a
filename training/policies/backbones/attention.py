"""Transformer parts shared by the denoisers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.policies.residual_mlp import OCTAVES, TimeEmbedding


class RMSNorm(nn.Module):
    """``x / rms(x) * weight`` over the last dimension (Zhang & Sennrich, arXiv 1910.07467)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * self.weight


class Attention(nn.Module):
    """Multi-head attention.

    Args:
        width: W, a multiple of ``heads``.
        heads: number of heads.
        normalise: RMS-normalise queries and keys per head.
    """

    def __init__(self, width: int, heads: int, *, normalise: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key_value = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.output = nn.Linear(width, width)
        self.query_norm = RMSNorm(width // heads) if normalise else nn.Identity()
        self.key_norm = RMSNorm(width // heads) if normalise else nn.Identity()

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """(B, T, W) attends to ``memory`` (B, S, W), itself by default; ``mask`` (T, S) is True where it may."""
        source = x if memory is None else memory
        q = self.query(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        k, v = self.key_value(source).unflatten(-1, (2 * self.heads, -1)).transpose(1, 2).chunk(2, dim=1)
        mixed = nn.functional.scaled_dot_product_attention(self.query_norm(q), self.key_norm(k), v, attn_mask=mask)
        return self.output(mixed.transpose(1, 2).flatten(2))


def causal_mask(length: int, prefix: int = 0) -> Tensor:
    """(L, L) True where a position may look; the first ``prefix`` positions see all of each other."""
    mask = torch.ones(length, length, dtype=torch.bool).tril()
    mask[:prefix, :prefix] = True
    return mask


class FeedForward(nn.Sequential):
    """Linear, GELU, Linear."""

    def __init__(self, width: int, expansion: int) -> None:
        super().__init__(nn.Linear(width, expansion * width), nn.GELU(), nn.Linear(expansion * width, width))


class LevelToken(nn.Module):
    """(B,) level in [0, 1] -> (B, 1, W)."""

    def __init__(self, width: int, octaves: int = OCTAVES) -> None:
        super().__init__()
        embedding = TimeEmbedding(64, octaves)
        self.network = nn.Sequential(embedding, nn.Linear(64, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, level: Tensor) -> Tensor:
        """One token."""
        return self.network(level).unsqueeze(1)


def positions(count: int, width: int) -> nn.Parameter:
    """(1, count, W) learned positions."""
    return nn.Parameter(torch.randn(1, count, width) * 0.02)


def zero_linear(inputs: int, outputs: int) -> nn.Linear:
    """A linear layer that answers zero until it is trained."""
    layer = nn.Linear(inputs, outputs)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
