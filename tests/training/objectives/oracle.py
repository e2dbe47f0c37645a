"""Networks that know the answer: for Gaussian data the best output of any objective is in closed form."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

MEAN, STD = 0.4, 0.3


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def gaussian_data(count: int, seed: int = 0) -> Tensor:
    """(count, 2, 1) independent samples of N(MEAN, STD^2)."""
    return MEAN + STD * torch.randn(count, 2, 1, generator=seeded(seed))


def nothing_padded(data: Tensor) -> Tensor:
    return torch.zeros(data.shape[:2], dtype=torch.bool)


def posterior(x: Tensor, alpha: Tensor | float, sigma: Tensor | float) -> Tensor:
    """E[data | alpha data + sigma noise = x]."""
    gain = alpha * STD**2 / (alpha * alpha * STD**2 + sigma * sigma)
    return MEAN + gain * (x - alpha * MEAN)


def remembering(answer: Callable[[Tensor, Tensor], Tensor]) -> tuple[Callable[[Tensor, Tensor], Tensor], list[Tensor]]:
    """A network that keeps the inputs and levels of its calls in the returned list."""
    calls: list[Tensor] = []

    def network(x: Tensor, level: Tensor) -> Tensor:
        calls.extend((x.detach().clone(), level.detach().clone()))
        return answer(x, level)

    return network, calls
