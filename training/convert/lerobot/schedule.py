"""The noise schedules and update rules that LeRobot's Diffusion policy takes from diffusers, with fixed coefficients.

DDPM: Ho et al., arXiv 2006.11239, eq. 7 with the posterior ("fixed small") variance. DDIM: Song et al., arXiv
2010.02502, eq. 12 with eta 0. Time steps are spaced "leading" as in diffusers: every T // n-th, down to 0. Coefficients
are computed in float32 as diffusers does, so that the unrolled loop agrees to rounding. ``training.samplers.diffusion``
is not used here: its grid begins at the last level, and its DDIM takes the direction from the clipped estimate of the
data, where diffusers keeps the network's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from policy_nodes.errors import BundleError
from training.objectives.diffusion import betas as cosine_betas


@dataclass(frozen=True)
class Step:
    """One update ``x <- sample_gain * x + data_gain * x0 + output_gain * eps + sigma * z``.

    Attributes:
        timestep: what the network is told.
        signal: sqrt of the cumulative alpha; noise: sqrt of one minus it: ``x = signal * x0 + noise * eps``.
        data_gain: of the (clipped) estimate of x0; sample_gain: of x; output_gain: of the unclipped eps.
        sigma: of the noise drawn at this step, 0 where none is.
    """

    timestep: int
    signal: float
    noise: float
    data_gain: float
    sample_gain: float
    output_gain: float
    sigma: float


@dataclass(frozen=True)
class Schedule:
    """All steps of one sampler, first to last, and how x0 is estimated."""

    steps: tuple[Step, ...]
    predicts_noise: bool
    clip: float | None

    @property
    def draws(self) -> int:
        """How often standard normal noise is drawn: once for the start and once per stochastic step."""
        return 1 + sum(step.sigma > 0 for step in self.steps)


def betas(name: str, count: int, start: float, end: float) -> Tensor:
    """(count,) float32 noise increments of diffusers' schedule ``name``.

    Raises:
        BundleError: a schedule that is not known here.
    """
    if name == "squaredcos_cap_v2":
        return cosine_betas("cosine", count).float()
    if name == "linear":
        return torch.linspace(start, end, count, dtype=torch.float32)
    if name == "scaled_linear":
        return torch.linspace(start**0.5, end**0.5, count, dtype=torch.float32) ** 2
    raise BundleError(f"the noise schedule is '{name}'.", "Keel knows squaredcos_cap_v2, linear and scaled_linear.")


def schedule(config: dict[str, Any], sampler: str, count: int) -> Schedule:
    """Steps of ``sampler`` (``DDPM`` or ``DDIM``) with ``count`` network evaluations for a Diffusion configuration.

    Raises:
        BundleError: unknown sampler, schedule or prediction type, or a number of steps that cannot be.
    """
    total = int(config["num_train_timesteps"])
    if not 1 <= count <= total:
        raise BundleError(f"{count} sampling steps of {total} training steps.", f"give 1 to {total} with --steps.")
    if config["prediction_type"] not in ("epsilon", "sample"):
        raise BundleError(f"the network predicts '{config['prediction_type']}'.", "Keel knows epsilon and sample.")
    if sampler not in ("DDPM", "DDIM"):
        raise BundleError(f"the sampler is '{sampler}'.", "Keel knows DDPM and DDIM.")
    alpha = torch.cumprod(1.0 - betas(config["beta_schedule"], total, config["beta_start"], config["beta_end"]), dim=0)
    times = [i * (total // count) for i in range(count)][::-1]
    one = torch.tensor(1.0)
    steps = []
    for index, t in enumerate(times):
        following = times[index + 1] if sampler == "DDPM" and index + 1 < count else t - total // count
        now, then = alpha[t], alpha[following] if following >= 0 else one
        steps.append(_ddpm(t, now, then) if sampler == "DDPM" else _ddim(t, now, then))
    clip = float(config["clip_sample_range"]) if config["clip_sample"] else None
    return Schedule(tuple(steps), config["prediction_type"] == "epsilon", clip)


def _ddpm(t: int, now: Tensor, then: Tensor) -> Step:
    current = now / then
    beta = 1 - current
    variance = torch.clamp((1 - then) / (1 - now) * beta, min=1e-20)
    return Step(
        timestep=t,
        signal=float(now**0.5),
        noise=float((1 - now) ** 0.5),
        data_gain=float(then**0.5 * beta / (1 - now)),
        sample_gain=float(current**0.5 * (1 - then) / (1 - now)),
        output_gain=0.0,
        sigma=float(variance**0.5) if t > 0 else 0.0,
    )


def _ddim(t: int, now: Tensor, then: Tensor) -> Step:
    return Step(
        timestep=t,
        signal=float(now**0.5),
        noise=float((1 - now) ** 0.5),
        data_gain=float(then**0.5),
        sample_gain=0.0,
        output_gain=float((1 - then) ** 0.5),
        sigma=0.0,
    )
