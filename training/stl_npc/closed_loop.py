"""Receding-horizon episodes: what the executed trace satisfies, and what a control step costs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from training.stl_npc.task import ControlTask, satisfaction


class Planner(Protocol):
    """Answers a state with a plan, of which the first control is executed."""

    def plan(self, state: Tensor) -> Tensor:
        """(S,) -> (steps, M)."""

    def reset(self) -> None:
        """A new episode begins."""


@dataclass(frozen=True)
class ClosedLoopResult:
    """Per episode: exact robustness of the executed trace (E,); per control step: seconds (E * steps,)."""

    robustness: Tensor
    seconds: Tensor

    @property
    def satisfied(self) -> int:
        """Episodes whose executed trace satisfies the formula."""
        return int((self.robustness > 0).sum())


def run(task: ControlTask, planner: Planner, initial: Tensor) -> ClosedLoopResult:
    """Run one episode from every initial state (E, S)."""
    robustness, seconds = [], []
    for state in initial:
        planner.reset()
        trace = [state]
        for _ in range(task.episode_steps):
            started = time.perf_counter()
            control = planner.plan(trace[-1])[0]
            seconds.append(time.perf_counter() - started)
            trace.append(task.step(trace[-1][None], control[None])[0])
        robustness.append(satisfaction(task, torch.stack(trace)[None]).item())
    return ClosedLoopResult(torch.tensor(robustness), torch.tensor(seconds))
