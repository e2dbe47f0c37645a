"""The flow-matching policy: raw observation history and noise in, raw action chunk and embedding out.

Chunked visuomotor flow policy in the manner of pi0's action head (Black et al., arXiv 2410.24164) with a state encoder;
joint targets are predicted relative to the measured joints, and every (step, joint) pair has its own statistics.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from policy_nodes.errors import ConfigError
from training.objectives.flow_matching import TimeDensity, flow_matching_loss
from training.policies.encoders import TabletopEncoder
from training.policies.normalizer import STD_FLOOR, Normalizer
from training.policies.residual_mlp import ResidualMLP
from training.samplers.euler import euler_flow


@dataclass(frozen=True)
class FlowPolicyConfig:
    """Architecture and sampler of a :class:`FlowPolicy`.

    Raises:
        ConfigError: a size is less than 1.
    """

    horizon: int = 16
    """Steps of a chunk."""
    sampling_steps: int = 4
    """Euler steps, that is network evaluations per chunk."""
    embedding_size: int = 128
    """Size of the observation embedding, which also feeds the failure predictor."""
    width: int = 256
    """Hidden width of the denoiser."""
    depth: int = 3
    """Residual blocks of the denoiser."""
    expansion: int = 2
    """Hidden expansion inside a block."""
    time_density: TimeDensity = "uniform"
    """Distribution of the flow time in training."""

    def __post_init__(self) -> None:
        for name in ("horizon", "sampling_steps", "embedding_size", "width", "depth", "expansion"):
            if getattr(self, name) < 1:
                option = f"--config.policy.{name.replace('_', '-')}"
                raise ConfigError(f"{option} is {getattr(self, name)}.", "give at least 1.")


class FlowPolicy(nn.Module):
    """Flow-matching policy over action chunks.

    Args:
        config: architecture.
        encoder: geometric encoder with attributes ``size`` and ``STATE``.
        action_dim: number of commanded joints A, in the order of the action contract.
        relative: (A,) mask of the joints whose target is predicted relative to the measured position.
    """

    relative: Tensor

    def __init__(
        self, config: FlowPolicyConfig, encoder: TabletopEncoder, action_dim: int, relative: list[bool]
    ) -> None:
        super().__init__()
        self.config, self.action_dim = config, action_dim
        self.encoder = encoder
        self.register_buffer("relative", torch.tensor(relative, dtype=torch.float32), persistent=False)
        self.observation_normalizer = Normalizer((encoder.size,))
        self.action_normalizer = Normalizer((config.horizon, action_dim), constant_scale=STD_FLOOR)
        self.embed = nn.Sequential(
            nn.Linear(encoder.size, 2 * config.embedding_size),
            nn.SiLU(),
            nn.Linear(2 * config.embedding_size, config.embedding_size),
            nn.SiLU(),
        )
        self.denoiser = ResidualMLP(
            config.horizon, action_dim, config.embedding_size, config.width, config.depth, config.expansion
        )

    def embedding(self, observation: dict[str, Tensor]) -> Tensor:
        """(B, E) conditioning vector of the raw observation history."""
        return self.embed(self.observation_normalizer(self.encoder(observation)))

    def loss(
        self, observation: dict[str, Tensor], action: Tensor, is_pad: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """Flow-matching loss of raw action chunks (B, H, A) given raw observations."""
        embedding = self.embedding(observation)
        data = self.action_normalizer(self.to_relative(observation, action))
        return flow_matching_loss(
            lambda x, t: self.denoiser(x, t, embedding), data, is_pad, self.config.time_density, generator
        )

    def forward(self, observation: dict[str, Tensor], noise: Tensor) -> tuple[Tensor, Tensor]:
        """Sample chunks.

        Args:
            observation: raw features, each (B, history, size).
            noise: (B, H, A) standard normal.

        Returns:
            raw action chunk (B, H, A) and embedding (B, E).
        """
        embedding = self.embedding(observation)
        sample = euler_flow(lambda x, t: self.denoiser(x, t, embedding), noise, self.config.sampling_steps)
        chunk = self.action_normalizer.inverse(sample)
        return chunk + self._reference(observation), embedding

    def to_relative(self, observation: dict[str, Tensor], action: Tensor) -> Tensor:
        """Raw targets (B, H, A) -> targets relative to the latest measured joints where the contract says so."""
        return action - self._reference(observation)

    def _reference(self, observation: dict[str, Tensor]) -> Tensor:
        """(B, 1, A) what relative targets are measured from."""
        latest = observation[self.encoder.STATE][:, -1, : self.action_dim]
        return (latest * self.relative).unsqueeze(1)

    def fit_statistics(self, observation: dict[str, Tensor], action: Tensor, is_pad: Tensor) -> None:
        """Fit both normalisers on N windows; steps that are padding do not count.

        Args:
            observation: raw features, each (N, history, size).
            action: (N, H, A) raw chunks.
            is_pad: (N, H) True where the chunk runs past the end of its episode.

        Raises:
            ContractError: a value is not finite.
        """
        features = self.encoder(observation)
        self.observation_normalizer.fit(features.mean(0), features.std(0))
        relative = self.to_relative(observation, action)
        keep = (~is_pad).to(relative.dtype).unsqueeze(-1)
        count = keep.sum(0)
        mean = (relative * keep).sum(0) / count.clamp(min=1.0)
        variance = ((relative - mean).square() * keep).sum(0) / (count - 1.0).clamp(min=1.0)
        self.action_normalizer.fit(mean, variance.sqrt())

    def require_statistics(self) -> None:
        """Raise ContractError naming the first feature without statistics."""
        self.observation_normalizer.require_fitted("observation")
        self.action_normalizer.require_fitted("action")
