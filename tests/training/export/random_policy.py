"""Policies with random weights, and inputs within the contract's ranges, for proofs that need no training."""

from __future__ import annotations

import numpy as np
import torch

from training.contracts.registry import task_contract
from training.export.graph import NOISE
from training.imitation.build import build_policy
from training.policies.config import PolicyConfig

CONTRACT = task_contract("panda_pick_place")


def random_inputs(batch, noise_rows=0, seed=1):
    """Observations (B, history, size) by feature, and noise (B, noise_rows, A) where the policy takes some."""
    rng = np.random.default_rng(seed)
    inputs = {}
    for feature in CONTRACT.observations:
        low = np.concatenate([term.minimum for term in feature.terms])
        high = np.concatenate([term.maximum for term in feature.terms])
        inputs[feature.name] = rng.uniform(low, high, (batch, feature.history, feature.size)).astype(np.float32)
    if noise_rows:
        inputs[NOISE] = rng.standard_normal((batch, noise_rows, len(CONTRACT.actions.joints)), dtype=np.float32)
    return inputs


def random_policy(**options):
    """A small one; see :func:`randomised`."""
    sizes = {"embedding_size": 8, "width": 16, "depth": 1, "heads": 2, "sampling_steps": 2}
    return randomised(0.3, **sizes | options)


def randomised(std, **options):
    """In evaluation mode, statistics fitted; layers that begin at zero are random too, so that every weight counts.

    Args:
        std: of those layers.
        options: of the policy.
    """
    torch.manual_seed(0)
    policy = build_policy(CONTRACT, PolicyConfig(**options))
    for weight in policy.denoiser.parameters():
        if not weight.any():
            torch.nn.init.normal_(weight, std=std)
    observation = {name: torch.from_numpy(value) for name, value in random_inputs(256, seed=0).items()}
    action = observation["observation.state"][:, -1:, :8] + 0.3 * torch.randn(256, 16, 8)
    policy.fit_statistics(observation, action, torch.zeros(256, 16, dtype=torch.bool))
    return policy.eval().requires_grad_(False)
