"""Observation encoder of the toys: the robot, the goal, and the way from one to the other."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.policies.condition import FeatureLayout

STEP = 6
GOAL = (2, 3, 4, 5)
"""Of a step's features, those that tell the goal; classifier-free guidance leaves them out."""


class PlanarEncoder(nn.Module):
    """Features per time step: position, goal, and the vector between them.

    Args:
        history: time steps.
    """

    STATE, ENVIRONMENT = "observation.state", "observation.environment_state"

    def __init__(self, history: int = 2) -> None:
        super().__init__()
        self.history, self.size = history, history * STEP
        guided = tuple(step * STEP + column for step in range(history) for column in GOAL)
        self.layout = FeatureLayout(history, STEP, guided=guided)

    def forward(self, observation: dict[str, Tensor]) -> Tensor:
        """Encode raw observations.

        Args:
            observation: ``observation.state`` (B, history, 2) in m; ``observation.environment_state`` (B, history, 3)
                = position of the goal, m.

        Returns:
            (B, size) features, not yet normalised.
        """
        position, goal = observation[self.STATE], observation[self.ENVIRONMENT][..., :2]
        return torch.cat([position, goal, goal - position], dim=-1).flatten(1)
