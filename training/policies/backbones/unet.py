"""Diffusion Policy's conditional 1-D U-Net over the steps of a chunk.

Every residual block is modulated by level and observation (FiLM); with ``conditioning = concat`` they are only appended
to the noisy actions at the input: the comparison of "Unpacking the Individual Components of Diffusion Policy".

Sources: Chi et al., "Diffusion Policy", arXiv 2303.04137; "Unpacking ...", arXiv 2412.00084. Deviations: SiLU for Mish,
which ONNX Runtime has no kernel for, and one residual block per level instead of two.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from training.policies.backbones.attention import LevelToken, zero_linear
from training.policies.backbones.convolution import Conv1d, Upsample
from training.policies.config import PolicyConfig

KERNEL, GROUPS = 5, 8


class ConvBlock(nn.Sequential):
    """Convolution, group normalisation, SiLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(Conv1d(inputs, outputs, KERNEL, padding=KERNEL // 2), nn.GroupNorm(GROUPS, outputs), nn.SiLU())


class ResidualConv(nn.Module):
    """Two convolution blocks around FiLM; without a condition (width 0) just the two."""

    def __init__(self, inputs: int, outputs: int, condition: int) -> None:
        super().__init__()
        self.first, self.second = ConvBlock(inputs, outputs), ConvBlock(outputs, outputs)
        self.film = zero_linear(condition, 2 * outputs) if condition else None
        self.skip = Conv1d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """``x`` (B, C, T), ``condition`` (B, W)."""
        h = self.first(x)
        if self.film is not None:
            scale, bias = self.film(nn.functional.silu(condition)).unsqueeze(-1).chunk(2, dim=1)
            h = h * (1.0 + scale) + bias
        return self.second(h) + self.skip(x)


class ConditionalUnet(nn.Module):
    """U-Net denoiser with ``depth`` levels of ``width / 4, width / 2, width, ...`` channels, at least 8.

    Args:
        config: sizes.
        action_dim: A.
        condition_size: length of the condition vector.
    """

    def __init__(self, config: PolicyConfig, action_dim: int, condition_size: int) -> None:
        super().__init__()
        width, self.film = config.width, config.conditioning == "film"
        self.level, self.condition = LevelToken(width, config.time_octaves), nn.Linear(condition_size, width)
        channels = [max(8, width // 2 ** (config.depth - 1 - i) // 8 * 8) for i in range(config.depth)]
        film = width if self.film else 0
        first = action_dim if self.film else action_dim + width
        sizes = [first, *channels]
        self.down: Any = nn.ModuleList(ResidualConv(a, b, film) for a, b in zip(sizes, channels, strict=False))
        self.shrink: Any = nn.ModuleList(Conv1d(c, c, 3, stride=2, padding=1) for c in channels[:-1])
        self.middle = ResidualConv(channels[-1], channels[-1], film)
        self.grow: Any = nn.ModuleList(Upsample(c) for c in reversed(channels[1:]))
        self.up: Any = nn.ModuleList(
            ResidualConv(high + low, low, film)
            for high, low in zip(reversed(channels[1:]), reversed(channels[:-1]), strict=True)
        )
        self.last, self.output = ConvBlock(channels[0], channels[0]), zero_linear(channels[0], action_dim)

    def forward(self, x: Tensor, level: Tensor, condition: Tensor) -> Tensor:
        """Raw output (B, H, A)."""
        c = self.level(level).squeeze(1) + self.condition(condition)
        h = x.transpose(1, 2)
        if not self.film:
            h = torch.cat([h, c.unsqueeze(-1).expand(-1, -1, h.shape[-1])], dim=1)
        kept: list[Tensor] = []
        for i, block in enumerate(self.down):
            h = block(h, c)
            if i < len(self.shrink):
                kept.append(h)
                h = self.shrink[i](h)
        h = self.middle(h, c)
        for grow, block in zip(self.grow, self.up, strict=True):
            h = block(torch.cat([grow(h), kept.pop()], dim=1), c)
        return self.output(self.last(h).transpose(1, 2))
