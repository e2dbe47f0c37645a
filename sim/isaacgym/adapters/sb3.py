"""Stable-Baselines3 2.x ``VecEnv``: numpy, one info dictionary per world."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from sim.isaacgym.adapters.views import required_group, terminal_rows

__all__ = ["Sb3Env"]

Indices = int | Sequence[int] | None


class Sb3Env(VecEnv):
    """A batched environment as Stable-Baselines3's.

    Returned arrays are copies: SB3's off-policy buffers keep the observation beyond the next step.

    Args:
        env: the batched environment.
        group: observation group shown to the agent; default "policy" or "actor".
    """

    def __init__(self, env: Any, group: str | None = None) -> None:
        self.env = env
        self.render_mode = None
        self._group = group or required_group(env, "policy", "actor")
        self._actions: NDArray[np.float32] | None = None
        super().__init__(env.num_envs, env.single_observation_space[self._group], env.single_action_space)

    def reset(self) -> NDArray[np.float32]:
        """Starts new episodes everywhere, with the seed of ``seed()`` if one was given."""
        observations, _ = self.env.reset(seed=self._seeds[0])
        self.reset_infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        self._reset_seeds()
        self._reset_options()
        return observations[self._group].copy()

    def step_async(self, actions: NDArray[np.floating]) -> None:
        """Keeps actions (N, A) for ``step_wait``."""
        self._actions = np.asarray(actions, dtype=np.float32)

    def step_wait(
        self,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Observations after resets (N, d), reward (N,), done (N,), and N infos."""
        assert self._actions is not None, "step_async comes first"
        observations, reward, terminated, truncated, extras = self.env.step(self._actions)
        done = terminated | truncated
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for world, row in zip(*terminal_rows(extras, done, self._group), strict=True):
            infos[world]["terminal_observation"] = row.copy()
            infos[world]["TimeLimit.truncated"] = bool(truncated[world] and not terminated[world])
        return observations[self._group].copy(), reward.copy(), done, infos

    def close(self) -> None:
        """Stops the simulation."""
        self.env.close()

    def get_attr(self, attr_name: str, indices: Indices = None) -> list[Any]:
        """The batch is one object: the same attribute for every world asked for."""
        value = self.render_mode if attr_name == "render_mode" else getattr(self.env, attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Indices = None) -> None:
        """Sets it for the batch."""
        setattr(self.env, attr_name, value)

    def env_method(self, method_name: str, *args: Any, indices: Indices = None, **kwargs: Any) -> list[Any]:
        """Calls the batch's method once; the result is repeated."""
        value = getattr(self.env, method_name)(*args, **kwargs)
        return [value for _ in self._get_indices(indices)]

    def env_is_wrapped(self, wrapper_class: type, indices: Indices = None) -> list[bool]:
        """No world is wrapped by a gymnasium wrapper."""
        return [False for _ in self._get_indices(indices)]
