"""The other direction: a ``VecTask``, legged_gym or Isaac Lab environment as ``gymnasium.vector.VectorEnv``.

Works with the real Isaac Gym or Isaac Lab too, whose tensors may live on a GPU: only their methods are used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from sim.isaacgym.errors import InterfaceError

__all__ = ["ReverseEnv", "kind_of"]

Kind = Literal["vectask", "legged", "isaaclab"]


def kind_of(env: Any) -> Kind:
    """Which interface an environment has, told by the attributes only that one has.

    Raises:
        InterfaceError: it looks like none of them.
    """
    if hasattr(env, "progress_buf") and hasattr(env, "num_states"):
        return "vectask"
    if hasattr(env, "get_privileged_observations"):
        return "legged"
    if hasattr(env, "single_observation_space") and hasattr(getattr(env, "unwrapped", env), "reset_terminated"):
        return "isaaclab"
    raise InterfaceError(
        f"{type(env).__name__} looks like no VecTask, legged_gym or Isaac Lab environment.", "pass kind=..."
    )


class ReverseEnv(gymnasium.vector.VectorEnv):
    """A tensor environment as Gymnasium's vector environment of numpy arrays.

    A real IsaacGymEnvs ``VecTask`` shows the last observation of an episode and resets in the following step
    (``AutoresetMode.NEXT_STEP``; unlike Gymnasium's own, that step's reward is the environment's, not zero). The others
    reset within the step (``SAME_STEP``), and ``info["final_obs"]`` is present only if the environment supplies it.

    Args:
        env: the environment.
        kind: its interface; default: recognised by its attributes.
        group: observation group of an Isaac Lab environment.
    """

    def __init__(self, env: Any, kind: Kind | None = None, group: str = "policy") -> None:
        self.env = env
        self.kind: Kind = kind or kind_of(env)
        self._group = group
        late = self.kind == "vectask" and not getattr(env, "resets_in_step", False)
        mode = AutoresetMode.NEXT_STEP if late else AutoresetMode.SAME_STEP
        self.metadata = {"autoreset_mode": mode, "render_modes": []}
        self.num_envs = int(env.num_envs)
        self._device = getattr(env, "rl_device", None) or getattr(env, "device", "cpu")
        self.single_observation_space, self.single_action_space = self._spaces()
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    def _spaces(self) -> tuple[gymnasium.Space, gymnasium.Space]:
        if self.kind == "isaaclab":
            return self.env.single_observation_space[self._group], self.env.single_action_space
        # VecTask's spaces may be of the old `gym`; only their sizes are used.
        bound = 1.0 if self.kind == "vectask" else np.inf
        actions = int(self.env.num_actions)
        return (
            gymnasium.spaces.Box(-np.inf, np.inf, (int(self.env.num_obs),), np.float32),
            gymnasium.spaces.Box(-bound, bound, (actions,), np.float32),
        )

    def _observation(self, value: Any) -> NDArray[np.float32]:
        if isinstance(value, Mapping):
            value = value["obs" if self.kind == "vectask" else self._group]
        return _numpy(value).astype(np.float32)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Observations (N, d). A seed reaches Isaac Lab environments; the others take theirs when they are made."""
        if self.kind == "isaaclab":
            value, _ = self.env.reset(seed=seed[0] if isinstance(seed, list) else seed, options=options)
        elif self.kind == "legged":
            value, _ = self.env.reset()
        else:
            value = self.env.reset()
        return self._observation(value), {}

    def step(
        self, actions: NDArray[np.floating]
    ) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Actions (N, A) -> observations, reward, terminated, truncated (N,), info."""
        out = self.env.step(torch.as_tensor(np.asarray(actions, dtype=np.float32), device=self._device))
        if self.kind == "isaaclab":
            value, reward, terminated, truncated, extras = out
            ended, cut = _numpy(terminated).astype(bool), _numpy(truncated).astype(bool)
        else:
            value, reward, done, extras = out if self.kind == "vectask" else (out[0], *out[2:])
            dones = _numpy(done).astype(bool)
            times = extras.get("time_outs")
            cut = dones & _numpy(times).astype(bool) if times is not None else np.zeros_like(dones)
            ended = dones & ~cut
        return self._observation(value), _numpy(reward).astype(np.float64), ended, cut, self._info(extras, ended | cut)

    def _info(self, extras: Mapping[str, Any], done: NDArray[np.bool_]) -> dict[str, Any]:
        rows = extras.get("final_observation")
        if not isinstance(rows, Mapping) or self._group not in rows or not done.any():
            return {}
        values = _numpy(rows[self._group])
        final = np.full(self.num_envs, None, dtype=object)
        ids = np.flatnonzero(done)
        for position, world in enumerate(ids):
            final[world] = values[position if len(values) == len(ids) else world].copy()
        return {"final_obs": final, "_final_obs": done}

    def close_extras(self, **_kwargs: Any) -> None:
        """Closes the environment if it can be closed."""
        if hasattr(self.env, "close"):
            self.env.close()


def _numpy(value: torch.Tensor) -> NDArray[Any]:
    return value.detach().cpu().numpy()
