"""HalfCheetah, Hopper and Walker2d: planar bodies whose first coordinate is the distance run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.tasks.gymnasium_v5.common import GymnasiumTask, control_cost, uniform_start
from sim.tasks.overrides import configured
from sim.vector.context import Context

__all__ = ["PlanarConfig", "PlanarTask", "half_cheetah", "hopper", "walker2d"]

Range = tuple[float, float]
ANYWHERE: Range = (-np.inf, np.inf)


@dataclass(frozen=True)
class PlanarConfig:
    """Weights and bounds of a planar runner, named as in Gymnasium.

    Attributes:
        xml_file, frame_skip, max_episode_steps: model, physics steps per control step, truncation.
        healthy_reward: per step while healthy; the episode ends when not ``terminate_when_unhealthy`` permits it.
        healthy_z_range: open interval for the torso height [m].
        healthy_angle_range: open interval for the torso pitch [rad].
        healthy_state_range: open interval for qpos[2:] and qvel.
        velocity_clip: bound of the observed velocities [m/s, rad/s].
        normal_velocity_noise: initial velocities are normal instead of uniform.
    """

    xml_file: str
    frame_skip: int
    forward_reward_weight: float = 1.0
    ctrl_cost_weight: float = 1e-3
    healthy_reward: float = 1.0
    terminate_when_unhealthy: bool = True
    healthy_z_range: Range = ANYWHERE
    healthy_angle_range: Range = ANYWHERE
    healthy_state_range: Range = ANYWHERE
    reset_noise_scale: float = 5e-3
    exclude_current_positions_from_observation: bool = True
    velocity_clip: float = np.inf
    normal_velocity_noise: bool = False
    max_episode_steps: int = 1000


class PlanarTask(GymnasiumTask):
    """A planar runner; reward = forward velocity + healthy reward - control cost."""

    def __init__(self, cfg: PlanarConfig) -> None:
        super().__init__(cfg.xml_file, cfg.frame_skip, cfg.max_episode_steps)
        self.cfg = cfg
        self._skip = int(cfg.exclude_current_positions_from_observation)
        self.observation_groups = {"policy": self.model.nq + self.model.nv - self._skip}

    def reset(self, context: Context, ids: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The initial state with small noise."""
        qpos, qvel = uniform_start(self.model, self.cfg.reset_noise_scale, len(ids), context.rng)
        if self.cfg.normal_velocity_noise:
            qvel = self.cfg.reset_noise_scale * context.rng.standard_normal(qvel.shape)
        return qpos, qvel

    def healthy(self, context: Context) -> NDArray[np.bool_]:
        """(K,) True while height, pitch and state stay within their open intervals."""
        cfg = self.cfg
        ok = np.ones(len(context.qpos), dtype=bool)
        for column, (low, high) in ((1, cfg.healthy_z_range), (2, cfg.healthy_angle_range)):
            values = context.qpos[:, column]
            ok &= (low < values) & (values < high)
        low, high = cfg.healthy_state_range
        if np.isfinite([low, high]).any():
            for part in (context.qpos[:, 2:], context.qvel):
                ok &= ((low < part) & (part < high)).all(axis=1)
        return ok

    def terminations(self, context: Context) -> NDArray[np.bool_]:
        """Unhealthy, where that ends the episode."""
        return ~self.healthy(context) if self.cfg.terminate_when_unhealthy else np.zeros(len(context.qpos), dtype=bool)

    def rewards(self, context: Context) -> dict[str, NDArray[np.floating]]:
        """Forward, survive and control terms; the velocity is the finite difference over the control step."""
        cfg = self.cfg
        velocity = (context.qpos[:, 0] - context.previous_qpos[:, 0]) / context.step_dt
        terms: dict[str, NDArray[np.floating]] = {
            "forward": cfg.forward_reward_weight * velocity,
            "ctrl": -control_cost(cfg.ctrl_cost_weight, context.actions),
        }
        if cfg.healthy_reward:
            terms["survive"] = cfg.healthy_reward * self.healthy(context)
        return terms

    def observations(self, context: Context) -> dict[str, NDArray[np.floating]]:
        """Positions without the distance run, then velocities."""
        velocity = context.qvel
        if np.isfinite(self.cfg.velocity_clip):
            velocity = np.clip(velocity, -self.cfg.velocity_clip, self.cfg.velocity_clip)
        return {"policy": np.concatenate((context.qpos[:, self._skip :], velocity), axis=1)}


def half_cheetah(**overrides: object) -> PlanarTask:
    """HalfCheetah-v5: it cannot fall, so nothing terminates."""
    config = configured(
        PlanarConfig, overrides, xml_file="half_cheetah.xml", frame_skip=5, ctrl_cost_weight=0.1, healthy_reward=0.0,
        terminate_when_unhealthy=False, reset_noise_scale=0.1, normal_velocity_noise=True,
    )  # fmt: skip
    return PlanarTask(config)


def hopper(**overrides: object) -> PlanarTask:
    """Hopper-v5."""
    config = configured(
        PlanarConfig, overrides, xml_file="hopper.xml", frame_skip=4, healthy_z_range=(0.7, np.inf),
        healthy_angle_range=(-0.2, 0.2), healthy_state_range=(-100.0, 100.0), velocity_clip=10.0,
    )  # fmt: skip
    return PlanarTask(config)


def walker2d(**overrides: object) -> PlanarTask:
    """Walker2d-v5."""
    config = configured(
        PlanarConfig, overrides, xml_file="walker2d_v5.xml", frame_skip=4, healthy_z_range=(0.8, 2.0),
        healthy_angle_range=(-1.0, 1.0), velocity_clip=10.0,
    )  # fmt: skip
    return PlanarTask(config)
