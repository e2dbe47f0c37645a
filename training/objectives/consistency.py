"""Consistency models: a function that maps every point of a noise path to its end, trained alone or from a teacher.

    f(x, t) = c_skip(t) x + c_out(t) F(c_in x, t),   c_skip = sd^2 / ((t - eps)^2 + sd^2),
    c_out = sd (t - eps) / sqrt(t^2 + sd^2),         so f(x, eps) = x exactly

Training compares neighbouring levels of a Karras grid that becomes finer, with the same noise at both; distillation
takes the lower point from one Heun step of a teacher. The lower side carries no gradient.

Sources: Song et al., "Consistency Models", arXiv 2303.01469; Ding & Jin, arXiv 2309.16984 (as a policy, step weights
1 / (t' - t)); Prasad et al., "Consistency Policy", arXiv 2405.07503 (distilled). Deviations: the target is the live
network as in Song & Dhariwal, arXiv 2310.14189, and the input is scaled by EDM's c_in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from policy_nodes.errors import ConfigError
from training.objectives.conversions import Coefficient
from training.objectives.edm import EdmConfig, NoisePath, c_in
from training.objectives.interface import Network, Teacher
from training.objectives.masking import masked_mean
from training.samplers.grids import karras

SECOND_LEVEL = 0.6
"""First intermediate sampling level in units of sigma_data; each further one is half of the last."""


@dataclass(frozen=True)
class ConsistencyConfig:
    """Discretisation of the consistency objectives.

    Raises:
        ConfigError: a number is out of range.
    """

    coarse: int = 2
    """Intervals at the start of training (s0)."""
    fine: int = 150
    """Intervals at its end (s1); distillation uses ``distill`` throughout."""
    distill: int = 40
    """Levels between which the teacher steps."""
    total_updates: int = 4000
    """Updates over which the grid becomes fine; set it to --config.steps."""
    scaled: bool = True
    """Weigh each pair of levels with the inverse of their distance."""

    def __post_init__(self) -> None:
        if not (2 <= self.coarse <= self.fine and self.distill >= 2 and self.total_updates >= 1):
            raise ConfigError(
                f"--config.policy.consistency: coarse {self.coarse}, fine {self.fine}, distill {self.distill}, "
                f"total_updates {self.total_updates}.",
                "give 2 <= coarse <= fine, distill from 2 on, and at least one update.",
            )


class Consistency(NoisePath):
    """Consistency training, or distillation when the loss is given a teacher.

    Args:
        noise: sigma_data, the smallest level (eps) and the largest.
        config: discretisation.
    """

    updates: Tensor

    def __init__(self, noise: EdmConfig, config: ConsistencyConfig) -> None:
        super().__init__(noise)
        self.config = config
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    def loss(
        self,
        network: Network,
        data: Tensor,
        is_pad: Tensor,
        generator: torch.Generator | None = None,
        teacher: Teacher | None = None,
    ) -> Tensor:
        """Squared distance between the function's values at two neighbouring levels."""
        count = self.config.distill if teacher is not None else self.levels_now()
        if self.training:
            self.updates += 1
        grid = torch.tensor(karras(count, self.noise.sigma_min, self.noise.sigma_max, self.noise.rho), dtype=data.dtype)
        index = torch.randint(count - 1, (len(data),), generator=generator)
        high, low = grid[index], grid[index + 1]
        noise = torch.randn(data.shape, generator=generator)
        x = data + high.view(-1, 1, 1) * noise
        with torch.no_grad():
            lower = data + low.view(-1, 1, 1) * noise if teacher is None else teacher_step(teacher, x, high, low)
            target = self.function(network, lower, low)
        weight = 1.0 / (high - low) if self.config.scaled else None
        return masked_mean((self.function(network, x, high) - target).square(), is_pad, weight)

    def levels_now(self) -> int:
        """Levels of the grid after the updates so far: ``ceil(sqrt(k/K (s1^2 - s0^2) + s0^2) - 1) + 1``, at least 2."""
        share = min(int(self.updates) / self.config.total_updates, 1.0)
        coarse, fine = self.config.coarse, self.config.fine
        return max(2, math.ceil(math.sqrt(share * (fine**2 - coarse**2) + coarse**2) - 1.0) + 1)

    def function(self, network: Network, x: Tensor, sigma: Tensor) -> Tensor:
        """f at levels (B,)."""
        wide = sigma.view(-1, 1, 1)
        output = network(c_in(wide, self.noise.sigma_data) * x, self.levels(sigma))
        return self.skip(wide) * x + self.out(wide) * output

    def skip(self, t: Coefficient) -> Coefficient:
        """Factor of x; exactly 1 at eps."""
        deviation, eps = self.noise.sigma_data, self.noise.sigma_min
        return deviation**2 / ((t - eps) * (t - eps) + deviation**2)

    def out(self, t: Coefficient) -> Coefficient:
        """Factor of the output; exactly 0 at eps."""
        deviation, eps = self.noise.sigma_data, self.noise.sigma_min
        return deviation * (t - eps) * (t * t + deviation**2) ** -0.5

    def times(self, steps: int, grid: str) -> Sequence[float]:
        """Largest level, intermediate ones near sigma_data, and eps."""
        between = [SECOND_LEVEL * self.noise.sigma_data * 0.5**i for i in range(steps - 1)]
        return [self.noise.sigma_max, *(max(level, self.noise.sigma_min) for level in between), self.noise.sigma_min]

    def to_data(self, output: Tensor, x: Tensor, t: float) -> Tensor:
        """f."""
        return self.skip(t) * x + self.out(t) * output


def teacher_step(teacher: Teacher, x: Tensor, high: Tensor, low: Tensor) -> Tensor:
    """One Heun step of the teacher's equation from levels ``high`` (B,) to ``low`` (B,)."""
    step = (low - high).view(-1, 1, 1)
    first = (x - teacher(x, high)) / high.view(-1, 1, 1)
    guess = x + step * first
    return x + step * 0.5 * (first + (guess - teacher(guess, low)) / low.view(-1, 1, 1))
