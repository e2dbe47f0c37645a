"""rl_games 1.6: ``IVecEnv``, and its registration under a name that a configuration can use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from rl_games.common import env_configurations, vecenv
from rl_games.common.ivecenv import IVecEnv

from sim.isaacgym.adapters.vectask import VecTask

__all__ = ["RlGamesEnv", "register"]


class RlGamesEnv(IVecEnv):
    """A batched environment, or any ``VecTask``, as rl_games' vector environment.

    Args:
        env: a batched environment (wrapped as ``VecTask`` first) or an object with ``VecTask``'s methods.
        clip_observations, clip_actions: bounds, used when ``env`` is a batched environment.
        rl_device: device of the learner.
    """

    def __init__(
        self, env: Any, clip_observations: float = np.inf, clip_actions: float = np.inf, rl_device: str = "cpu"
    ) -> None:
        batched = hasattr(env, "observation_groups")
        self.env: Any = VecTask(env, clip_observations, clip_actions, rl_device) if batched else env

    def step(self, actions: torch.Tensor) -> tuple[dict[str, torch.Tensor], torch.Tensor, torch.Tensor, dict[str, Any]]:
        """Actions (N, A) -> {"obs"[, "states"]}, reward (N,), done (N,), infos with ``time_outs``."""
        return self.env.step(actions)

    def reset(self) -> dict[str, torch.Tensor]:
        """Current observations."""
        return self.env.reset()

    def reset_done(self) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """Observations and ids of ended worlds."""
        return self.env.reset_done()

    def get_number_of_agents(self) -> int:
        """Agents per world."""
        return int(getattr(self.env, "num_agents", 1))

    def get_env_info(self) -> dict[str, Any]:
        """Spaces; ``state_space`` when the environment has privileged observations (asymmetric critic)."""
        info = {
            "action_space": self.env.action_space,
            "observation_space": self.env.observation_space,
            "agents": self.get_number_of_agents(),
            "value_size": 1,
        }
        if self.env.num_states > 0:
            info["state_space"] = self.env.state_space
        return info

    def set_train_info(self, env_frames: int, *args: Any, **kwargs: Any) -> None:
        """Tells the environment how far training has come."""
        self.env.set_train_info(env_frames, *args, **kwargs)

    def get_env_state(self) -> Any:
        """Stored in checkpoints."""
        return self.env.get_env_state()

    def set_env_state(self, env_state: Any) -> None:
        """Restored from checkpoints."""
        self.env.set_env_state(env_state)

    def close(self) -> None:
        """Stops the simulation."""
        self.env.close()


def register(name: str, make_env: Callable[[], Any], **options: Any) -> None:
    """Makes ``env_name: name`` in an rl_games configuration build this environment.

    Args:
        name: used in the configuration.
        make_env: builds the batched environment (or a ``VecTask``); called when training starts.
        **options: arguments of :class:`RlGamesEnv`.
    """
    kind = f"keel-{name}"
    vecenv.register(kind, lambda _config, _actors, **_kwargs: RlGamesEnv(make_env(), **options))
    env_configurations.register(name, {"vecenv_type": kind, "env_creator": lambda **_kwargs: make_env()})
