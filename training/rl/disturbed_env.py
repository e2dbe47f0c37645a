"""A walking task that a second policy pushes: forces on the trunk at every step, and the cost that they cause."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from tensordict import TensorDict

from sim.isaacgym.adapters.rsl_rl import RslRlEnv
from sim.tasks.velocity.frames import rotate_to_world
from sim.tasks.velocity.task import VelocityTask
from sim.vector import VectorEnv


class DisturbedEnv(RslRlEnv):
    """Takes the actor's action and, behind it, a force in the base frame; ``num_actions`` is the actor's alone.

    The cost of a step is the shortfall of the task reward, ``r_max - r >= 0``, with the tracking terms only: terms of
    smoothness are left out, or the disturber would be paid for jitter (Long et al. 2024, arXiv 2404.14405). A robot
    that falls ends its episode and with it the stream of costs, so the fall itself costs what lying there for ever
    would.

    Args:
        env: a ``VelocityTask`` made with ``external_forces=True``.
        gamma: discount, for the cost of a fall.

    Raises:
        ValueError: the simulator was made without external forces.
    """

    def __init__(self, env: VectorEnv, gamma: float = 0.99) -> None:
        if env.context.xfrc is None or not isinstance(env.task, VelocityTask):
            raise ValueError("make the velocity task with external_forces=True")
        super().__init__(env)
        self.task = env.task
        weights = self.task.cfg.rewards
        self.best = (weights.track_linear_velocity + weights.track_yaw_rate) * env.step_dt
        self.fall_cost = self.best / (1.0 - gamma)
        self._base = env.task.model.body(self.task.robot.base).id

    def step(self, actions: torch.Tensor) -> tuple[TensorDict, torch.Tensor, torch.Tensor, dict[str, Any]]:
        """One control step.

        Args:
            actions: (N, A + 3), the force [N] in the base frame last; (N, A) pushes nobody.

        Returns:
            As rsl_rl expects, with ``extras["cost"]`` (N,).
        """
        context, count = self.env.context, self.num_actions
        force = actions[:, count:].numpy() if actions.shape[1] > count else np.zeros((self.num_envs, 3))
        context.xfrc[:, self._base, :3] = rotate_to_world(context.qpos[:, 3:7], force)
        observations, reward, done, extras = super().step(actions[:, :count])
        cost = self.best - context.memory["task_reward"]
        cost = np.where(self.env.reset_terminated, self.fall_cost, cost)
        extras["cost"] = torch.from_numpy(cost.astype(np.float32))
        return observations, reward, done, extras
