"""A trained Sparse Diffusion Policy gets one more task: new experts and a router, everything else frozen as it is.

Frozen are the normalisers too, so that what an old task reads and answers does not change by a bit. The start is the
averaged policy, as in the authors' code. Source: Wang et al., "Sparse Diffusion Policy", arXiv 2407.01531.
"""

from __future__ import annotations

from dataclasses import replace

from policy_nodes.errors import ConfigError
from training.policies.backbones.sdp import SparseTransformer
from training.policies.chunk_policy import ChunkPolicy
from training.policies.config import PolicyConfig


def grown_config(config: PolicyConfig) -> PolicyConfig:
    """Configuration of the same policy with one more task.

    Raises:
        ConfigError: it has no experts that are routed by task.
    """
    if config.backbone != "sdp":
        raise ConfigError(
            f"--grow-from: the policy's backbone is {config.backbone}, only sdp grows by a task.",
            "train one with --config.policy.backbone sdp and --config.policy.tasks.",
        )
    return replace(config, experts=replace(config.experts, grown=config.experts.grown + 1))


def grow(policy: ChunkPolicy) -> ChunkPolicy:
    """Add a task to a policy in place; only the new experts and the new router are trained from here on.

    Raises:
        ConfigError: the policy cannot grow, or its task tells no further one apart.
    """
    config = grown_config(policy.config)
    known, told = config.tasks + policy.config.experts.grown, len(policy.features.task)
    if known >= told:
        raise ConfigError(
            f"the policy knows {known} tasks already, and its task identity tells {told} apart.",
            "use a set of more tasks.",
        )
    policy.requires_grad_(False)
    assert isinstance(policy.denoiser, SparseTransformer)
    policy.denoiser.grow(config.experts.per_task)
    policy.config = config
    return policy.train()
