"""Experts fused per noise level: the cache that routing by the noise alone makes possible (MoDE, arXiv 2412.12953).

The chosen experts stand side by side in one hidden layer, scaled by their weights; levels that choose the same experts
share the matrices. Exact up to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from training.policies.backbones.experts import ExpertBank


class FusedExperts(nn.Module):
    """One SwiGLU network per level.

    Args:
        bank: the experts.
        chosen: per level, the indices of its experts.
        weight: (levels, k) their weights.
    """

    scales: Tensor

    def __init__(self, bank: ExpertBank, chosen: Sequence[Sequence[int]], weight: Tensor) -> None:
        super().__init__()
        hidden = bank.experts[0].project.in_features
        sets = [tuple(sorted(row)) for row in chosen]
        self.sets = list(dict.fromkeys(sets))
        self.which = [self.sets.index(key) for key in sets]
        rows = []
        for row, values in zip(chosen, weight, strict=True):
            by_expert = dict(zip(row, values, strict=True))
            rows.append(torch.cat([by_expert[n].expand(hidden) for n in sorted(row)]))
        self.register_buffer("scales", torch.stack(rows).clone())
        for i, key in enumerate(self.sets):
            experts = [bank.experts[n] for n in key]
            halves = [(e.expand.weight.chunk(2), e.expand.bias.chunk(2)) for e in experts]
            first = torch.cat([w[part] for part in (0, 1) for w, _ in halves])
            bias = torch.cat([b[part] for part in (0, 1) for _, b in halves])
            self.register_buffer(f"first_{i}", first.T.contiguous().clone())
            self.register_buffer(f"bias_{i}", bias.clone())
            self.register_buffer(f"second_{i}", torch.cat([e.project.weight for e in experts], dim=1).T.contiguous())

    def forward(self, x: Tensor, level: int) -> Tensor:
        """(B, T, W) -> (B, T, W) at a level's index."""
        i = self.which[level]
        hidden = x @ getattr(self, f"first_{i}") + getattr(self, f"bias_{i}")
        value, gate = hidden.chunk(2, dim=-1)
        return (value * nn.functional.silu(gate) * self.scales[level]) @ getattr(self, f"second_{i}")
