"""IsaacGymEnvs ``VecTask`` (Makoviychuk et al. 2021, arXiv 2108.10470): 4-tuple steps, dictionaries of observations.

Differences from the original, which follow from the environment underneath: a world that ends is reset within the same
step, so the observation returned with ``reset_buf == 1`` already belongs to the next episode (IsaacGymEnvs resets
it one step later). ``resets_in_step`` says so to callers that must know.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import torch

from sim.isaacgym.adapters.views import as_numpy_actions, group, required_group, tensor

__all__ = ["VecTask"]


class VecTask:
    """A batched environment as IsaacGymEnvs' ``VecTask``.

    ``obs_buf`` (N, num_obs) and ``states_buf`` (N, num_states) float32, ``rew_buf`` (N,) float32 and ``progress_buf``
    (N,) int64 share memory with the environment; ``reset_buf`` and ``randomize_buf`` (N,) int64 are this object's.
    The dictionaries returned hold clamped copies, as IsaacGymEnvs' do.

    Args:
        env: the batched environment; its groups "policy" (or "actor") and "critic" become "obs" and "states".
        clip_observations, clip_actions: bounds, as ``cfg["env"]["clipObservations"]`` and ``["clipActions"]``.
        rl_device: where returned tensors are put.
    """

    resets_in_step = True

    def __init__(
        self, env: Any, clip_observations: float = np.inf, clip_actions: float = np.inf, rl_device: str = "cpu"
    ) -> None:
        self.env = env
        self.cfg = getattr(env, "cfg", None)
        self.device, self.rl_device = env.device, rl_device
        self.clip_obs, self.clip_actions = clip_observations, clip_actions
        self.num_envs = self.num_environments = env.num_envs
        self.num_agents = 1
        self.num_actions = self.num_acts = env.num_actions
        self._policy = required_group(env, "policy", "actor")
        self._critic = group(env, "critic", "states")
        self.num_obs = self.num_observations = env.observation_groups[self._policy]
        self.num_states = env.observation_groups[self._critic] if self._critic else 0
        self.observation_space = _box(self.num_obs, np.inf)
        self.state_space = _box(self.num_states, np.inf)
        self.action_space = _box(self.num_actions, 1.0)
        self.dt = env.physics_dt
        self.control_freq_inv = round(env.step_dt / env.physics_dt)
        self.max_episode_length = env.max_episode_length
        n = self.num_envs
        self.rew_buf = torch.zeros(n)
        self.states_buf = torch.zeros(n, self.num_states)
        self.reset_buf = torch.ones(n, dtype=torch.long)
        self.timeout_buf = torch.zeros(n, dtype=torch.long)
        self.randomize_buf = torch.zeros(n, dtype=torch.long)
        self.progress_buf = tensor(env.episode_length_buf)
        self.extras: dict[str, Any] = {}
        self.obs_dict: dict[str, torch.Tensor] = {}
        self.total_train_env_frames = self.control_steps = 0
        self._show(env.reset()[0])

    def _show(self, observations: dict[str, Any]) -> dict[str, torch.Tensor]:
        self.obs_buf = tensor(observations[self._policy])
        if self._critic:
            self.states_buf = tensor(observations[self._critic])
        return self._clamped()

    def _clamped(self) -> dict[str, torch.Tensor]:
        obs = torch.clamp(self.obs_buf, -self.clip_obs, self.clip_obs).to(self.rl_device)
        self.obs_dict = {"obs": obs}
        if self.num_states:
            self.obs_dict["states"] = self.get_state()
        return self.obs_dict

    def get_state(self) -> torch.Tensor:
        """(N, num_states) clamped copy of the privileged observations."""
        return torch.clamp(self.states_buf, -self.clip_obs, self.clip_obs).to(self.rl_device)

    def step(self, actions: torch.Tensor) -> tuple[dict[str, torch.Tensor], torch.Tensor, torch.Tensor, dict[str, Any]]:
        """One control step: actions (N, A) -> observations, reward (N,), reset (N,) int64, extras."""
        observations, reward, terminated, truncated, extras = self.env.step(
            as_numpy_actions(actions, self.clip_actions)
        )
        self.control_steps += 1
        self.rew_buf = tensor(reward)
        self.reset_buf.copy_(tensor(terminated | truncated))
        self.timeout_buf.copy_(tensor(truncated))
        self.randomize_buf += 1
        self.extras = {"time_outs": self.timeout_buf.to(self.rl_device)}
        if extras.get("log"):
            self.extras["episode"] = extras["log"]
        obs = self._show(observations)
        return obs, self.rew_buf.to(self.rl_device), self.reset_buf.to(self.rl_device), self.extras

    def reset(self) -> dict[str, torch.Tensor]:
        """The current observations; like the original, simulates and resets nothing."""
        return self._clamped()

    def reset_idx(self, env_ids: torch.Tensor) -> None:
        """Starts new episodes in the worlds ``env_ids`` (k,)."""
        self._show(self.env.reset_rows(env_ids.cpu().numpy().astype(np.int64)))
        self.reset_buf[env_ids] = 0
        self.randomize_buf[env_ids] = 0

    def reset_done(self) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """Observations and ids (k,) of the worlds flagged in ``reset_buf``, which were reset in the step already.

        Before the first step every world is flagged, and is reset here.
        """
        done = self.reset_buf.nonzero(as_tuple=False).flatten()
        if len(done) and self.control_steps == 0:
            self.reset_idx(done)
        return self._clamped(), done

    def zero_actions(self) -> torch.Tensor:
        """(N, A) zeros."""
        return torch.zeros(self.num_envs, self.num_actions, device=self.rl_device)

    def set_train_info(self, env_frames: int, *_args: Any, **_kwargs: Any) -> None:
        """Keeps the number of frames that training has seen."""
        self.total_train_env_frames = env_frames

    def get_env_state(self) -> dict[str, int]:
        """What a checkpoint needs to continue schedules: the step counter."""
        return {"common_step_counter": int(self.env.common_step_counter)}

    def set_env_state(self, env_state: dict[str, int] | None) -> None:
        """Puts back what ``get_env_state`` gave."""
        if env_state is not None:
            self.env.common_step_counter = int(env_state["common_step_counter"])

    def render(self, mode: str = "rgb_array") -> None:
        """Nothing: see ``keel view`` for pictures."""

    def close(self) -> None:
        """Stops the simulation."""
        self.env.close()


def _box(width: int, bound: float) -> gymnasium.spaces.Box:
    return gymnasium.spaces.Box(-bound, bound, (width,), np.float32)
