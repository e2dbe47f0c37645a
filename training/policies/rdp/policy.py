"""A slow-fast policy of a task: plans from observations, and commands from a plan and what was felt since.

Raw quantities go in and come out; statistics, the reference of relative targets and the reference of displacements are
part of it, so that both halves export as graphs. Signals of joints are felt as displacements since the plan was made,
which goes beyond the paper; they are measured at the control rate on any arm.

Source: Xue et al., "Reactive Diffusion Policy", arXiv 2503.02881.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from policy_nodes.errors import ConfigError
from training.contracts.task import TaskContract
from training.policies.normalizer import Normalizer
from training.policies.rdp.latent_policy import LatentPolicy
from training.policies.rdp.tokenizer import AsymmetricTokenizer, TokenizerConfig

Observation = dict[str, Tensor]


@dataclass(frozen=True)
class FeltTerm:
    """A term of the reactive signal: columns ``start`` to ``stop`` of an observation feature.

    Attributes:
        name: of the contract's term.
        feature: that holds it.
        start: first column.
        stop: one after the last.
        displaced: felt as its change since the plan was made.
    """

    name: str
    feature: str
    start: int
    stop: int
    displaced: bool

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.stop - self.start


def felt_terms(contract: TaskContract, names: Sequence[str]) -> list[FeltTerm]:
    """Where the named terms stand in the observations; forces and joint positions when nothing is named.

    Raises:
        ConfigError: a name is unknown, or nothing can be felt in this task.
    """
    known: dict[str, FeltTerm] = {}
    usual = []
    for feature in contract.observations:
        for term, columns in feature.columns:
            joints = term.message_type == "sensor_msgs/msg/JointState" and term.field == "position"
            known[term.name] = FeltTerm(term.name, feature.name, columns.start, columns.stop, joints)
            if joints or term.message_type == "geometry_msgs/msg/WrenchStamped":
                usual.append(term.name)
    if unknown := [name for name in names if name not in known]:
        raise ConfigError(f"task '{contract.name}' has no term '{unknown[0]}'.", f"it has {', '.join(known)}.")
    if not names and not any(not known[name].displaced for name in usual):
        raise ConfigError(f"nothing is felt in task '{contract.name}'.", "name its terms with --feel.")
    return [known[name] for name in names or usual]


class SlowFastPolicy(nn.Module):
    """Both halves of a reactive diffusion policy.

    Args:
        contract: of the task; its relative targets refer to the first columns of its encoder's state.
        tokenizer: sizes; its horizon is the window for which a plan can be decoded.
        felt: the reactive signal; a tokenizer that feels nothing ignores it.
        width: of the latent policy.
        depth: of the latent policy.
        steps: Euler steps of the latent policy.
    """

    relative: Tensor
    displaced: Tensor

    def __init__(
        self,
        contract: TaskContract,
        tokenizer: TokenizerConfig,
        felt: Sequence[FeltTerm],
        width: int = 128,
        depth: int = 2,
        steps: int = 8,
    ) -> None:
        super().__init__()
        self.encoder, self.felt, self.horizon = contract.make_encoder(), tuple(felt), contract.actions.horizon
        self.observation_normalizer = Normalizer((self.encoder.size,))
        self.action_normalizer = Normalizer((tokenizer.horizon, tokenizer.action_dim), constant_scale=1e-4)
        self.felt_normalizer = Normalizer((sum(term.size for term in felt),))
        self.latent = LatentPolicy(AsymmetricTokenizer(tokenizer), self.encoder.size, width, depth, steps)
        self.register_buffer("relative", torch.tensor(contract.relative, dtype=torch.float32), persistent=False)
        flags = [term.displaced for term in felt for _ in range(term.size)]
        self.register_buffer("displaced", torch.tensor(flags, dtype=torch.float32), persistent=False)

    @property
    def tokenizer(self) -> AsymmetricTokenizer:
        """Stage 1."""
        return self.latent.tokenizer

    @property
    def noise_shape(self) -> tuple[int, int]:
        """(rows, channels) of the slow policy's noise."""
        return self.tokenizer.config.tokens, self.tokenizer.config.embed

    def features(self, observation: Observation) -> Tensor:
        """Normalised features (B, D) of raw observations, each (B, history, size)."""
        normalised: Tensor = self.observation_normalizer(self.encoder(observation))
        return normalised

    def base(self, observation: Observation) -> Tensor:
        """(B, A) what relative targets are added to: the measured joints, zero for absolute targets."""
        return observation[self.encoder.STATE][:, -1, : len(self.relative)] * self.relative

    def felt_now(self, observation: Observation) -> Tensor:
        """(B, R) raw reactive signal at the observation."""
        return torch.cat([observation[t.feature][:, -1, t.start : t.stop] for t in self.felt], dim=-1)

    def signals(self, felt: Tensor, start: Tensor) -> Tensor:
        """Normalised signal (B, T, R) of a raw one and of what it was when the plan was made (B, R)."""
        normalised: Tensor = self.felt_normalizer(felt - (start * self.displaced).unsqueeze(1))
        return normalised

    def forward(self, observation: Observation, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The slow half: chunk (B, H, A) as if nothing changed in what is felt, embedding (B, D), latent (B, L).

        Args:
            observation: raw features, each (B, history, size).
            noise: (B, tokens, channels).
        """
        embedding, latent = self.plan(observation, noise)
        still = self.felt_now(observation).unsqueeze(1).expand(-1, self.tokenizer.config.horizon, -1)
        return self.react(latent, still)[:, : self.horizon], embedding, latent

    def plan(self, observation: Observation, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Embedding (B, D) and latent (B, L): tokens, base of relative targets, and what is felt now."""
        features = self.features(observation)
        tokens = self.latent(features, noise)
        return features, torch.cat([tokens.flatten(1), self.base(observation), self.felt_now(observation)], dim=-1)

    def react(self, latent: Tensor, felt: Tensor) -> Tensor:
        """The fast half: raw commands (B, W, A) from a plan (B, L) and the raw signal (B, W, R) since it was made."""
        config = self.tokenizer.config
        tokens, base, start = latent.split(
            [config.embed * config.tokens, config.action_dim, len(self.displaced)], dim=-1
        )
        decoded = self.tokenizer.decode(tokens.unflatten(1, (config.embed, config.tokens)), self.signals(felt, start))
        raw: Tensor = self.action_normalizer.inverse(decoded)
        return raw + base.unsqueeze(1)
