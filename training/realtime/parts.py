"""What a chunk policy must offer so that its sampler can be replaced, whatever its architecture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from policy_nodes.errors import ConfigError
from training.policies.chunk_policy import ChunkPolicy
from training.policies.flow_policy import FlowPolicy
from training.samplers.model import Model

Observation = dict[str, Tensor]


@dataclass(frozen=True)
class ChunkParts:
    """A chunk policy taken apart.

    Attributes:
        policy: owns the weights.
        condition: observation, each (B, history, size) -> what the denoiser is told (B, C), its embedding first.
        velocity: (x (B, H, A), t (B,), condition) -> velocity of a flow; only asked of flow policies.
        model: condition -> clean estimate and path, as samplers see them.
        normalise: (observation, raw chunk) -> the chunk in the denoiser's space, anchored at the observation.
        restore: its inverse.
    """

    policy: ChunkPolicy
    condition: Callable[[Observation], Tensor]
    velocity: Callable[[Tensor, Tensor, Tensor], Tensor]
    model: Callable[[Tensor], Model]
    normalise: Callable[[Observation, Tensor], Tensor]
    restore: Callable[[Observation, Tensor], Tensor]


def chunk_parts(policy: ChunkPolicy) -> ChunkParts:
    """The parts of a flow or diffusion policy.

    Raises:
        ConfigError: a flow whose denoiser is told more than the embedding, or a family without a warm start.
    """
    config = policy.config
    if not isinstance(policy, FlowPolicy) and config.family != "ddpm":
        raise ConfigError(
            f"a policy with objective {config.objective} and backbone {config.backbone} has no velocity field on its "
            "embedding, and is no DDPM.",
            "use the flow objective with the mlp backbone, or a ddpm objective, for real-time graphs.",
        )
    if config.guidance != 1.0:
        raise ConfigError("real-time graphs of a guided policy are not made.", "train with --config.policy.guidance 1.")

    def restore(observation: Observation, sample: Tensor) -> Tensor:
        raw = policy.action_normalizer.inverse(sample)
        # to_relative subtracts the reference, so its value at zero is minus the reference.
        return raw - policy.to_relative(observation, raw.new_zeros(raw.shape))

    return ChunkParts(
        policy,
        policy.condition,
        policy.denoiser,
        policy.model,
        lambda observation, raw: policy.action_normalizer(policy.to_relative(observation, raw)),
        restore,
    )


def flow_parts(policy: ChunkPolicy) -> ChunkParts:
    """The parts of a :class:`FlowPolicy`, for what needs a velocity field on the embedding.

    Raises:
        ConfigError: another kind of policy.
    """
    if not isinstance(policy, FlowPolicy):
        raise ConfigError(
            f"a policy with objective {policy.config.objective} and backbone {policy.config.backbone} has no velocity "
            "field on its embedding.",
            "use the flow objective with the mlp backbone for these graphs; a ddpm policy can be warm-started.",
        )
    return chunk_parts(policy)
