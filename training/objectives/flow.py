"""Flow matching as an objective; the path, its convention and the loss are in ``flow_matching``."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from training.objectives.conversions import data_from_velocity
from training.objectives.flow_matching import TimeDensity, flow_matching_loss
from training.objectives.interface import Network, Objective, Teacher


class FlowMatching(Objective):
    """Straight-path flow; t = 0 is noise.

    Args:
        density: distribution of the flow time in training.
    """

    def __init__(self, density: TimeDensity = "uniform") -> None:
        super().__init__()
        self.density = density

    def loss(
        self,
        network: Network,
        data: Tensor,
        is_pad: Tensor,
        generator: torch.Generator | None = None,
        teacher: Teacher | None = None,
    ) -> Tensor:
        """Mean squared error of the velocity."""
        return flow_matching_loss(network, data, is_pad, self.density, generator)

    def alpha(self, t: float) -> float:
        """t."""
        return t

    def sigma(self, t: float) -> float:
        """1 - t."""
        return 1.0 - t

    def level(self, t: float) -> float:
        """The flow time itself."""
        return t

    def times(self, steps: int, grid: str = "linear") -> Sequence[float]:
        """Evenly spaced from 0 to 1."""
        return [k * (1.0 / steps) for k in range(steps)] + [1.0]

    def to_data(self, output: Tensor, x: Tensor, t: float) -> Tensor:
        """Where the straight line from x arrives."""
        return data_from_velocity(x, output, 1.0 - t)

    def velocity(self, output: Tensor, x: Tensor, t: float) -> Tensor:
        """The output itself."""
        return output
