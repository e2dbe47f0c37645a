"""Score-based denoising with EDM's preconditioning, as MoDE and BESO use it.

    D(x, sigma) = c_skip x + c_out F(c_in x, sigma),    x = data + sigma * noise

The network F regresses ``(data - c_skip x) / c_out``, which already contains the weight ``1 / c_out**2``. Noise
levels are drawn from a truncated log-logistic density around ``sigma_data``: extreme levels of a wide range are
hardly ever trained.

Sources: Karras et al., arXiv 2206.00364; BESO, Reuss et al., arXiv 2304.02532; MoDE, Reuss et al., arXiv 2412.12953.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from policy_nodes.errors import ConfigError
from training.objectives.conversions import Coefficient
from training.objectives.interface import Network, Objective, Teacher
from training.objectives.masking import masked_mean
from training.samplers.grids import noise_levels

LOGISTIC_SCALE = 0.5


@dataclass(frozen=True)
class EdmConfig:
    """Noise range of the edm and consistency objectives.

    Raises:
        ConfigError: the range is empty or not positive.
    """

    sigma_data: float = 0.5
    """Standard deviation of the normalised actions; targets scaled to [-1, 1] have about 0.5."""
    sigma_min: float = 0.001
    """Smallest noise level (MoDE 0.001, BESO 0.005)."""
    sigma_max: float = 80.0
    """Largest noise level (MoDE 80; BESO 1, which samples well in three steps)."""
    rho: float = 7.0
    """Exponent of the karras grid."""

    def __post_init__(self) -> None:
        if not (0 < self.sigma_min < self.sigma_max and self.sigma_data > 0 and self.rho > 0):
            raise ConfigError(
                f"--config.policy.edm: sigma_min {self.sigma_min}, sigma_max {self.sigma_max}, sigma_data "
                f"{self.sigma_data}, rho {self.rho}.",
                "give positive numbers with sigma_min below sigma_max.",
            )


def c_skip(sigma: Coefficient, sigma_data: float) -> Coefficient:
    """Factor of x in the denoiser."""
    return sigma_data**2 / (sigma * sigma + sigma_data**2)


def c_out(sigma: Coefficient, sigma_data: float) -> Coefficient:
    """Factor of the network's output."""
    return sigma * sigma_data * (sigma * sigma + sigma_data**2) ** -0.5


def c_in(sigma: Coefficient, sigma_data: float) -> Coefficient:
    """Factor of the network's input."""
    return (sigma * sigma + sigma_data**2) ** -0.5


def draw_sigma(count: int, config: EdmConfig, generator: torch.Generator | None = None) -> Tensor:
    """(B,) noise levels: log sigma is logistic around log sigma_data with scale 0.5, truncated to the range."""

    def cdf(sigma: float) -> float:
        return 1.0 / (1.0 + math.exp(-(math.log(sigma / config.sigma_data)) / LOGISTIC_SCALE))

    low, high = cdf(config.sigma_min), cdf(config.sigma_max)
    u = low + (high - low) * torch.rand(count, generator=generator, dtype=torch.float64)
    sigma = (torch.logit(u) * LOGISTIC_SCALE + math.log(config.sigma_data)).exp()
    return sigma.clamp(config.sigma_min, config.sigma_max).to(torch.float32)


class NoisePath(Objective):
    """What edm and consistency share: noise is added up to a level, which is the time.

    Args:
        noise: range of the levels, and sigma_data.
    """

    def __init__(self, noise: EdmConfig) -> None:
        super().__init__()
        self.noise = noise

    def levels(self, sigma: Tensor) -> Tensor:
        """(B,) position of log sigma in its range; an affine function of EDM's ``log(sigma) / 4``."""
        low, high = math.log(self.noise.sigma_min), math.log(self.noise.sigma_max)
        return (sigma.log() - low) / (high - low)

    def level(self, t: float) -> float:
        """Position of log sigma in its range."""
        low, high = math.log(self.noise.sigma_min), math.log(self.noise.sigma_max)
        return (math.log(t) - low) / (high - low)

    def alpha(self, t: float) -> float:
        """1: noise is added, data is not scaled."""
        return 1.0

    def sigma(self, t: float) -> float:
        """The time is the noise level."""
        return t

    def scale_input(self, x: Tensor, t: float) -> Tensor:
        """``c_in x``."""
        return c_in(t, self.noise.sigma_data) * x


class Edm(NoisePath):
    """EDM denoiser."""

    def loss(
        self,
        network: Network,
        data: Tensor,
        is_pad: Tensor,
        generator: torch.Generator | None = None,
        teacher: Teacher | None = None,
    ) -> Tensor:
        """Mean squared error of the raw network output."""
        deviation = self.noise.sigma_data
        level = draw_sigma(len(data), self.noise, generator)
        sigma = level.view(-1, 1, 1)
        x = data + sigma * torch.randn(data.shape, generator=generator)
        target = (data - c_skip(sigma, deviation) * x) / c_out(sigma, deviation)
        output = network(c_in(sigma, deviation) * x, self.levels(level))
        return masked_mean((output - target).square(), is_pad)

    def times(self, steps: int, grid: str) -> Sequence[float]:
        """Noise levels on the named grid, then 0."""
        return noise_levels(grid, steps, self.noise.sigma_min, self.noise.sigma_max, self.noise.rho)

    def to_data(self, output: Tensor, x: Tensor, t: float) -> Tensor:
        """``c_skip x + c_out F``."""
        return c_skip(t, self.noise.sigma_data) * x + c_out(t, self.noise.sigma_data) * output
