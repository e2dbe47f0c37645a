"""Observation encoder of wiping: the force error, and how the tool moved; where it stands says nothing."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class WipingEncoder(nn.Module):
    """Features per time step: felt force along z (N), and the tool's movement since the step before (m).

    Args:
        history: time steps.
    """

    STATE, FORCE = "observation.state", "observation.force"

    def __init__(self, history: int = 2) -> None:
        super().__init__()
        self.history, self.size = history, 2 * history

    def forward(self, observation: dict[str, Tensor]) -> Tensor:
        """Encode raw observations.

        Args:
            observation: ``observation.state`` (B, history, 1) in m; ``observation.force`` (B, history, 3) in N.

        Returns:
            (B, size) features, not yet normalised; the movement of the oldest step is zero.
        """
        height = observation[self.STATE]
        moved = torch.cat([torch.zeros_like(height[:, :1]), height[:, 1:] - height[:, :-1]], dim=1)
        return torch.cat([observation[self.FORCE][..., 2:], moved], dim=-1).flatten(1)
