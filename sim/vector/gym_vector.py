"""The batch as a ``gymnasium.vector.VectorEnv``, for ``gymnasium.make_vec`` and learners that speak it.

Autoreset mode is SAME_STEP: the observation returned for an ended world is that of its new episode, the last one of the
old episode is in ``infos["final_obs"]`` (object array, one entry per ended world, with the mask ``_final_obs``).
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from sim.vector.env import VectorEnv
from sim.vector.registry import make

__all__ = ["GymVectorEnv", "make_gym_vector"]


class GymVectorEnv(gymnasium.vector.VectorEnv):
    """One observation group of a batch, as a Box.

    Args:
        env: the batch.
        group: the observation group shown.
        copy: return copies (Gymnasium's convention); False returns the batch's buffers, valid for one more step.
    """

    def __init__(self, env: VectorEnv, group: str = "policy", copy: bool = True) -> None:
        self.env, self.group, self.copy = env, group, copy
        self.num_envs = env.num_envs
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
        self.single_observation_space = env.single_observation_space[group]
        self.single_action_space = env.single_action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Starts new episodes; of a list of seeds the first one is used, because all worlds share one generator."""
        first = seed[0] if isinstance(seed, list) else seed
        obs, _ = self.env.reset(seed=first, options=options)
        return self._out(obs[self.group]), {}

    def step(
        self, actions: NDArray[np.floating]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """One control step (see :meth:`sim.vector.VectorEnv.step`)."""
        obs, reward, terminated, truncated, extras = self.env.step(actions)
        infos: dict[str, Any] = {}
        if "final_ids" in extras:
            mask = np.zeros(self.num_envs, dtype=bool)
            mask[extras["final_ids"]] = True
            final = np.full(self.num_envs, None, dtype=object)
            for i, row in zip(extras["final_ids"], extras["final_observation"][self.group], strict=True):
                final[i] = row
            infos = {"final_obs": final, "_final_obs": mask, "final_info": {}, "_final_info": mask}
            infos["log"] = extras["log"]
        return self._out(obs[self.group]), self._out(reward), self._out(terminated), self._out(truncated), infos

    def _out(self, array: NDArray[Any]) -> NDArray[Any]:
        return array.copy() if self.copy else array

    def close_extras(self, **kwargs: Any) -> None:
        """Stops the physics threads."""
        self.env.close()


def make_gym_vector(name: str, num_envs: int = 1, **overrides: Any) -> GymVectorEnv:
    """Entry point of ``gymnasium.make_vec("keel/<name>-v0", num_envs=N, ...)``."""
    return GymVectorEnv(make(name, num_envs, **overrides))
