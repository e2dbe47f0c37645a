"""The levels at which a policy's sampler evaluates its network: found by running it, not by a second formula."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from training.policies.chunk_policy import ChunkPolicy
from training.policies.combinations import sampler_info
from training.policies.residual_mlp import TimeEmbedding
from training.samplers.model import Model


def sampled_levels(policy: ChunkPolicy) -> list[float]:
    """Distinct levels in the order of their first use."""
    levels: dict[float, None] = {}

    def visit(x: Tensor, t: float) -> Tensor:
        levels[policy.objective.level(t)] = None
        return x

    config = policy.config
    draws = [torch.zeros(1, 1, 1)] * sampler_info(config).draws(config.sampling_steps)
    model = Model(visit, visit, policy.objective.alpha, policy.objective.sigma)
    sampler_info(config).sample(model, policy.objective.times(config.sampling_steps, config.time_grid), draws)
    return list(levels)


class LevelTable(nn.Module):
    """What a network answers to a few levels, looked up by their number.

    Args:
        network: (B,) levels -> (B, W).
        levels: in the order of their numbers.
    """

    table: Tensor

    def __init__(self, network: nn.Module, levels: Sequence[float]) -> None:
        super().__init__()
        with torch.no_grad():
            self.register_buffer("table", network(torch.tensor(levels, dtype=torch.float32)))

    def forward(self, number: Tensor) -> Tensor:
        """(B,) numbers, as floats -> (B, W)."""
        return self.table[number.to(torch.int64)]


def tabulate_levels(denoiser: nn.Module, levels: Sequence[float]) -> None:
    """Replace level embeddings by their values at ``levels``; the denoiser is then told a level by its number.

    A sampler visits few levels, so the embedding is the same at every call; and sine and cosine differ between
    runtimes, which a table does not.
    """
    found = False
    for module in list(denoiser.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Sequential) and isinstance(child[0], TimeEmbedding):
                setattr(module, name, LevelTable(child, levels))
                found = True
    if found:
        denoiser.level_numbers = {level: float(i) for i, level in enumerate(levels)}  # type: ignore[assignment]
