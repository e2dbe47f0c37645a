"""Exponential moving average of the weights with the warm-up of Diffusion Policy.

    decay(step) = clip(1 - (1 + step / inv_gamma) ** -power, 0, max_decay)

Source: Chi et al., "Diffusion Policy", arXiv 2303.04137 (inv_gamma 1, power 3/4, maximum 0.9999).
"""

from __future__ import annotations

import copy

import torch
from torch import nn


def ema_decay(step: int, *, inv_gamma: float = 1.0, power: float = 0.75, max_decay: float = 0.9999) -> float:
    """Decay to use after ``step`` optimiser steps; 0 at step 0, near 0.999 at 10 000."""
    if step <= 0:
        return 0.0
    return min(max(1.0 - (1.0 + step / inv_gamma) ** -power, 0.0), max_decay)


class Ema:
    """Averaged copy of a module; ``module`` is what gets evaluated and exported."""

    def __init__(self, model: nn.Module, max_decay: float = 0.9999) -> None:
        self.module = copy.deepcopy(model).eval().requires_grad_(False)
        self.max_decay = max_decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Blend the weights after optimiser step ``step``; buffers (statistics) are copied."""
        decay = ema_decay(step, max_decay=self.max_decay)
        averaged: list[torch.Tensor] = list(self.module.parameters())
        current: list[torch.Tensor] = list(model.parameters())
        torch._foreach_lerp_(averaged, current, 1.0 - decay)
        for mine, theirs in zip(self.module.buffers(), model.buffers(), strict=True):
            mine.copy_(theirs)
