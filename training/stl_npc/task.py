"""What a control task is: known dynamics, a formula, and random initial states that include the surroundings."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from policy_nodes.safety.stl.formula import Formula
from training.stl.robustness import robustness


class ControlTask(Protocol):
    """Batched and differentiable. A state holds the vehicle and its surroundings (goal, obstacles), SI units.

    Attributes:
        name: for tables.
        state_size: S; control_size: M; steps: controls of one plan; period_s: time between them.
        control_limit: (M,) largest magnitude of each control.
        formula: parsed; what a trace must satisfy.
        margin: robustness that training asks for, in the unit of the formula's comparisons.
        episode_steps: controls of a closed-loop episode.
    """

    name: str
    state_size: int
    control_size: int
    steps: int
    period_s: float
    control_limit: Tensor
    formula: Formula
    margin: float
    episode_steps: int

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, S) initial states from which the task can be done."""

    def step(self, state: Tensor, control: Tensor) -> Tensor:
        """(N, S), (N, M) -> (N, S) one period later."""

    def signals(self, states: Tensor) -> dict[str, Tensor]:
        """(N, T, S) -> the formula's signals, each (N, T)."""

    def safe(self, state: Tensor) -> Tensor:
        """(N, S) -> (N,) whether what must always hold holds in this state."""

    def features(self, state: Tensor) -> Tensor:
        """(N, S) -> (N, F) what a network is shown: the state in a form that is easy to learn from."""

    def cost(self, states: Tensor) -> Tensor:
        """(N, T, S) -> (N,) what to keep small once the formula holds: distance, effort."""


def rollout(task: ControlTask, state: Tensor, controls: Tensor) -> Tensor:
    """States (N, T + 1, S) under open-loop controls (N, T, M), the initial ones first."""
    states = [state]
    for control in controls.unbind(1):
        states.append(task.step(states[-1], control))
    return torch.stack(states, 1)


def satisfaction(task: ControlTask, states: Tensor, tau: float | None = None) -> Tensor:
    """(N,) robustness of the formula on whole traces (N, T, S); exact when ``tau`` is None."""
    return robustness(task.formula, task.signals(states), tau)[:, 0]
