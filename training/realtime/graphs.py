"""A policy with another sampler, as a module to export: features, noise and extra inputs -> chunk and embedding.

All of them take and give raw quantities. The previous chunk comes in raw too and is anchored at the present observation
inside, so that targets relative to the measured joints continue where the robot is.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from policy_nodes.bundle.chunking import Method
from training.realtime.discrete import FACTOR, clip_guess, column_mask
from training.realtime.parts import ChunkParts, Observation
from training.realtime.prefix import PrefixMLP, prefix_flow
from training.realtime.rtc import MAX_WEIGHT, guided_flow
from training.realtime.rti import warm_flow
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
        start: flow time at which a warm start begins.
        max_weight: clip of the guidance.
        discrete: two-valued action columns, whose guess is clipped (RTI-DP).
    """

    method: Method
    steps: int
    start: float = 0.5
    max_weight: float = MAX_WEIGHT
    discrete: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Of the variant in the manifest."""
        return f"{self.method}_{self.steps}"


class VariantGraph(nn.Module):
    """The policy under another sampler.

    Args:
        parts: the policy.
        config: the sampler.
        action_dim: A.
        prefix: denoiser with a time per step, for the method ``prefix``.

    Raises:
        ValueError: the method ``prefix`` without its denoiser.
    """

    discrete: Tensor

    def __init__(
        self, parts: ChunkParts, config: VariantConfig, action_dim: int, prefix: PrefixMLP | None = None
    ) -> None:
        super().__init__()
        if config.method == "prefix" and prefix is None:
            raise ValueError("the method 'prefix' needs a denoiser that was trained for it")
        self.policy, self.prefix = parts.policy, prefix
        self.parts, self.config = parts, config
        self.register_buffer("discrete", column_mask(config.discrete, action_dim), persistent=False)

    def forward(self, observation: Observation, noise: Tensor, *extra: Tensor) -> tuple[Tensor, Tensor]:
        """Raw chunk (B, H, A) and embedding (B, E).

        Args:
            observation: raw features, each (B, history, size).
            noise: (B, H, A).
            extra: the inputs of ``EXTRA_INPUTS``: raw previous chunk (B, H, A), weights (B, H).
        """
        parts, config = self.parts, self.config
        embedding = parts.condition(observation)

        def velocity(x: Tensor, t: Tensor) -> Tensor:
            return parts.velocity(x, t, embedding)

        if config.method == "full":
            sample = euler_flow(velocity, noise, config.steps)
        else:
            sample = self._continued(velocity, embedding, noise, parts.normalise(observation, extra[0]), *extra[1:])
        return parts.restore(observation, sample), embedding

    def _continued(self, velocity, embedding: Tensor, noise: Tensor, previous: Tensor, *weights: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        config = self.config
        if config.method == "warm_start":
            guess = clip_guess(previous, self.discrete, FACTOR) if config.discrete else previous
            return warm_flow(velocity, guess, noise, config.start, config.steps)
        if config.method == "guided":
            return guided_flow(velocity, noise, previous, weights[0], config.steps, max_weight=config.max_weight)
        assert self.prefix is not None
        network = self.prefix
        return prefix_flow(lambda x, t: network(x, t, embedding), noise, previous, weights[0], config.steps)


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
