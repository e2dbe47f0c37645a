"""Isaac Lab's 5-tuple vector environment (``ManagerBasedRLEnv``/``DirectRLEnv`` as seen by a learner), also mjlab's."""

from __future__ import annotations

from typing import Any

import gymnasium
import torch

from sim.isaacgym.adapters.views import as_numpy_actions, tensor, tensors

__all__ = ["IsaacLabEnv"]


class IsaacLabEnv(gymnasium.Env):
    """A batched environment as Isaac Lab's: a ``gymnasium.Env`` with ``is_vector_env``, tensors in and out.

    Every tensor shares memory with the environment and stays valid during the next step.

    Args:
        env: the batched environment.
        clip_actions: bound of the actions.
    """

    is_vector_env = True
    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012  # gymnasium's own annotation

    def __init__(self, env: Any, clip_actions: float = float("inf")) -> None:
        self.env = env
        self.cfg = getattr(env, "cfg", None)
        self.device = env.device
        self._clip = clip_actions
        self.num_envs, self.num_actions = env.num_envs, env.num_actions
        self.physics_dt, self.step_dt = env.physics_dt, env.step_dt
        self.max_episode_length, self.max_episode_length_s = env.max_episode_length, env.max_episode_length_s
        self.single_observation_space = env.single_observation_space
        self.single_action_space = env.single_action_space
        batch = gymnasium.vector.utils.batch_space
        self.observation_space = batch(self.single_observation_space, self.num_envs)
        self.action_space = batch(self.single_action_space, self.num_envs)
        self.reset_terminated = tensor(env.reset_terminated)
        self.reset_time_outs = tensor(env.reset_time_outs)
        self.reset_buf = tensor(env.reset_buf)
        self.obs_buf: dict[str, torch.Tensor] = {}
        self.reward_buf = torch.zeros(self.num_envs)
        self.extras: dict[str, Any] = {}

    @property
    def unwrapped(self) -> IsaacLabEnv:
        """This object: the innermost environment in the sense of Isaac Lab."""
        return self

    @property
    def common_step_counter(self) -> int:
        """Steps of the batch since it was made."""
        return int(self.env.common_step_counter)

    @property
    def episode_length_buf(self) -> torch.Tensor:
        """(N,) int64 steps since the last reset; assigning writes into the environment's buffer."""
        return tensor(self.env.episode_length_buf)

    @episode_length_buf.setter
    def episode_length_buf(self, value: torch.Tensor) -> None:
        tensor(self.env.episode_length_buf).copy_(value)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Starts new episodes everywhere; observations by group (N, d)."""
        observations, self.extras = self.env.reset(seed=seed, options=options)
        self.obs_buf = tensors(observations)
        return self.obs_buf, self.extras

    def step(  # type: ignore[override]  # tensors of N worlds instead of scalars, as in Isaac Lab
        self, action: torch.Tensor
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor, torch.Tensor, torch.Tensor, dict[str, Any]]:
        """Actions (N, A) -> observations by group after resets, reward, terminated, truncated (N,), extras."""
        observations, reward, terminated, truncated, extras = self.env.step(as_numpy_actions(action, self._clip))
        self.obs_buf, self.reward_buf = tensors(observations), tensor(reward)
        self.extras = {**extras, "time_outs": tensor(truncated)}
        if "final_observation" in extras:
            self.extras["final_observation"] = tensors(extras["final_observation"])
        return self.obs_buf, self.reward_buf, tensor(terminated), tensor(truncated), self.extras

    def seed(self, seed: int = -1) -> int:
        """Reseeds by a reset; -1 leaves the generator alone, as in Isaac Lab."""
        if seed >= 0:
            self.reset(seed=seed)
        return seed

    def close(self) -> None:
        """Stops the simulation."""
        self.env.close()
