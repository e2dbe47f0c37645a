"""What a chunk policy must offer so that its sampler can be replaced, whatever its architecture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from policy_nodes.errors import ConfigError
from training.policies.chunk_policy import ChunkPolicy
from training.policies.flow_policy import FlowPolicy

Observation = dict[str, Tensor]


@dataclass(frozen=True)
class ChunkParts:
    """A flow policy taken apart.

    Attributes:
        policy: owns the weights.
        condition: observation, each (B, history, size) -> embedding (B, E).
        velocity: x (B, H, A), t (B,), embedding -> (B, H, A).
        normalise: observation, raw chunk (B, H, A) -> normalised, relative to the present observation where the policy
            predicts relative targets: this is where a previous chunk is anchored anew.
        restore: the inverse.
    """

    policy: nn.Module
    condition: Callable[[Observation], Tensor]
    velocity: Callable[[Tensor, Tensor, Tensor], Tensor]
    normalise: Callable[[Observation, Tensor], Tensor]
    restore: Callable[[Observation, Tensor], Tensor]


def flow_parts(policy: ChunkPolicy) -> ChunkParts:
    """The parts of a :class:`FlowPolicy`.

    Raises:
        ConfigError: another kind of policy.
    """
    if not isinstance(policy, FlowPolicy):
        raise ConfigError(
            f"a policy with objective {policy.config.objective} and backbone {policy.config.backbone} has no velocity "
            "field on its embedding.",
            "use the flow objective with the mlp backbone for real-time graphs.",
        )

    def restore(observation: Observation, sample: Tensor) -> Tensor:
        raw = policy.action_normalizer.inverse(sample)
        # to_relative subtracts the reference, so its value at zero is minus the reference.
        return raw - policy.to_relative(observation, raw.new_zeros(raw.shape))

    return ChunkParts(
        policy,
        policy.embedding,
        policy.denoiser,
        lambda observation, raw: policy.action_normalizer(policy.to_relative(observation, raw)),
        restore,
    )
