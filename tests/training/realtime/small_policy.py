"""An untrained policy of the Panda's contract that answers differently for every input."""

import torch

from training.contracts.registry import task_contract
from training.imitation.build import build_policy
from training.policies.config import PolicyConfig

SMALL = {"embedding_size": 8, "width": 16, "depth": 1, "sampling_steps": 2}


def small_policy(objective, **options):
    """With statistics that are not the identity."""
    torch.manual_seed(0)
    config = PolicyConfig(objective=objective, **SMALL, **options)
    policy = build_policy(task_contract("panda_pick_place"), config).eval().requires_grad_(False)
    torch.nn.init.normal_(policy.denoiser.output.weight, std=0.1)
    shape = policy.action_normalizer.mean.shape
    policy.observation_normalizer.fit(torch.zeros(policy.encoder.size), torch.ones(policy.encoder.size))
    policy.action_normalizer.fit(torch.full(shape, 0.2), torch.full(shape, 0.5))
    return policy
