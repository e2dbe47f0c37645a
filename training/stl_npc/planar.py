"""A planar vehicle that must reach a goal, keep clear of two discs and keep its speed: state, dynamics, formula.

State: x, y (m), heading (rad), speed (m/s), goal x, y, then x, y of each disc (m). Controls: acceleration (m/s^2) and
yaw rate (rad/s). Forward Euler with 0.25 s, as the planar tasks of arXiv 2309.05131.
"""

from __future__ import annotations

import torch
from torch import Tensor

from policy_nodes.safety.stl.parser import parse

GOAL_RADIUS, DISC_RADIUS, MAX_SPEED = 0.3, 0.6, 1.5
AREA = 2.5
"""Goals and discs lie within this many metres of the start."""
DISCS = 2
FORMULA = "eventually(goal < 0.3) and always(disc > 0.6) and always(speed <= 1.5) and always(speed >= -0.01)"


class PlanarVehicle:
    """See the module's description; the vehicle starts at the origin, heading and speed random."""

    name = "planar vehicle"
    state_size, control_size = 6 + 2 * DISCS, 2
    steps, period_s, episode_steps = 20, 0.25, 30
    margin = 0.1

    def __init__(self) -> None:
        self.control_limit = torch.tensor([1.5, 1.5])
        self.formula = parse(FORMULA, ("goal", "disc", "speed"), self.period_s)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, 10): the goal is 1 to 2.5 m away, discs cover neither start nor goal, one lies near the way."""
        found: list[Tensor] = []
        have = 0
        while have < count:
            u = torch.rand(2 * count, 10, generator=generator)
            angle, distance = 2 * torch.pi * u[:, 0], 1.0 + (AREA - 1.0) * u[:, 1]
            goal = torch.stack([distance * angle.cos(), distance * angle.sin()], 1)
            side = torch.stack([-angle.sin(), angle.cos()], 1)
            first = (0.3 + 0.4 * u[:, 2:3]) * goal + (u[:, 3:4] - 0.5) * 1.2 * side
            second = (u[:, 4:6] - 0.5) * 2 * AREA
            start = torch.zeros(len(u), 4)
            start[:, 2] = 2 * torch.pi * (u[:, 6] - 0.5)
            start[:, 3] = 0.5 * MAX_SPEED * u[:, 7]
            state = torch.cat([start, goal, first, second], 1)
            discs = state[:, 6:].unflatten(1, (DISCS, 2))
            room = DISC_RADIUS + 0.35
            free = (discs.norm(dim=2) > room).all(1) & ((discs - goal[:, None]).norm(dim=2) > room).all(1)
            found.append(state[free])
            have += int(free.sum())
        return torch.cat(found)[:count]

    def step(self, state: Tensor, control: Tensor) -> Tensor:
        """Kinematic unicycle."""
        x, y, heading, speed = state[:, :4].unbind(1)
        dt = self.period_s
        moved = [
            x + speed * heading.cos() * dt,
            y + speed * heading.sin() * dt,
            heading + control[:, 1] * dt,
            speed + control[:, 0] * dt,
        ]
        return torch.cat([torch.stack(moved, 1), state[:, 4:]], 1)

    def signals(self, states: Tensor) -> dict[str, Tensor]:
        """Distance to the goal and to the nearest disc's centre (m), speed (m/s)."""
        place = states[..., :2]
        discs = states[..., 6:].unflatten(-1, (DISCS, 2))
        nearest = (discs - place.unsqueeze(-2)).norm(dim=-1).amin(-1)
        return {"goal": (states[..., 4:6] - place).norm(dim=-1), "disc": nearest, "speed": states[..., 3]}

    def safe(self, state: Tensor) -> Tensor:
        """Outside the discs, within the speed limits."""
        signals = self.signals(state[:, None])
        disc, speed = signals["disc"][:, 0], signals["speed"][:, 0]
        return (disc > DISC_RADIUS) & (speed <= MAX_SPEED) & (speed >= -0.01)

    def features(self, state: Tensor) -> Tensor:
        """(N, 7): speed, goal and discs in the vehicle's frame."""
        cos, sin = state[:, 2].cos(), state[:, 2].sin()
        relative = state[:, 4:].unflatten(1, (-1, 2)) - state[:, None, :2]
        ahead = cos[:, None] * relative[..., 0] + sin[:, None] * relative[..., 1]
        left = -sin[:, None] * relative[..., 0] + cos[:, None] * relative[..., 1]
        return torch.cat([state[:, 3:4], ahead, left], 1)

    def cost(self, states: Tensor) -> Tensor:
        """Mean distance to the goal: arrive soon."""
        return self.signals(states)["goal"].mean(1)
