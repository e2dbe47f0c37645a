"""The levels at which a policy's sampler evaluates its network: found by running it, not by a second formula."""

from __future__ import annotations

import torch
from torch import Tensor

from training.policies.chunk_policy import ChunkPolicy
from training.policies.combinations import sampler_info
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
