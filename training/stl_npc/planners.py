"""Planners that answer one state with one control: the network, the network with its backup, and two classical ones.

All plan over the same horizon with the same dynamics and formula, re-plan at every step and execute the first control.
CEM and gradient descent are the baselines of arXiv 2309.05131, section 3.3 of the digest.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from training.stl_npc.policy import PredictivePolicy
from training.stl_npc.task import ControlTask, rollout, satisfaction

COST = 0.1
"""Weight in the classical planners; robustness beyond the margin earns nothing, so that they too arrive."""


@dataclass
class NeuralPlanner:
    """One forward pass."""

    policy: PredictivePolicy

    def plan(self, state: Tensor) -> Tensor:
        """(S,) -> (steps, M)."""
        found: Tensor = self.policy(state[None])[0]
        return found

    def reset(self) -> None:
        """Nothing is remembered."""


@dataclass
class GuardedPlanner:
    """The network, and a search when the exact robustness of its plan is negative.

    The search puts every combination of ``options`` over the first ``prefix_steps`` controls in front of the network's
    own continuation and judges all of them in one batch. Among those that satisfy the formula it takes the one of least
    cost, else the most robust one; the network's plan is among them, so that the search never makes the predicted
    robustness worse. Its cost is bounded.

    Attributes:
        policy: the network.
        options: (K, M) controls to combine.
        prefix_steps: how many of them in a row; K ** prefix_steps candidates.
        searches: how often it searched since the last reset.
    """

    policy: PredictivePolicy
    options: Tensor
    prefix_steps: int
    searches: int = field(default=0, init=False)

    def plan(self, state: Tensor) -> Tensor:
        """(S,) -> (steps, M)."""
        task = self.policy.task
        own = self.policy(state[None])
        if satisfaction(task, rollout(task, state[None], own)).item() >= 0:
            found: Tensor = own[0]
            return found
        self.searches += 1
        choice = torch.cartesian_prod(*[torch.arange(len(self.options))] * self.prefix_steps)
        prefix = self.options[choice.reshape(len(choice), self.prefix_steps)]
        reached = rollout(task, state.expand(len(prefix), -1), prefix)[:, -1]
        tail = self.policy(reached)[:, : task.steps - self.prefix_steps]
        candidates = torch.cat([torch.cat([prefix, tail], 1), own])
        states = rollout(task, state.expand(len(candidates), -1), candidates)
        score = satisfaction(task, states)
        holds = score > 0
        key = torch.where(holds, -task.cost(states), torch.full_like(score, -torch.inf)) if holds.any() else score
        best: Tensor = candidates[key.argmax()]
        return best

    def reset(self) -> None:
        """Forget the count."""
        self.searches = 0


@dataclass
class CemPlanner:
    """Cross-entropy method (Rubinstein, 1999) on the exact robustness, warm-started by the last plan."""

    task: ControlTask
    samples: int = 400
    elites: int = 40
    iterations: int = 6
    seed: int = 0

    def __post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the last plan."""
        self._generator = torch.Generator().manual_seed(self.seed)
        self._mean = torch.zeros(self.task.steps, self.task.control_size)

    def plan(self, state: Tensor) -> Tensor:
        """(S,) -> (steps, M)."""
        limit = self.task.control_limit
        mean, std = self._mean, limit.expand_as(self._mean).clone()
        for _ in range(self.iterations):
            noise = torch.randn(self.samples, *mean.shape, generator=self._generator)
            candidates = torch.clamp(mean + std * noise, -limit, limit)
            states = rollout(self.task, state.expand(self.samples, -1), candidates)
            score = satisfaction(self.task, states).clamp(max=self.task.margin) - COST * self.task.cost(states)
            best = candidates[score.topk(self.elites).indices]
            mean, std = best.mean(0), best.std(0) + 1e-3
        self._mean = torch.cat([mean[1:], torch.zeros_like(mean[:1])])
        return mean


@dataclass
class GradientPlanner:
    """Adam on the controls themselves through the smooth robustness, warm-started by the last plan."""

    task: ControlTask
    iterations: int = 50
    learning_rate: float = 0.1
    tau: float = 100.0

    def __post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the last plan."""
        self._last = torch.zeros(self.task.steps, self.task.control_size)

    def plan(self, state: Tensor) -> Tensor:
        """(S,) -> (steps, M)."""
        raw = self._last.clone().requires_grad_(True)
        optimizer = torch.optim.Adam([raw], lr=self.learning_rate)
        for _ in range(self.iterations):
            controls = torch.tanh(raw) * self.task.control_limit
            states = rollout(self.task, state[None], controls[None])
            soft = satisfaction(self.task, states, self.tau)
            loss = torch.relu(self.task.margin - soft).mean() + COST * self.task.cost(states).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        raw = raw.detach()
        self._last = torch.cat([raw[1:], torch.zeros_like(raw[:1])])
        return torch.tanh(raw) * self.task.control_limit
