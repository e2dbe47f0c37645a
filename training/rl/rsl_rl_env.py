"""``sim.vector`` environments as rsl_rl 5 expects them: TensorDict observations, views of the simulator's buffers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from tensordict import TensorDict

from sim.vector import VectorEnv


class RslRlEnv:
    """A batch of worlds for ``rsl_rl.runners.OnPolicyRunner``.

    Tensors are views of the simulator's numpy buffers, which stay valid during one more step; rsl_rl copies what it
    keeps.

    Args:
        env: the simulator.
        on_step: called after every control step.

    Attributes:
        num_envs, num_actions, max_episode_length, device, cfg: as rsl_rl reads them.
    """

    def __init__(self, env: VectorEnv, on_step: Callable[[], None] | None = None) -> None:
        self.env, self._on_step = env, on_step
        self.num_envs, self.num_actions = env.num_envs, env.num_actions
        self.max_episode_length = env.max_episode_length
        self.device = torch.device("cpu")
        self.cfg = env.cfg
        observations, _ = env.reset()
        self._observations = self._wrap(observations)

    @property
    def episode_length_buf(self) -> torch.Tensor:
        """(N,) int64 control steps since each world's reset; rsl_rl assigns random ages at the start."""
        return torch.from_numpy(self.env.episode_length_buf)

    @episode_length_buf.setter
    def episode_length_buf(self, value: torch.Tensor) -> None:
        self.env.episode_length_buf[:] = value.cpu().numpy()

    def get_observations(self) -> TensorDict:
        """The newest observations by group."""
        return self._observations

    def step(self, actions: torch.Tensor) -> tuple[TensorDict, torch.Tensor, torch.Tensor, dict[str, Any]]:
        """One control step.

        Args:
            actions: (N, A).

        Returns:
            Observations, reward (N,), done (N,), and extras with ``time_outs`` (N,) and, where episodes ended, ``log``.
        """
        observations, reward, terminated, truncated, extras = self.env.step(actions.detach().numpy())
        self._observations = self._wrap(observations)
        out: dict[str, Any] = {"time_outs": torch.from_numpy(truncated)}
        if extras.get("log"):
            out["log"] = extras["log"]
        if self._on_step is not None:
            self._on_step()
        return self._observations, torch.from_numpy(reward), torch.from_numpy(terminated | truncated), out

    def close(self) -> None:
        """Stop the simulator's threads."""
        self.env.close()

    def _wrap(self, observations: dict[str, Any]) -> TensorDict:
        return TensorDict(
            {key: torch.from_numpy(value) for key, value in observations.items()}, batch_size=[self.num_envs]
        )
