"""A control task that can be solved on paper: a point on a line that must be at its goal once and never beyond 1."""

from __future__ import annotations

import torch
from torch import Tensor

from policy_nodes.safety.stl.parser import parse


class Line:
    """State (place, goal), control (step per period); ``gap`` is their distance, ``room`` the way to the wall at 1.

    With ``steps`` controls of at most ``limit`` the goal can be approached by ``steps * limit``.
    """

    name = "line"
    state_size, control_size = 2, 1
    steps, period_s, episode_steps = 4, 1.0, 6
    margin = 0.1

    def __init__(self, limit: float = 0.25) -> None:
        self.control_limit = torch.tensor([limit])
        self.formula = parse("eventually(gap < 0.05) and always(room > 0.0)", ("gap", "room"), self.period_s)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        u = torch.rand(count, 2, generator=generator)
        return torch.stack([-0.5 + u[:, 0], 0.9 * u[:, 1]], 1)

    def step(self, state: Tensor, control: Tensor) -> Tensor:
        return torch.stack([state[:, 0] + control[:, 0], state[:, 1]], 1)

    def signals(self, states: Tensor) -> dict[str, Tensor]:
        return {"gap": (states[..., 0] - states[..., 1]).abs(), "room": 1.0 - states[..., 0]}

    def safe(self, state: Tensor) -> Tensor:
        return state[:, 0] < 1.0

    def features(self, state: Tensor) -> Tensor:
        return torch.cat([state, state[:, 1:] - state[:, :1]], 1)

    def cost(self, states: Tensor) -> Tensor:
        return self.signals(states)["gap"].mean(1)
