"""What samplers and policies ask of an objective.

An objective owns the path from noise to data, the training target, the meaning of the network's output and the level
that the network is told. Times are the objective's own (a diffusion step, a noise level, a flow time); the level is
always in [0, 1], so that every backbone embeds it in the same way.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from training.objectives.conversions import velocity_from_data

Network = Callable[[Tensor, Tensor], Tensor]
"""(x (B, H, A), level (B,) in [0, 1]) -> raw output (B, H, A); already conditioned on the observation."""
Teacher = Callable[[Tensor, Tensor], Tensor]
"""(x (B, H, A), sigma (B,)) -> clean estimate (B, H, A), for distillation."""


class Objective(nn.Module, ABC):
    """One way to train and read a denoiser; a module because some keep counters in the checkpoint."""

    extra_condition = 0
    """Elements appended to the condition vector (a step size, for shortcut models)."""

    @abstractmethod
    def loss(
        self,
        network: Network,
        data: Tensor,
        is_pad: Tensor,
        generator: torch.Generator | None = None,
        teacher: Teacher | None = None,
    ) -> Tensor:
        """Scalar training loss of normalised chunks ``data`` (B, H, A), of which ``is_pad`` (B, H) does not count."""

    @abstractmethod
    def alpha(self, t: float) -> float:
        """Factor of the data at time t."""

    @abstractmethod
    def sigma(self, t: float) -> float:
        """Factor of the noise at time t."""

    @abstractmethod
    def level(self, t: float) -> float:
        """What the network is told at time t, in [0, 1]."""

    @abstractmethod
    def times(self, steps: int, grid: str) -> Sequence[float]:
        """``steps + 1`` times from noise to data; the network is evaluated at all but the last."""

    @abstractmethod
    def to_data(self, output: Tensor, x: Tensor, t: float) -> Tensor:
        """Clean estimate from the network's output at x."""

    def step_condition(self, steps: int) -> Tensor:
        """(1, extra_condition) what the network is told when a sampler takes ``steps`` equal steps."""
        return torch.zeros(1, self.extra_condition)

    def scale_input(self, x: Tensor, t: float) -> Tensor:
        """What the network sees of x."""
        return x

    def velocity(self, output: Tensor, x: Tensor, t: float) -> Tensor:
        """Velocity of the straight path at x (t < 1)."""
        return velocity_from_data(x, self.to_data(output, x, t), self.sigma(t))
