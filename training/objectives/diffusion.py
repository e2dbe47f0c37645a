"""Denoising diffusion (DDPM) over discrete steps, predicting the noise, the clean chunk or v.

    x_k = sqrt(abar_k) * data + sqrt(1 - abar_k) * noise,     k = 0 .. T-1,   abar_k = prod_{j <= k} (1 - beta_j)

Sources: Ho et al., arXiv 2006.11239 (linear betas, noise prediction); Nichol & Dhariwal, arXiv 2102.09672 (cosine);
Salimans & Ho, arXiv 2202.00512 (v); Diffusion Policy, Chi et al., arXiv 2303.04137, trains with the cosine schedule,
100 steps, noise prediction, and clips the clean estimate to [-1, 1], which needs targets scaled to that range.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from policy_nodes.errors import ConfigError
from training.objectives.conversions import data_from_noise, data_from_v, perturb, v_target
from training.objectives.interface import Network, Objective, Teacher
from training.objectives.masking import masked_mean

Schedule = Literal["cosine", "linear"]
Prediction = Literal["epsilon", "x0", "v"]
CLEAN = -1.0
"""The time after the last step, where alpha is 1 and sigma 0."""


@dataclass(frozen=True)
class DiffusionConfig:
    """Noise schedule of the ddpm objectives.

    Raises:
        ConfigError: fewer than two steps.
    """

    train_steps: int = 100
    """Steps T that the network learns; a sampler may use fewer."""
    schedule: Schedule = "cosine"
    """``cosine`` (squared cosine, betas capped at 0.999) or ``linear`` (1e-4 to 0.02 at 1000 steps, rescaled to T)."""

    def __post_init__(self) -> None:
        if self.train_steps < 2:
            raise ConfigError(
                f"--config.policy.diffusion.train-steps is {self.train_steps}.", "give at least 2; 100 is usual."
            )


def betas(schedule: Schedule, steps: int) -> Tensor:
    """(T,) float64 variances of the forward steps.

    Raises:
        ValueError: an unknown schedule.
    """
    if schedule == "linear":
        scale = 1000.0 / steps  # keeps the total noise of the published 1000 steps
        return torch.linspace(scale * 1e-4, scale * 0.02, steps, dtype=torch.float64).clamp(max=0.999)
    if schedule == "cosine":
        k = torch.arange(steps + 1, dtype=torch.float64) / steps
        abar = torch.cos((k + 0.008) / 1.008 * math.pi / 2).square()
        return (1.0 - abar[1:] / abar[:-1]).clamp(max=0.999)
    raise ValueError(f"unknown schedule '{schedule}'")


def alphas_cumprod(schedule: Schedule, steps: int) -> Tensor:
    """(T,) float64 ``abar``."""
    return torch.cumprod(1.0 - betas(schedule, steps), dim=0)


class Diffusion(Objective):
    """DDPM with one of three predictions.

    Args:
        config: noise schedule.
        prediction: what the network's output means.
        clip: bound of the clean estimate, None does not clip.
    """

    def __init__(self, config: DiffusionConfig, prediction: Prediction = "epsilon", clip: float | None = 1.0) -> None:
        super().__init__()
        self.steps, self.prediction, self.clip = config.train_steps, prediction, clip
        self.abar: list[float] = alphas_cumprod(config.schedule, config.train_steps).tolist()

    def loss(
        self,
        network: Network,
        data: Tensor,
        is_pad: Tensor,
        generator: torch.Generator | None = None,
        teacher: Teacher | None = None,
    ) -> Tensor:
        """Mean squared error of the prediction at steps drawn uniformly."""
        k = torch.randint(self.steps, (len(data),), generator=generator)
        noise = torch.randn(data.shape, generator=generator)
        abar = torch.tensor(self.abar, dtype=data.dtype)[k].view(-1, 1, 1)
        alpha, sigma = abar.sqrt(), (1.0 - abar).sqrt()
        output = network(perturb(data, noise, alpha, sigma), (k + 1).to(data.dtype) / self.steps)
        target = {"epsilon": noise, "x0": data, "v": v_target(data, noise, alpha, sigma)}[self.prediction]
        return masked_mean((output - target).square(), is_pad)

    def alpha(self, t: float) -> float:
        """``sqrt(abar)``; 1 at :data:`CLEAN`."""
        return 1.0 if t < 0 else math.sqrt(self.abar[int(t)])

    def sigma(self, t: float) -> float:
        """``sqrt(1 - abar)``; 0 at :data:`CLEAN`."""
        return 0.0 if t < 0 else math.sqrt(1.0 - self.abar[int(t)])

    def level(self, t: float) -> float:
        """Share of the steps, ``(k + 1) / T``."""
        return (t + 1.0) / self.steps

    def times(self, steps: int, grid: str = "linear") -> Sequence[float]:
        """Steps from T-1 to 0, evenly spaced and rounded, then :data:`CLEAN`.

        Raises:
            ConfigError: more steps than the network learned.
        """
        if steps > self.steps:
            raise ConfigError(
                f"{steps} sampling steps, but the network learned {self.steps} levels.",
                "use at most --config.policy.diffusion.train-steps.",
            )
        top = self.steps - 1
        return [float(round(top - i * top / max(steps - 1, 1))) for i in range(steps)] + [CLEAN]

    def to_data(self, output: Tensor, x: Tensor, t: float) -> Tensor:
        """Clean estimate, clipped."""
        alpha, sigma = self.alpha(t), self.sigma(t)
        if self.prediction == "epsilon":
            data = data_from_noise(x, output, alpha, sigma)
        else:
            data = output if self.prediction == "x0" else data_from_v(x, output, alpha, sigma)
        return data if self.clip is None else data.clamp(-self.clip, self.clip)
