"""Humanoid-v5: observes inertias, body velocities, actuator and contact forces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.tasks.gymnasium_v5.common import GymnasiumTask, control_cost, uniform_start
from sim.tasks.overrides import configured
from sim.vector.context import Context

__all__ = ["HumanoidConfig", "HumanoidTask", "humanoid"]

FREE_DOFS = 6


@dataclass(frozen=True)
class HumanoidConfig:
    """Weights and bounds, named as in Gymnasium; ranges are (low, high), heights in m."""

    forward_reward_weight: float = 1.25
    ctrl_cost_weight: float = 0.1
    contact_cost_weight: float = 5e-7
    contact_cost_range: tuple[float, float] = (-np.inf, 10.0)
    healthy_reward: float = 5.0
    terminate_when_unhealthy: bool = True
    healthy_z_range: tuple[float, float] = (1.0, 2.0)
    reset_noise_scale: float = 1e-2
    exclude_current_positions_from_observation: bool = True
    include_cinert_in_observation: bool = True
    include_cvel_in_observation: bool = True
    include_qfrc_actuator_in_observation: bool = True
    include_cfrc_ext_in_observation: bool = True
    frame_skip: int = 5
    max_episode_steps: int = 1000


class HumanoidTask(GymnasiumTask):
    """Run along x without falling; the velocity is that of the centre of mass.

    All of ``cinert``, ``cvel``, ``qfrc_actuator``, ``cfrc_ext`` and ``xipos`` are read from ``MjData`` after
    ``mj_step``, as in Gymnasium, hence from the integrator's last stage.
    """

    def __init__(self, cfg: HumanoidConfig) -> None:
        super().__init__("humanoid.xml", cfg.frame_skip, cfg.max_episode_steps)
        self.cfg = cfg
        self._skip = 2 * cfg.exclude_current_positions_from_observation
        self._observed = tuple(
            name
            for name in ("cinert", "cvel", "qfrc_actuator", "cfrc_ext")
            if getattr(cfg, f"include_{name}_in_observation")
        )
        self.data_fields = ("xipos", *dict.fromkeys((*self._observed, "cfrc_ext")))
        m = self.model
        widths = {"cinert": 10 * (m.nbody - 1), "cvel": 6 * (m.nbody - 1), "cfrc_ext": 6 * (m.nbody - 1)}
        widths["qfrc_actuator"] = m.nv - FREE_DOFS
        self.observation_groups = {"policy": m.nq + m.nv - self._skip + sum(widths[name] for name in self._observed)}
        self._mass_share = m.body_mass / m.body_mass.sum()

    def reset(self, context: Context, ids: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Standing, with uniform noise."""
        return uniform_start(self.model, self.cfg.reset_noise_scale, len(ids), context.rng)

    def healthy(self, context: Context) -> NDArray[np.bool_]:
        """(K,) torso height within its open interval."""
        low, high = self.cfg.healthy_z_range
        return (low < context.qpos[:, 2]) & (context.qpos[:, 2] < high)

    def terminations(self, context: Context) -> NDArray[np.bool_]:
        """Unhealthy, where that ends the episode."""
        return ~self.healthy(context) if self.cfg.terminate_when_unhealthy else np.zeros(len(context.qpos), dtype=bool)

    def rewards(self, context: Context) -> dict[str, NDArray[np.floating]]:
        """Survive, forward, control and contact terms."""
        cfg = self.cfg
        moved = (context.fields["xipos"][:, :, 0] - context.previous_fields["xipos"][:, :, 0]) @ self._mass_share
        contact = control_cost(cfg.contact_cost_weight, context.fields["cfrc_ext"])
        return {
            "survive": cfg.healthy_reward * self.healthy(context),
            "forward": cfg.forward_reward_weight * moved / context.step_dt,
            "ctrl": -control_cost(cfg.ctrl_cost_weight, context.ctrl),
            "contact": -np.clip(contact, *cfg.contact_cost_range),
        }

    def observations(self, context: Context) -> dict[str, NDArray[np.floating]]:
        """Positions without x and y, velocities, then the included ``MjData`` fields without the world's rows."""
        k = len(context.qpos)
        parts = [context.qpos[:, self._skip :], context.qvel]
        for name in self._observed:
            first = FREE_DOFS if name == "qfrc_actuator" else 1
            parts.append(context.fields[name][:, first:].reshape(k, -1))
        return {"policy": np.concatenate(parts, axis=1)}


def humanoid(**overrides: object) -> HumanoidTask:
    """Humanoid-v5 with overridden configuration fields."""
    return HumanoidTask(configured(HumanoidConfig, overrides))
