"""Sparse experts that are chosen once per chunk, and the choosing.

In training every expert runs on its own samples; in evaluation the chosen weights are gathered, which exports as plain
matrix products without data-dependent shapes.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class SwiGLU(nn.Module):
    """``W2 (value * silu(gate))`` with ``[value, gate] = W1 x + b1``; the second layer has no bias."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.expand, self.project = nn.Linear(width, 2 * hidden), nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(..., W) -> (..., W)."""
        value, gate = self.expand(x).chunk(2, dim=-1)
        return self.project(value * nn.functional.silu(gate))


class ExpertBank(nn.Module):
    """N experts of the same size.

    Args:
        count: N.
        width: of the stream.
        hidden: of an expert.
    """

    def __init__(self, count: int, width: int, hidden: int) -> None:
        super().__init__()
        self.experts: Any = nn.ModuleList(SwiGLU(width, hidden) for _ in range(count))

    @property
    def expert_parameters(self) -> int:
        """Parameters of one expert."""
        return sum(p.numel() for p in self.experts[0].parameters())

    def forward(self, x: Tensor, chosen: Tensor, weight: Tensor) -> Tensor:
        """Weighted sum of the chosen experts.

        Args:
            x: (B, T, W).
            chosen: (B, k) indices.
            weight: (B, k).

        Returns:
            (B, T, W).
        """
        return self._grouped(x, chosen, weight) if self.training else self._gathered(x, chosen, weight)

    def _grouped(self, x: Tensor, chosen: Tensor, weight: Tensor) -> Tensor:
        total = torch.zeros_like(x)
        for n, expert in enumerate(self.experts):
            share = torch.where(chosen == n, weight, 0.0).sum(-1)
            rows = (chosen == n).any(-1).nonzero().squeeze(-1)  # an expert without rows gets a zero gradient, not None
            total = total.index_add(0, rows, expert(x[rows]) * share[rows].view(-1, 1, 1))
        return total

    def _gathered(self, x: Tensor, chosen: Tensor, weight: Tensor) -> Tensor:
        first = torch.stack([e.expand.weight for e in self.experts])
        bias = torch.stack([e.expand.bias for e in self.experts])
        second = torch.stack([e.project.weight for e in self.experts])
        total = torch.zeros_like(x)
        for j in range(chosen.shape[1]):
            index = chosen[:, j]
            hidden = x @ first[index].transpose(1, 2) + bias[index].unsqueeze(1)
            value, gate = hidden.chunk(2, dim=-1)
            answer = (value * nn.functional.silu(gate)) @ second[index].transpose(1, 2)
            total = total + weight[:, j].view(-1, 1, 1) * answer
        return total


def choose(probabilities: Tensor, count: int, *, sample: bool, renormalise: bool = True) -> tuple[Tensor, Tensor]:
    """Experts and their weights.

    Args:
        probabilities: (B, N).
        count: k.
        sample: draw without replacement by the probabilities (training), else take the largest.
        renormalise: weights sum to 1.

    Returns:
        indices (B, k) and weights (B, k).
    """
    score = probabilities.detach().clamp(1e-9, 1.0).log()
    if sample:  # the k largest of log p + Gumbel noise are a draw without replacement
        score = score - torch.log(-torch.log(torch.rand_like(score).clamp(1e-9, 1.0 - 1e-7)))
    chosen = score.topk(count, dim=-1).indices
    weight = probabilities.gather(-1, chosen)
    return chosen, weight / weight.sum(-1, keepdim=True) if renormalise else weight


def load_balance(probabilities: Tensor, chosen: Tensor) -> Tensor:
    """``N * sum_n f_n P_n`` with f the share of choices that fell on n, so that a balanced layer has the value 1."""
    count = probabilities.shape[-1]
    share = nn.functional.one_hot(chosen, count).to(probabilities.dtype).mean((0, 1))
    return count * (share * probabilities.mean(0)).sum()
