"""The Panda arm that must bring its tool to a goal and keep its links clear of a sphere, under joint limits.

State: seven joint angles (rad), goal xyz, sphere xyz (m, base frame). Controls: joint velocities (rad/s), held for
0.1 s. Reach-avoid task of arXiv 2309.05131: "eventually always at the goal, always clear, always inside the limits".
"""

from __future__ import annotations

import torch
from torch import Tensor

from policy_nodes.safety.stl.parser import parse
from sim.robots import panda
from training.policies.kinematics import ForwardKinematics

SPHERE_RADIUS, LINK_RADIUS, CLEARANCE = 0.08, 0.07, 0.01
SPEED = 1.5
"""rad/s; the slowest joint of the arm allows 2.175."""
POINTS = (4, 6)
"""Joints whose frames (elbow, wrist) are kept clear beside the tool."""
FORMULA = "eventually(always(reach < 0.05)) and always(clear > 0.0) and always(inside > 0.0)"


class PandaReachAvoid:
    """See the module's description."""

    name = "Panda reach-avoid"
    state_size, control_size = 13, 7
    steps, period_s, episode_steps = 10, 0.1, 15
    margin = 0.03

    def __init__(self) -> None:
        chain = panda.kinematic_chain(panda.kinematics_model())
        model = panda.kinematics_model()
        self.tool = ForwardKinematics.from_chain(chain)
        moving = [index for index, link in enumerate(chain) if link.kind != "fixed"]
        self.points = [ForwardKinematics.from_chain(chain[: moving[joint - 1] + 1]) for joint in POINTS]
        limits = [model.joint(name).range for name in panda.ARM_JOINT_NAMES]
        self.low = torch.tensor([float(r[0]) for r in limits])
        self.high = torch.tensor([float(r[1]) for r in limits])
        self.home = torch.tensor(panda.HOME[:7], dtype=torch.float32)
        self.control_limit = torch.full((7,), SPEED)
        self.formula = parse(FORMULA, ("reach", "clear", "inside"), self.period_s)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, 13): start and goal around home, a sphere near the straight way that covers neither."""
        found: list[Tensor] = []
        have = 0
        while have < count:
            start, end = (self._configurations(2 * count, generator) for _ in range(2))
            goal, now = self.tool(end)[0], self.tool(start)[0]
            share = 0.3 + 0.4 * torch.rand(2 * count, 1, generator=generator)
            sphere = now + share * (goal - now) + 0.12 * torch.randn(2 * count, 3, generator=generator)
            state = torch.cat([start, goal, sphere], 1)
            room = SPHERE_RADIUS + LINK_RADIUS + 0.05
            free = (self._clearance(state) > 0.04) & ((sphere - goal).norm(dim=1) > room)
            free &= self._clearance(torch.cat([end, goal, sphere], 1)) > 0.03
            free &= ((goal - now).norm(dim=1) > 0.1) & (goal[:, 2] > 0.1) & (now[:, 2] > 0.1)
            found.append(state[free])
            have += int(free.sum())
        return torch.cat(found)[:count]

    def _configurations(self, count: int, generator: torch.Generator) -> Tensor:
        spread = torch.tensor([0.6, 0.4, 0.3, 0.4, 0.2, 0.3, 0.3])
        drawn = self.home + spread * (2 * torch.rand(count, 7, generator=generator) - 1)
        return torch.clamp(drawn, self.low + 0.1, self.high - 0.1)

    def step(self, state: Tensor, control: Tensor) -> Tensor:
        """Joint velocities are followed."""
        return torch.cat([state[:, :7] + control * self.period_s, state[:, 7:]], 1)

    def signals(self, states: Tensor) -> dict[str, Tensor]:
        """Distance of the tool to the goal, free distance to the sphere (m), distance to the joint limits (rad)."""
        q = states[..., :7]
        reach = (self.tool(q)[0] - states[..., 7:10]).norm(dim=-1)
        inside = torch.minimum(q - self.low, self.high - q).amin(-1)
        return {"reach": reach, "clear": self._clearance(states), "inside": inside}

    def _clearance(self, states: Tensor) -> Tensor:
        q, sphere = states[..., :7], states[..., 10:13]
        places = [self.tool(q)[0], *(point(q)[0] for point in self.points)]
        nearest = torch.stack([(place - sphere).norm(dim=-1) for place in places], -1).amin(-1)
        return nearest - SPHERE_RADIUS - LINK_RADIUS - CLEARANCE

    def safe(self, state: Tensor) -> Tensor:
        """Clear of the sphere, inside the joint limits."""
        signals = self.signals(state[:, None])
        return (signals["clear"][:, 0] > 0) & (signals["inside"][:, 0] > 0)

    def features(self, state: Tensor) -> Tensor:
        """(N, 22): angles, goal and sphere, tool position, and both relative to the tool."""
        tool = self.tool(state[:, :7])[0]
        return torch.cat([state, tool, state[:, 7:10] - tool, state[:, 10:13] - tool], 1)

    def cost(self, states: Tensor) -> Tensor:
        """Mean distance to the goal: arrive soon."""
        return self.signals(states)["reach"].mean(1)
