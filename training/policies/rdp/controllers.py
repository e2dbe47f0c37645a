"""The trained policies as controllers of the wiping tool: plans now and then that arrive late, actions at each step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from sim.tasks.wiping.surface import SurfaceConfig, WipingSurface
from training.policies.normalizer import Normalizer
from training.policies.rdp.latent_policy import LatentPolicy
from training.policies.rdp.slow_fast import Array, FastDecoder, LatentPlan
from training.policies.rdp.strokes import reactive_signal, slow_observation
from training.policies.rdp.training import ChunkOnly


@dataclass(frozen=True)
class Rates:
    """When plans are made and used.

    Attributes:
        replan: control steps between plans.
        latency: control steps from an observation until its plan is in use; 4 in the official runtime.
    """

    replan: int = 16
    latency: int = 4


class SlowFast:
    """A policy that plans every ``replan`` steps; each plan is in use ``latency`` steps after its observation.

    Args:
        config: of the surface.
        rates: when.
        plan: observation (3,) -> what the plan consists of (``LatentPlan.tokens``).
        decode: (tokens, signals since the plan (T, 2)) -> actions (T, 1) relative to the tool's height then, m.
        horizon: H.
    """

    def __init__(
        self,
        config: SurfaceConfig,
        rates: Rates,
        plan: Callable[[Array], Array],
        decode: Callable[[Array, Array], Array],
        horizon: int,
    ) -> None:
        self._config, self._rates, self._make = config, rates, plan
        self._decode, self._horizon = decode, horizon
        self._begin()

    def _begin(self) -> None:
        self._fast = FastDecoder(self._decode_felt, self._horizon)
        self._under_way: list[LatentPlan] = []
        self._before: tuple[float, float] | None = None

    def act(self, surface: WipingSurface, step: int) -> float:
        """Commanded height (m); where no plan speaks, at the very beginning, the tool stays where it is."""
        if step == 0:
            self._begin()
        force, height = surface.force, surface.z
        last_force, last_height = self._before or (force, height)
        self._before = (force, height)
        self._fast.feel(step, np.array([force, height], dtype=np.float32))
        if step % self._rates.replan == 0:
            seen = slow_observation(self._config, force, last_force, height - last_height)
            base = np.array([height], dtype=np.float32)
            self._under_way.append(LatentPlan(step, self._make(seen), base))
        while self._under_way and step - self._under_way[0].start >= self._rates.latency:
            self._fast.take(self._under_way.pop(0))
        action = self._fast.act(step)
        return height if action is None else float(action[0])

    def _decode_felt(self, tokens: Array, felt: Array) -> Array:
        """Signals are relative to the plan's beginning, which is the first one felt."""
        start = float(felt[0, 1])
        signals = [reactive_signal(self._config, float(f), float(z) - start) for f, z in felt]
        return self._decode(tokens, np.stack(signals))


def reactive(
    policy: LatentPolicy, normalizer: Normalizer, config: SurfaceConfig, rates: Rates, seed: int = 0
) -> SlowFast:
    """Reactive diffusion policy: latent plans, and a decoder that feels."""
    generator, size = torch.Generator().manual_seed(seed), policy.tokenizer.config

    @torch.no_grad()
    def plan(observation: Array) -> Array:
        noise = torch.randn(1, size.tokens, size.embed, generator=generator)
        return _array(policy(torch.from_numpy(observation)[None], noise)[0])

    @torch.no_grad()
    def decode(tokens: Array, signals: Array) -> Array:
        decoded = policy.tokenizer.decode(torch.from_numpy(tokens)[None], torch.from_numpy(signals)[None])[0]
        return _array(decoded * normalizer.std[: len(decoded)] + normalizer.mean[: len(decoded)])

    return SlowFast(config, rates, plan, decode, size.horizon)


def chunk_only(
    policy: ChunkOnly, normalizer: Normalizer, config: SurfaceConfig, rates: Rates, seed: int = 0
) -> SlowFast:
    """The baseline: plans are actions, and nothing is felt in between."""
    generator, shape = torch.Generator().manual_seed(seed), normalizer.mean.shape

    @torch.no_grad()
    def plan(observation: Array) -> Array:
        noise = torch.randn(1, *shape, generator=generator)
        return _array(normalizer.inverse(policy(torch.from_numpy(observation)[None], noise))[0])

    return SlowFast(config, rates, plan, lambda actions, signals: actions[: len(signals)], shape[0])


def _array(tensor: torch.Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.numpy()
    return array
