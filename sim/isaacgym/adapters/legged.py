"""legged_gym's ``BaseTask`` (Rudin et al. 2021, arXiv 2109.11978): 5-tuples, privileged observations or None."""

from __future__ import annotations

from typing import Any

import torch

from sim.isaacgym.adapters.views import as_numpy_actions, group, required_group, tensor

__all__ = ["LeggedTask"]

Step = tuple[torch.Tensor, torch.Tensor | None, torch.Tensor, torch.Tensor, dict[str, Any]]


class LeggedTask:
    """A batched environment as legged_gym's task, for runners of rsl_rl 1.x.

    ``obs_buf``, ``privileged_obs_buf``, ``rew_buf`` and ``episode_length_buf`` share memory with the environment and
    stay valid during the next step. ``reset_buf`` is (N,) int64, ones before the first reset.

    Args:
        env: the batched environment; "policy" and "critic" become observations and privileged observations.
        clip_actions: bound of the actions.
    """

    def __init__(self, env: Any, clip_actions: float = 100.0) -> None:
        self.env = env
        self.cfg = getattr(env, "cfg", None)
        self.device = env.device
        self.clip_actions = clip_actions
        self.num_envs, self.num_actions = env.num_envs, env.num_actions
        self._policy = required_group(env, "policy", "actor")
        self._critic = group(env, "critic", "states")
        self.num_obs = env.observation_groups[self._policy]
        self.num_privileged_obs = env.observation_groups[self._critic] if self._critic else None
        self.dt = env.step_dt
        self.max_episode_length, self.max_episode_length_s = env.max_episode_length, env.max_episode_length_s
        self.reset_buf = torch.ones(self.num_envs, dtype=torch.long)
        self.time_out_buf = torch.zeros(self.num_envs, dtype=torch.bool)
        self.rew_buf = torch.zeros(self.num_envs)
        self.extras: dict[str, Any] = {}
        self._show(env.reset()[0])

    @property
    def episode_length_buf(self) -> torch.Tensor:
        """(N,) int64 steps since the last reset; assigning writes into the environment's buffer."""
        return tensor(self.env.episode_length_buf)

    @episode_length_buf.setter
    def episode_length_buf(self, value: torch.Tensor) -> None:
        tensor(self.env.episode_length_buf).copy_(value)

    def _show(self, observations: dict[str, Any]) -> None:
        self.obs_buf = tensor(observations[self._policy])
        self.privileged_obs_buf = tensor(observations[self._critic]) if self._critic else None

    def get_observations(self) -> torch.Tensor:
        """(N, num_obs)."""
        return self.obs_buf

    def get_privileged_observations(self) -> torch.Tensor | None:
        """(N, num_privileged_obs) or None."""
        return self.privileged_obs_buf

    def reset_idx(self, env_ids: torch.Tensor) -> None:
        """Starts new episodes in the worlds ``env_ids`` (k,)."""
        self._show(self.env.reset_rows(env_ids.cpu().numpy()))
        self.reset_buf[env_ids] = 1

    def reset(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Resets all worlds, then steps once with zero actions, as legged_gym does."""
        self.reset_idx(torch.arange(self.num_envs))
        observations, privileged, *_ = self.step(torch.zeros(self.num_envs, self.num_actions))
        return observations, privileged

    def step(self, actions: torch.Tensor) -> Step:
        """Actions (N, A) -> observations after resets, privileged or None, reward (N,), reset (N,) int64, extras."""
        observations, reward, terminated, truncated, extras = self.env.step(
            as_numpy_actions(actions, self.clip_actions)
        )
        self._show(observations)
        self.rew_buf = tensor(reward)
        self.reset_buf.copy_(tensor(terminated | truncated))
        self.time_out_buf = tensor(truncated)
        self.extras = {"time_outs": self.time_out_buf}
        if extras.get("log"):
            self.extras["episode"] = {_legged_name(key): torch.tensor(value) for key, value in extras["log"].items()}
        return self.obs_buf, self.privileged_obs_buf, self.rew_buf, self.reset_buf, self.extras

    def close(self) -> None:
        """Stops the simulation."""
        self.env.close()


def _legged_name(key: str) -> str:
    """``Episode_Reward/x`` is ``rew_x`` in legged_gym."""
    return key.replace("Episode_Reward/", "rew_").replace("/", "_")
