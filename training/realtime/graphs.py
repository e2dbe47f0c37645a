"""A policy with another sampler, as a module to export: features, noise and extra inputs -> chunk and embedding.

All of them take and give raw quantities. The previous chunk comes in raw too and is anchored at the present observation
inside, so that targets relative to the measured joints continue where the robot is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from policy_nodes.bundle.chunking import Method
from training.objectives.diffusion import betas
from training.realtime.discrete import FACTOR, clip_guess, column_mask
from training.realtime.parts import ChunkParts, Observation
from training.realtime.prefix import PrefixMLP, prefix_flow
from training.realtime.rtc import MAX_WEIGHT, guided_flow
from training.realtime.rti import NoiseSchedule, warm_diffusion, warm_flow
from training.samplers.euler import euler_flow

EXTRA_INPUTS: dict[Method, tuple[str, ...]] = {
    "full": (),
    "warm_start": ("previous_chunk",),
    "guided": ("previous_chunk", "prefix_weights"),
    "prefix": ("previous_chunk", "prefix_weights"),
}
"""Inputs beside observation and noise; a name is also its role."""


@dataclass(frozen=True)
class VariantConfig:
    """One further graph.

    Attributes:
        method: how it samples.
        steps: network evaluations.
        start: flow time at which a warm start begins (flow policies).
        step_list: descending diffusion steps of a warm start, as published, for example 3, 1, 0 (ddpm policies).
        max_weight: clip of the guidance.
        jacobian: ``true`` guides through the denoiser, as published; ``identity`` leaves the derivative out, as
            LeRobot's implementation does: cheaper, and stronger where the policy is sharp.
        discrete: two-valued action columns, whose guess is clipped (RTI-DP).
    """

    method: Method
    steps: int
    start: float = 0.5
    step_list: tuple[int, ...] = ()
    max_weight: float = MAX_WEIGHT
    jacobian: Literal["true", "identity"] = "true"
    discrete: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Of the variant in the manifest."""
        return f"{self.method}_{self.steps}" + ("_identity" if self.jacobian == "identity" else "")

    def noise_rows(self, horizon: int) -> int:
        """Rows of the noise input: one chunk, or one for each listed step."""
        return horizon * max(len(self.step_list), 1)

    @property
    def differentiates(self) -> bool:
        """Whether sampling takes derivatives."""
        return self.method == "guided" and self.jacobian == "true"


class VariantGraph(nn.Module):
    """The policy under another sampler.

    Args:
        parts: the policy.
        config: the sampler.
        action_dim: A.
        prefix: denoiser with a time per step, for the method ``prefix``.

    Raises:
        ValueError: the method ``prefix`` without its denoiser, or a method that this kind of policy does not have.
    """

    discrete: Tensor

    def __init__(
        self, parts: ChunkParts, config: VariantConfig, action_dim: int, prefix: PrefixMLP | None = None
    ) -> None:
        super().__init__()
        if config.method == "prefix" and prefix is None:
            raise ValueError("the method 'prefix' needs a denoiser that was trained for it")
        diffuses = parts.policy.config.family == "ddpm"
        if diffuses != bool(config.step_list) or (diffuses and config.method != "warm_start"):
            raise ValueError("a step list belongs to the warm start of a ddpm policy, and only that can be made of one")
        self.policy, self.prefix = parts.policy, prefix
        self.parts, self.config = parts, config
        self.register_buffer("discrete", column_mask(config.discrete, action_dim), persistent=False)

    def forward(self, observation: Observation, noise: Tensor, *extra: Tensor) -> tuple[Tensor, Tensor]:
        """Raw chunk (B, H, A) and embedding (B, E).

        Args:
            observation: raw features, each (B, history, size).
            noise: (B, rows, A): H rows, or H for each step of ``step_list``.
            extra: the inputs of ``EXTRA_INPUTS``: raw previous chunk (B, H, A), weights (B, H).
        """
        parts, config = self.parts, self.config
        condition = parts.condition(observation)

        def velocity(x: Tensor, t: Tensor) -> Tensor:
            return parts.velocity(x, t, condition)

        if config.method == "full":
            sample = euler_flow(velocity, noise, config.steps)
        else:
            sample = self._continued(velocity, condition, noise, parts.normalise(observation, extra[0]), *extra[1:])
        return parts.restore(observation, sample), condition[:, : parts.policy.config.embedding_size]

    def _continued(self, velocity, condition: Tensor, noise: Tensor, previous: Tensor, *weights: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        config = self.config
        if config.method == "warm_start":
            guess = clip_guess(previous, self.discrete, FACTOR) if config.discrete else previous
            if config.step_list:
                return self._warm_diffusion(condition, guess, noise)
            return warm_flow(velocity, guess, noise, config.start, config.steps)
        if config.method == "guided":
            return guided_flow(
                velocity,
                noise,
                previous,
                weights[0],
                config.steps,
                max_weight=config.max_weight,
                through_denoiser=config.differentiates,
            )
        assert self.prefix is not None
        network = self.prefix
        return prefix_flow(lambda x, t: network(x, t, condition), noise, previous, weights[0], config.steps)

    def _warm_diffusion(self, condition: Tensor, guess: Tensor, noise: Tensor) -> Tensor:
        """The published warm start: DDPM steps at the listed indices, with their noise."""
        policy, model = self.parts.policy, self.parts.model(condition)
        diffusion = policy.config.diffusion
        schedule = NoiseSchedule(betas(diffusion.schedule, diffusion.train_steps).float())

        def epsilon(x: Tensor, k: int) -> Tensor:
            return (x - model.alpha(k) * model.data(x, k)) / model.sigma(k)

        noises = torch.stack(noise.split(policy.config.horizon, dim=1))
        return warm_diffusion(epsilon, guess, self.config.step_list, schedule, noises)


def plain_operators(module: nn.Module, inputs: tuple[Tensor, ...]) -> torch.fx.GraphModule:
    """The module's computation, derivatives included, as operators that an ONNX exporter knows.

    ``torch.func.vjp`` is resolved by tracing: what remains is one graph of forward operators. The batch stays free.

    Args:
        module: called with ``inputs`` by position.
        inputs: examples with at least two samples.
    """
    from torch._decomp import core_aten_decompositions
    from torch.fx.experimental.proxy_tensor import make_fx

    with torch.no_grad():
        traced: torch.fx.GraphModule = make_fx(
            module,
            decomposition_table=dict(core_aten_decompositions()),
            tracing_mode="symbolic",
            _allow_non_fake_inputs=True,
        )(*inputs)
    return traced
