"""Observation encoder of the MetaWorld tasks: positions, the vectors between them, and the task identity."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.policies.condition import FeatureLayout

STEP = 4 + 9 + 12
GOAL = (10, 11, 12, 19, 20, 21, 22, 23, 24)
"""Of a step's features, those that tell the goal: its position, and the ways to it from hand and object."""


class MetaWorldEncoder(nn.Module):
    """Features for moving objects with a hand that translates.

    Per time step: the four axes, both objects, the goal, and the vectors hand -> objects, hand -> goal, object ->
    goal. A task identity, where there is one, is appended once. Classifier-free guidance leaves out goal and identity.

    Args:
        history: time steps of state and environment.
        tasks: length of the task identity, 0 without one.
    """

    STATE, ENVIRONMENT, TASK = "observation.state", "observation.environment_state", "observation.task_id"

    def __init__(self, history: int = 2, tasks: int = 0) -> None:
        super().__init__()
        self.history, self.tasks = history, tasks
        self.size = history * STEP + tasks
        identity = tuple(range(history * STEP, self.size))
        goal = tuple(step * STEP + column for step in range(history) for column in GOAL)
        self.layout = FeatureLayout(history, STEP, tasks, goal + identity, identity)

    def forward(self, observation: dict[str, Tensor]) -> Tensor:
        """Encode raw observations.

        Args:
            observation: ``observation.state`` (B, history, 4) in m; ``observation.environment_state``
                (B, history, 9) = both objects and the goal, m; ``observation.task_id`` (B, 1, tasks), one-hot.

        Returns:
            (B, size) features, not yet normalised.
        """
        state, environment = observation[self.STATE], observation[self.ENVIRONMENT]
        hand, goal = state[..., :3], environment[..., 6:9]
        first, second = environment[..., 0:3], environment[..., 3:6]
        parts = [state, environment, first - hand, second - hand, goal - hand, goal - first]
        features = torch.cat(parts, dim=-1).flatten(1)
        return torch.cat([features, observation[self.TASK].flatten(1)], dim=-1) if self.tasks else features
