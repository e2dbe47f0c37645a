"""Panda-Reach as a batched task."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.robots.panda import ARM_JOINT_NAMES, HOME, POSITION_LIMITS, PREFIX, TOOL_SITE, robot_spec
from sim.tasks.overrides import configured
from sim.tasks.panda_reach.config import PandaReachConfig
from sim.vector.context import Context
from sim.vector.layout import sensor_slice
from sim.vector.task import TaskDefaults

__all__ = ["PandaReachTask", "build_model", "panda_reach", "reachable_goals"]

ARM = len(ARM_JOINT_NAMES)
GRIPPER_OPEN = 255.0
"""Input of Menagerie's gripper actuator (0 to 255)."""


def build_model(physics_dt: float) -> mujoco.MjModel:
    """The Panda without visual geoms, with world-frame sensors ``tool_position`` and ``tool_velocity``."""
    spec = mujoco.MjSpec()
    robot = robot_spec(visual=False)
    spec.option.integrator = robot.option.integrator
    spec.option.timestep = physics_dt
    spec.attach(robot, prefix=PREFIX, frame=spec.worldbody.add_frame())
    site = mujoco.mjtObj.mjOBJ_SITE
    for name, kind in (
        ("tool_position", mujoco.mjtSensor.mjSENS_FRAMEPOS),
        ("tool_velocity", mujoco.mjtSensor.mjSENS_FRAMELINVEL),
    ):
        spec.add_sensor(name=name, type=kind, objtype=site, objname=TOOL_SITE)
    return spec.compile()


def reachable_goals(
    model: mujoco.MjModel, spread: float, count: int, min_height: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """(count, 3) tool positions [m] of joint positions within ``spread`` [rad] of home and within the limits."""
    data = mujoco.MjData(model)
    site = model.site(TOOL_SITE).id
    goals = np.empty((count, 3))
    low, high = POSITION_LIMITS[:ARM].T
    found = 0
    while found < count:
        data.qpos[:ARM] = np.clip(HOME[:ARM] + rng.uniform(-spread, spread, ARM), low, high)
        mujoco.mj_kinematics(model, data)
        if data.site_xpos[site, 2] >= min_height:
            goals[found] = data.site_xpos[site]
            found += 1
    return goals


class PandaReachTask(TaskDefaults):
    """Bring the tool to a goal point.

    Observation ``policy`` (31): arm joint offsets from home (7), arm joint velocities (7), tool position (3), goal (3),
    goal - tool (3), last action (7), time left as a share (1). Goals are fixed points of the seed 0, so evaluation
    and training share them.
    """

    def __init__(self, cfg: PandaReachConfig) -> None:
        self.cfg = cfg
        self.model = build_model(cfg.physics_dt)
        self.decimation = cfg.decimation
        self.max_episode_length = round(cfg.episode_s / (cfg.physics_dt * cfg.decimation))
        self.action_low, self.action_high = -np.ones(ARM, np.float32), np.ones(ARM, np.float32)
        self.observation_groups = {"policy": 3 * ARM + 10}
        self._tool = sensor_slice(self.model, "tool_position")
        rng = np.random.default_rng(0)
        self._goals = reachable_goals(self.model, cfg.goal_spread, cfg.goal_count, cfg.min_height, rng)
        self._low, self._high = POSITION_LIMITS[:ARM].T
        self._home = np.concatenate([HOME, HOME[-1:]])

    def memory(self, num_worlds: int) -> dict[str, NDArray[Any]]:
        """The goal of every world [m]."""
        return {"goal": np.zeros((num_worlds, 3))}

    def reset(self, context: Context, ids: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Near home, at rest, with a new goal."""
        k = len(ids)
        context.memory["goal"][ids] = self._goals[context.rng.integers(len(self._goals), size=k)]
        qpos = np.tile(self._home, (k, 1))
        qpos[:, :ARM] += context.rng.uniform(-self.cfg.start_noise, self.cfg.start_noise, (k, ARM))
        return qpos, np.zeros((k, self.model.nv))

    def controls(self, context: Context) -> NDArray[np.floating]:
        """Joint targets of the position servos; the gripper stays open."""
        ctrl = np.empty((len(context.actions), self.model.nu))
        np.clip(HOME[:ARM] + self.cfg.action_scale * context.actions, self._low, self._high, out=ctrl[:, :ARM])
        ctrl[:, ARM:] = GRIPPER_OPEN
        return ctrl

    def distance(self, context: Context) -> NDArray[np.float64]:
        """(K,) from tool to goal [m]."""
        return np.linalg.norm(context.memory["goal"] - context.sensordata[:, self._tool], axis=1)

    def terminations(self, context: Context) -> NDArray[np.bool_]:
        """Nothing ends an episode but time."""
        return np.zeros(len(context.qpos), dtype=bool)

    def rewards(self, context: Context) -> dict[str, NDArray[np.floating]]:
        """Distance, fine distance, action rate and joint speed, per control step."""
        cfg, d = self.cfg, self.distance(context)
        change = context.actions - context.previous_actions
        speed = context.qvel[:, :ARM]
        return {
            "distance": -cfg.distance_weight * d,
            "fine": cfg.fine_weight * (1.0 - np.tanh(d / cfg.fine_scale)),
            "action_rate": -cfg.action_rate_weight * np.einsum("ij,ij->i", change, change),
            "joint_speed": -cfg.joint_speed_weight * np.einsum("ij,ij->i", speed, speed),
        }

    def observations(self, context: Context) -> dict[str, NDArray[np.floating]]:
        """See the class."""
        tool, goal = context.sensordata[:, self._tool], context.memory["goal"]
        left = 1.0 - context.episode_length[:, None] / self.max_episode_length
        parts = (
            context.qpos[:, :ARM] - HOME[:ARM], context.qvel[:, :ARM], tool, goal, goal - tool, context.actions, left,
        )  # fmt: skip
        return {"policy": np.concatenate(parts, axis=1)}

    def log(self, context: Context) -> dict[str, float]:
        """Distance and success at the end of episodes."""
        d = self.distance(context)
        return {"distance_m": float(d.mean()), "success": float((d < self.cfg.success_distance).mean())}


def panda_reach(**overrides: object) -> PandaReachTask:
    """Panda-Reach with overridden configuration fields."""
    return PandaReachTask(configured(PandaReachConfig, overrides))
