"""Ant-v5: four legs, contact forces in the observation and in the cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.tasks.gymnasium_v5.common import GymnasiumTask, control_cost
from sim.tasks.overrides import configured
from sim.vector.context import Context

__all__ = ["AntConfig", "AntTask", "ant"]

TORSO = 1


@dataclass(frozen=True)
class AntConfig:
    """Weights and bounds, named as in Gymnasium; ranges are (low, high), heights in m, forces in N and N m."""

    forward_reward_weight: float = 1.0
    ctrl_cost_weight: float = 0.5
    contact_cost_weight: float = 5e-4
    healthy_reward: float = 1.0
    terminate_when_unhealthy: bool = True
    healthy_z_range: tuple[float, float] = (0.2, 1.0)
    contact_force_range: tuple[float, float] = (-1.0, 1.0)
    reset_noise_scale: float = 0.1
    exclude_current_positions_from_observation: bool = True
    include_cfrc_ext_in_observation: bool = True
    frame_skip: int = 5
    max_episode_steps: int = 1000


class AntTask(GymnasiumTask):
    """Run along x; reward = velocity + healthy reward - control cost - contact cost.

    ``cfrc_ext`` and the torso's ``xpos`` are those of ``MjData`` after ``mj_step``: they belong to the last stage of
    the integrator, not to the final state, as in Gymnasium. This is why the task uses the ``MjData`` engine. Without
    contact forces (``include_cfrc_ext_in_observation=False, contact_cost_weight=0``) it still reads ``xpos``.
    """

    def __init__(self, cfg: AntConfig) -> None:
        super().__init__("ant.xml", cfg.frame_skip, cfg.max_episode_steps)
        self.cfg = cfg
        self._skip = 2 * cfg.exclude_current_positions_from_observation
        self._forces = bool(cfg.include_cfrc_ext_in_observation or cfg.contact_cost_weight)
        self.data_fields = ("xpos", "cfrc_ext") if self._forces else ("xpos",)
        width = self.model.nq + self.model.nv - self._skip
        width += (self.model.nbody - 1) * 6 * cfg.include_cfrc_ext_in_observation
        self.observation_groups = {"policy": width}

    def reset(self, context: Context, ids: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Initial pose with uniform, velocity with normal noise."""
        scale, k = self.cfg.reset_noise_scale, len(ids)
        qpos = self.model.qpos0 + context.rng.uniform(-scale, scale, (k, self.model.nq))
        return qpos, scale * context.rng.standard_normal((k, self.model.nv))

    def healthy(self, context: Context) -> NDArray[np.bool_]:
        """(K,) finite, and the torso's height within its closed interval."""
        low, high = self.cfg.healthy_z_range
        z = context.qpos[:, 2]
        return (low <= z) & (z <= high) & np.isfinite(context.qpos).all(axis=1) & np.isfinite(context.qvel).all(axis=1)

    def terminations(self, context: Context) -> NDArray[np.bool_]:
        """Unhealthy, where that ends the episode."""
        return ~self.healthy(context) if self.cfg.terminate_when_unhealthy else np.zeros(len(context.qpos), dtype=bool)

    def rewards(self, context: Context) -> dict[str, NDArray[np.floating]]:
        """Forward, survive, control and contact terms."""
        cfg = self.cfg
        moved = context.fields["xpos"][:, TORSO, 0] - context.previous_fields["xpos"][:, TORSO, 0]
        terms = {
            "forward": cfg.forward_reward_weight * moved / context.step_dt,
            "survive": cfg.healthy_reward * self.healthy(context),
            "ctrl": -control_cost(cfg.ctrl_cost_weight, context.actions),
        }
        if self._forces:
            terms["contact"] = -control_cost(cfg.contact_cost_weight, self._clipped_forces(context))
        return terms

    def _clipped_forces(self, context: Context) -> NDArray[np.float64]:
        return np.clip(context.fields["cfrc_ext"], *self.cfg.contact_force_range)

    def observations(self, context: Context) -> dict[str, NDArray[np.floating]]:
        """Positions without x and y, velocities, clipped contact forces of all bodies but the world."""
        parts = [context.qpos[:, self._skip :], context.qvel]
        if self.cfg.include_cfrc_ext_in_observation:
            parts.append(self._clipped_forces(context)[:, 1:].reshape(len(context.qpos), -1))
        return {"policy": np.concatenate(parts, axis=1)}


def ant(**overrides: object) -> AntTask:
    """Ant-v5 with overridden configuration fields."""
    return AntTask(configured(AntConfig, overrides))
