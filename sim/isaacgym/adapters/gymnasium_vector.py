"""``gymnasium.vector.VectorEnv`` (1.1 and newer) with autoreset in the same step."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from sim.isaacgym.adapters.views import required_group, terminal_rows

__all__ = ["GymnasiumEnv"]


class GymnasiumEnv(gymnasium.vector.VectorEnv):
    """A batched environment as Gymnasium's vector environment, ``AutoresetMode.SAME_STEP``.

    ``info["final_obs"]`` is an object array (N,) with the observation before the reset where a world ended, and
    ``info["_final_obs"]`` its mask, as ``SyncVectorEnv`` gives them. Returned arrays are copies.

    Args:
        env: the batched environment.
        group: observation group shown to the agent; default "policy" or "actor".
    """

    def __init__(self, env: Any, group: str | None = None) -> None:
        self.env = env
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP, "render_modes": []}
        self._group = group or required_group(env, "policy", "actor")
        self.num_envs = env.num_envs
        self.single_observation_space = env.single_observation_space[self._group]
        self.single_action_space = env.single_action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Starts new episodes everywhere; of a list of seeds the first seeds the batch's one generator."""
        first = seed[0] if isinstance(seed, list) else seed
        observations, _ = self.env.reset(seed=first, options=options)
        return observations[self._group].copy(), {}

    def step(
        self, actions: NDArray[np.floating]
    ) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Actions (N, A) -> observations after resets, reward, terminated, truncated (N,), info."""
        observations, reward, terminated, truncated, extras = self.env.step(np.asarray(actions, dtype=np.float32))
        info: dict[str, Any] = {}
        ids, rows = terminal_rows(extras, terminated | truncated, self._group)
        if ids.size:
            final = np.full(self.num_envs, None, dtype=object)
            for world, row in zip(ids, rows, strict=True):
                final[world] = row.copy()
            info = {"final_obs": final, "_final_obs": terminated | truncated}
        return observations[self._group].copy(), reward.astype(np.float64), terminated.copy(), truncated.copy(), info

    def close_extras(self, **_kwargs: Any) -> None:
        """Stops the simulation."""
        self.env.close()
