"""rsl_rl 3 to 5 (Schwarke et al. 2025, arXiv 2509.10771): ``TensorDict`` observations, one group per key."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from tensordict import TensorDict

from sim.isaacgym.adapters.views import as_numpy_actions, tensor, tensors

__all__ = ["RslRlEnv"]


class RslRlEnv:
    """A batched environment as rsl_rl's ``VecEnv``.

    rsl_rl stores an observation after it has stepped: the environment's two sets of output buffers keep the previous
    one valid during a step, so nothing is copied. An environment that writes its output in place needs ``copy=True``.

    Args:
        env: the batched environment.
        clip_actions: bound of the actions.
        copy: hand out copies of observations and rewards.
    """

    def __init__(self, env: Any, clip_actions: float = np.inf, copy: bool = False) -> None:
        self.env = env
        self.cfg = getattr(env, "cfg", {})
        self.device = env.device
        self.num_envs, self.num_actions = env.num_envs, env.num_actions
        self.max_episode_length = env.max_episode_length
        self._clip, self._copy = clip_actions, copy
        self._observations = self._pack(env.reset()[0])

    @property
    def episode_length_buf(self) -> torch.Tensor:
        """(N,) int64; rsl_rl assigns random lengths at the start, which are written into the environment's buffer."""
        return tensor(self.env.episode_length_buf)

    @episode_length_buf.setter
    def episode_length_buf(self, value: torch.Tensor) -> None:
        tensor(self.env.episode_length_buf).copy_(value)

    @property
    def unwrapped(self) -> Any:
        """The batched environment."""
        return self.env

    def _pack(self, observations: dict[str, Any]) -> TensorDict:
        packed = TensorDict(tensors(observations), batch_size=[self.num_envs])  # type: ignore[arg-type]
        return packed.clone() if self._copy else packed

    def get_observations(self) -> TensorDict:
        """Current observations by group."""
        return self._observations

    def reset(self) -> tuple[TensorDict, dict[str, Any]]:
        """Starts new episodes everywhere."""
        observations, extras = self.env.reset()
        self._observations = self._pack(observations)
        return self._observations, extras

    def step(self, actions: torch.Tensor) -> tuple[TensorDict, torch.Tensor, torch.Tensor, dict[str, Any]]:
        """Actions (N, A) -> observations, reward (N,), done (N,) int64, extras with ``time_outs`` and ``log``."""
        observations, reward, terminated, truncated, extras = self.env.step(as_numpy_actions(actions, self._clip))
        self._observations = self._pack(observations)
        rewards = tensor(reward.copy() if self._copy else reward)
        dones = tensor(terminated | truncated).to(torch.long)
        return self._observations, rewards, dones, {"time_outs": tensor(truncated), "log": extras.get("log", {})}

    def close(self) -> None:
        """Stops the simulation."""
        self.env.close()
