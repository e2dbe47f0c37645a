"""Back-propagation of the formula's robustness through the dynamics, over random initial states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from training.stl_npc.policy import PredictivePolicy
from training.stl_npc.task import ControlTask, rollout, satisfaction

REPORT_EVERY = 100
"""Iterations between calls of ``progress``."""


@dataclass(frozen=True)
class NpcConfig:
    """Hyper-parameters; the paper's values are 50 000 states, full batches, 50 000 epochs, margin 0.5.

    Here the margin belongs to the task, because its robustness is in metres. Batches come from a pool that moves on: a
    drawn state is replaced by the one that the policy's first control leads to, as in closed loop, and by a fresh
    initial state when an episode's length is over or a limit is broken. With initial states alone the network is never
    shown what it meets on the way, and plans that put the goal off to the end are put off again at every step.
    """

    states: int = 20_000
    batch_size: int = 1_000
    iterations: int = 3_000
    learning_rate: float = 1e-3
    tau: float = 100.0
    """Temperature of the smooth robustness, per margin: the same relative sharpness for every task."""
    cost_weight: float = 20.0
    """Of the task's cost, which counts only where the formula holds; it is what makes re-planned plans arrive."""
    seed: int = 0


def train(
    task: ControlTask, config: NpcConfig, progress: Callable[[int, float, float], None] = lambda i, loss, rate: None
) -> PredictivePolicy:
    """A trained policy.

    Args:
        task: dynamics and formula.
        config: see :class:`NpcConfig`.
        progress: called every ``REPORT_EVERY`` iterations with (iteration, loss, hard satisfaction of the batch).

    Raises:
        FloatingPointError: the loss is not finite.
    """
    torch.manual_seed(config.seed)
    generator = torch.Generator().manual_seed(config.seed)
    fresh = task.sample(config.states, generator)
    pool = fresh.clone()
    policy = PredictivePolicy(task)
    policy.fit_statistics(fresh)
    optimizer = torch.optim.Adam(policy.parameters(), lr=config.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.iterations, 0.05 * config.learning_rate)
    for iteration in range(config.iterations):
        index = torch.randint(len(pool), (config.batch_size,), generator=generator)
        state = pool[index]
        states = rollout(task, state, policy(state))
        soft = satisfaction(task, states, config.tau / task.margin / 10)
        with torch.no_grad():
            holds = (satisfaction(task, states) > 0).float()
        loss = (
            torch.relu(task.margin - soft).mean() / task.margin
            + config.cost_weight * (holds * task.cost(states)).mean()
        )
        if not torch.isfinite(loss):
            raise FloatingPointError(f"loss is {loss.item()} at iteration {iteration}")
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            following = states[:, 1].detach()
            goes_on = torch.rand(len(state), generator=generator) > 1.0 / task.episode_steps
            goes_on &= task.safe(following)
            pool[index] = torch.where(goes_on[:, None], following, fresh[index])
        if iteration % REPORT_EVERY == 0:
            progress(iteration, loss.item(), holds.mean().item())
    return policy.eval().requires_grad_(False)
