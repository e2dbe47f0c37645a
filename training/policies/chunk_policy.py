"""A generative policy over action chunks: encoder, embedding, denoiser, objective and sampler, each exchangeable.

Raw observation history and noise in, raw action chunk and embedding out. Joint targets are predicted relative to the
measured joints where the contract says so, and every (step, joint) pair has its own statistics.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from training.objectives.interface import Network, Objective
from training.policies.combinations import ATTENTION, evaluations, noise_rows, sampler_info
from training.policies.condition import ConditionLayout, FeatureLayout, feature_layout
from training.policies.config import PolicyConfig
from training.policies.moore import MooreEmbedding
from training.policies.normalizer import STD_FLOOR, Normalizer, masked_moments
from training.policies.parts import make_backbone, make_objective
from training.samplers.model import Model

Observation = dict[str, Tensor]


class ChunkPolicy(nn.Module):
    """Policy over action chunks.

    Args:
        config: which parts, and their sizes.
        encoder: module from raw observations to features, with ``size`` and ``STATE``.
        action_dim: number of commanded joints A, in the order of the action contract.
        relative: (A,) mask of the joints whose target is predicted relative to the measured position.
        teacher: policy to distil, not part of the weights.
    """

    relative: Tensor

    def __init__(
        self,
        config: PolicyConfig,
        encoder: Any,
        action_dim: int,
        relative: list[bool],
        teacher: ChunkPolicy | None = None,
    ) -> None:
        super().__init__()
        self.config, self.action_dim, self.encoder = config, action_dim, encoder
        self.features: FeatureLayout = feature_layout(encoder)
        self._any_relative = any(relative)
        self._teacher = [] if teacher is None else [teacher]  # in a list, so that it is not a submodule
        self.register_buffer("relative", torch.tensor(relative, dtype=torch.float32), persistent=False)
        self.observation_normalizer = Normalizer((encoder.size,))
        self.action_normalizer = Normalizer((config.horizon, action_dim), constant_scale=STD_FLOOR)
        if config.embedding == "moore":
            self.embed: nn.Module = MooreEmbedding(encoder.size, config, self.features.task)
        else:
            self.embed = nn.Sequential(
                nn.Linear(encoder.size, 2 * config.embedding_size),
                nn.SiLU(),
                nn.Linear(2 * config.embedding_size, config.embedding_size),
                nn.SiLU(),
            )
        self.objective: Objective = make_objective(config)
        self.layout = self._layout()
        self.denoiser = make_backbone(config, action_dim, self.layout)
        if config.experts.grown:
            self.embed.requires_grad_(False)

    def _layout(self) -> ConditionLayout:
        extra = self.objective.extra_condition
        if self.config.backbone not in ATTENTION:
            return ConditionLayout(self.config.embedding_size, extra=extra)
        f = self.features
        return ConditionLayout(self.config.embedding_size, f.history, f.step, f.static, len(f.task), extra)

    @property
    def teacher(self) -> ChunkPolicy | None:
        """Policy that this one is distilled from, while it is trained."""
        return self._teacher[0] if self._teacher else None

    @property
    def noise_rows(self) -> int:
        """Rows of the noise input."""
        return noise_rows(self.config)

    @property
    def evaluations(self) -> int:
        """Network evaluations per chunk."""
        return evaluations(self.config)

    def _raw_features(self, observation: Observation) -> Tensor:
        """(B, size) features; only the newest time step of them without observation history."""
        features: Tensor = self.encoder(observation)
        if self.config.observation_history or self.features.history == 1:
            return features
        f = self.features
        newest = features[:, (f.history - 1) * f.step : f.history * f.step]
        return torch.cat([newest.repeat(1, f.history), features[:, f.history * f.step :]], dim=-1)

    def embedding(self, observation: Observation) -> Tensor:
        """(B, E) embedding of the raw observation history."""
        return self._embed(self._raw_features(observation))

    def _embed(self, raw: Tensor, keep: Tensor | None = None) -> Tensor:
        normal = self.observation_normalizer(raw)
        normal = normal if keep is None else normal * keep
        return self.embed(normal, raw) if isinstance(self.embed, MooreEmbedding) else self.embed(normal)

    def condition(self, observation: Observation, keep: Tensor | None = None) -> Tensor:
        """(B, C) packed condition without the objective's extra part.

        Args:
            observation: raw features, each (B, history, size).
            keep: (B, size) or (1, size) factor of the normalised features, 0 where guidance leaves them out.
        """
        return self._pack(self._raw_features(observation), keep)

    def _pack(self, raw: Tensor, keep: Tensor | None = None) -> Tensor:
        embedding = self._embed(raw, keep)
        if self.config.backbone not in ATTENTION:
            return embedding
        normal = self.observation_normalizer(raw)
        parts = [embedding, normal if keep is None else normal * keep]
        if self.layout.tasks:
            parts.append(raw[:, self.features.task[0] : self.features.task[-1] + 1])
        return torch.cat(parts, dim=-1)

    def network(self, condition: Tensor) -> Network:
        """The denoiser at a condition; levels (B, 1 + extra) carry the objective's part of it."""

        def evaluate(x: Tensor, level: Tensor) -> Tensor:
            if level.dim() == 1:
                return self.denoiser(x, level, condition)
            return self.denoiser(x, level[:, 0], torch.cat([condition, level[:, 1:]], dim=-1))

        return evaluate

    def loss(
        self, observation: Observation, action: Tensor, is_pad: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """Training loss of raw action chunks (B, H, A) given raw observations."""
        keep = self._dropout_mask(len(action), generator)
        condition = self.condition(observation, keep)
        data = self.action_normalizer(self.to_relative(observation, action))
        teacher = None if self.teacher is None else self.teacher.clean_estimate(observation)
        loss = self.objective.loss(self.network(condition), data, is_pad, generator, teacher)
        auxiliary: Callable[[], Tensor] | None = getattr(self.denoiser, "pop_auxiliary", None)
        return loss if auxiliary is None or not self.training else loss + auxiliary()

    def _dropout_mask(self, batch: int, generator: torch.Generator | None) -> Tensor | None:
        """(B, size) 0 at the goal's columns of the samples that train without it; per sample, not per element."""
        if self.config.condition_dropout == 0.0 or not self.training:
            return None
        dropped = torch.rand(batch, 1, generator=generator) < self.config.condition_dropout
        return torch.where(dropped, self._without_goal(), torch.ones(1, self.features.size))

    def _without_goal(self) -> Tensor:
        keep = torch.ones(1, self.features.size, device=self.relative.device)
        keep[:, list(self.features.guided)] = 0.0
        return keep

    def clean_estimate(self, observation: Observation) -> Callable[[Tensor, Tensor], Tensor]:
        """Teacher for distillation: (x, sigma (B,)) -> clean estimate, of an edm policy."""
        from training.objectives.edm import Edm, c_in, c_out, c_skip

        objective = self.objective
        assert isinstance(objective, Edm)
        with torch.no_grad():
            network = self.network(self.condition(observation))
        deviation = objective.noise.sigma_data

        def estimate(x: Tensor, sigma: Tensor) -> Tensor:
            wide = sigma.view(-1, 1, 1)
            output = network(c_in(wide, deviation) * x, objective.levels(sigma))
            return c_skip(wide, deviation) * x + c_out(wide, deviation) * output

        return estimate

    def forward(self, observation: Observation, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Sample chunks.

        Args:
            observation: raw features, each (B, history, size).
            noise: (B, noise_rows, A) standard normal: the chunks that the sampler draws, one below the other.

        Returns:
            raw action chunk (B, H, A) and embedding (B, E).
        """
        raw = self._raw_features(observation)
        condition = self._pack(raw)
        unguided = None if self.config.guidance == 1.0 else self._pack(raw, self._without_goal())
        embedding = condition[:, : self.config.embedding_size]
        sample = self.sample(condition, noise, unguided)
        return self.action_normalizer.inverse(sample) + self._reference(observation), embedding

    def sample(self, condition: Tensor, noise: Tensor, unguided: Tensor | None = None) -> Tensor:
        """Normalised chunk (B, H, A) from a packed condition; with ``unguided``, the condition without its goal."""
        config = self.config
        times = self.objective.times(config.sampling_steps, config.time_grid)
        draws = (noise,) if noise.shape[1] == config.horizon else noise.split(config.horizon, dim=1)
        return sampler_info(config).sample(self.model(condition, unguided), times, draws)

    def model(self, condition: Tensor, unguided: Tensor | None = None) -> Model:
        """What a sampler sees at a condition."""
        objective = self.objective
        if objective.extra_condition:
            condition = self._told_step_size(condition)
            unguided = None if unguided is None else self._told_step_size(unguided)

        def output(x: Tensor, t: float) -> Tensor:
            scaled = objective.scale_input(x, t)
            guided = self.evaluate(scaled, objective.level(t), condition)
            if unguided is None:
                return guided
            plain = self.evaluate(scaled, objective.level(t), unguided)
            return plain + self.config.guidance * (guided - plain)

        return Model(
            lambda x, t: objective.to_data(output(x, t), x, t),
            lambda x, t: objective.velocity(output(x, t), x, t),
            objective.alpha,
            objective.sigma,
        )

    def evaluate(self, x: Tensor, level: float, condition: Tensor) -> Tensor:
        """One network evaluation at a level that all samples share."""
        if getattr(self.denoiser, "fused", False):
            return self.denoiser(x, level, condition)
        level = getattr(self.denoiser, "level_numbers", {level: level})[level]
        return self.denoiser(x, torch.full_like(x[:, 0, 0], level), condition)

    def _told_step_size(self, condition: Tensor) -> Tensor:
        told = self.objective.step_condition(self.config.sampling_steps).to(condition)
        return torch.cat([condition, told.expand(condition.shape[0], -1)], dim=-1)

    def to_relative(self, observation: Observation, action: Tensor) -> Tensor:
        """Raw targets (B, H, A) -> targets relative to the latest measured joints where the contract says so."""
        return action - self._reference(observation)

    def _reference(self, observation: Observation) -> Tensor:
        """(B, 1, A) what relative targets are measured from; a scalar 0 when none is relative."""
        if not self._any_relative:
            return torch.zeros((), device=self.relative.device)
        latest = observation[self.encoder.STATE][:, -1, : self.action_dim]
        return (latest * self.relative).unsqueeze(1)

    def fit_statistics(self, observation: Observation, action: Tensor, is_pad: Tensor) -> None:
        """Fit both normalisers on N windows; steps that are padding do not count.

        Args:
            observation: raw features, each (N, history, size).
            action: (N, H, A) raw chunks.
            is_pad: (N, H) True where the chunk runs past the end of its episode.

        Raises:
            ContractError: a value is not finite.
        """
        features = self._raw_features(observation)
        self.observation_normalizer.fit(features.mean(0), features.std(0))
        relative = self.to_relative(observation, action)
        if self.config.scaling == "minmax":
            pad = is_pad.unsqueeze(-1)
            low = torch.where(pad, torch.inf, relative).amin(0)
            high = torch.where(pad, -torch.inf, relative).amax(0)
            self.action_normalizer.fit((high + low) / 2.0, (high - low) / 2.0)
            return
        self.action_normalizer.fit(*masked_moments(relative, is_pad))

    def require_statistics(self) -> None:
        """Raise ContractError naming the first feature without statistics."""
        self.observation_normalizer.require_fitted("observation")
        self.action_normalizer.require_fitted("action")
