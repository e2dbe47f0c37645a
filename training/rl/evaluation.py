"""Closed-loop measurements of a walking policy in the batched simulator: tracking, pushes, and limits kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.randomization.model import ModelRandomization
from sim.tasks.velocity.config import CommandConfig, VelocityConfig
from sim.tasks.velocity.scene import LeggedRobot
from sim.tasks.velocity.task import CONTACT_FORCE, VelocityTask
from sim.vector import VectorEnv
from training.evaluation.statistics import wilson_interval

Policy = Callable[[NDArray[np.float32]], NDArray[np.floating]]
"""Observations (N, d) -> actions (N, A)."""


@dataclass(frozen=True)
class Tracking:
    """How well a constant command is followed.

    Attributes:
        command: vx, vy [m/s], yaw rate [rad/s].
        linear_rms: root mean square over time and trials of the planar velocity error, step by step [m/s].
        mean_error: planar distance of the mean velocity from the command [m/s].
        yaw_rms: of the yaw-rate error [rad/s].
        falls: of ``trials``.
        torque: largest share of a motor's limit; velocity: of a joint's speed limit.
        beyond_range: largest distance of a joint beyond its range [rad].
        swing_share: mean share of the time a foot is in the air.
        step_rate: touch-downs per foot and second [Hz].
    """

    command: tuple[float, float, float]
    linear_rms: float
    mean_error: float
    yaw_rms: float
    falls: int
    trials: int
    torque: float
    velocity: float
    beyond_range: float
    swing_share: float
    step_rate: float


@dataclass(frozen=True)
class Pushes:
    """How many robots stay on their feet after a kick.

    Attributes:
        speed: size of the kick [m/s]; direction uniform, horizontal.
        command: vx, vy [m/s], yaw rate [rad/s] while kicked.
        survived: of ``trials``; interval: Wilson, 95 %.
    """

    speed: float
    command: tuple[float, float, float]
    survived: int
    trials: int
    interval: tuple[float, float]


@dataclass(frozen=True)
class Shoves:
    """How many robots stay on their feet under a force on the base that lasts.

    Attributes:
        force: size [N]; direction uniform, horizontal, constant in the world; duration_s: how long it lasts [s].
        command: vx, vy [m/s], yaw rate [rad/s] meanwhile.
        survived: of ``trials``; interval: Wilson, 95 %.
    """

    force: float
    duration_s: float
    command: tuple[float, float, float]
    survived: int
    trials: int
    interval: tuple[float, float]


def fixed_command(config: VelocityConfig, command: tuple[float, float, float]) -> VelocityConfig:
    """The task with one command for all, and without pushes."""
    x, y, yaw = ((value, value) for value in command)
    commands = CommandConfig(
        linear_x=x, linear_y=y, yaw_rate=yaw, standing_share=0.0, straight_share=0.0, deadband=0.0, resample_s=1e6
    )
    return replace(config, commands=commands, pushes=None)


def make_env(
    robot: LeggedRobot,
    config: VelocityConfig,
    randomization: ModelRandomization | None,
    trials: int,
    seed: int,
) -> VectorEnv:
    """``trials`` worlds of a task for measuring, each with its own draw of the parameters."""
    task = VelocityTask(robot, replace(config, distinct_models=None), randomization)
    return VectorEnv(task, trials, name=f"{robot.name} evaluation", seed=seed)


def tracking(
    policy: Policy,
    robot: LeggedRobot,
    config: VelocityConfig,
    command: tuple[float, float, float],
    *,
    randomization: ModelRandomization | None = None,
    trials: int = 64,
    seconds: float = 10.0,
    settle_s: float = 2.0,
    seed: int = 0,
) -> Tracking:
    """Follow one command from a standing start; the first ``settle_s`` seconds do not count towards the errors."""
    env = make_env(robot, fixed_command(config, command), randomization, trials, seed)
    task: Any = env.task
    obs, _ = env.reset(seed=seed)
    errors, yaw_errors, velocities, contacts = [], [], [], []
    torque = velocity = beyond = 0.0
    touchdowns, robot_s = 0, 0.0
    alive = np.ones(trials, dtype=bool)
    efforts = np.abs(task.model.actuator_forcerange[:, 1])
    for step in range(round(seconds / env.step_dt)):
        obs, _, terminated, _, _ = env.step(policy(obs["policy"]))
        alive &= ~terminated
        if step * env.step_dt < settle_s or not alive.any():
            continue
        state = task.read(env.context)
        planar = state.linear_velocity[alive, :2]
        errors.append(np.square(planar - np.array(command[:2])).sum(axis=1).mean())
        yaw_errors.append(np.square(state.angular_velocity[alive, 2] - command[2]).mean())
        velocities.append(planar.mean(axis=0))
        contacts.append((state.foot_force[alive] > CONTACT_FORCE).mean())
        robot_s += env.step_dt * int(alive.sum())
        touchdowns += int(env.context.memory["landed"][alive].sum())
        joints = state.joint_position[alive]
        torque = max(torque, float((np.abs(state.torque[alive]) / efforts).max()))
        velocity = max(velocity, float((np.abs(state.joint_velocity[alive]) / robot.velocity_limits).max()))
        low, high = robot.position_limits.T
        beyond = max(beyond, float(np.maximum(low - joints, joints - high).max()), 0.0)
    env.close()
    seen = robot_s * len(robot.feet)
    mean = np.mean(velocities, axis=0) if velocities else np.full(2, np.nan)
    return Tracking(
        command=command,
        linear_rms=float(np.sqrt(np.mean(errors))) if errors else float("nan"),
        mean_error=float(np.linalg.norm(mean - np.array(command[:2]))),
        yaw_rms=float(np.sqrt(np.mean(yaw_errors))) if errors else float("nan"),
        falls=int((~alive).sum()),
        trials=trials,
        torque=torque,
        velocity=velocity,
        beyond_range=beyond,
        swing_share=1.0 - float(np.mean(contacts)) if contacts else float("nan"),
        step_rate=touchdowns / seen if seen else float("nan"),
    )


def pushes(
    policy: Policy,
    robot: LeggedRobot,
    config: VelocityConfig,
    command: tuple[float, float, float],
    speed: float,
    *,
    randomization: ModelRandomization | None = None,
    trials: int = 200,
    settle_s: float = 2.0,
    after_s: float = 4.0,
    seed: int = 0,
) -> Pushes:
    """Walk, then change the base's horizontal velocity by ``speed`` in a random direction at a random time of the gait.

    A robot that falls before the kick counts as fallen.
    """
    env = make_env(robot, fixed_command(config, command), randomization, trials, seed)
    dt = env.step_dt
    moments, heading = _when_and_where(trials, settle_s, dt, seed)

    def kick(step: int) -> None:
        hit = np.flatnonzero(moments == step)
        if hit.size:
            env.context.qvel[hit, 0] += speed * np.cos(heading[hit])
            env.context.qvel[hit, 1] += speed * np.sin(heading[hit])
            env.engine.commit_rows(hit)

    survived = _survivors(policy, env, round((settle_s + 1.0 + after_s) / dt), seed, kick)
    return Pushes(speed, command, survived, trials, wilson_interval(survived, trials))


def shoves(
    policy: Policy,
    robot: LeggedRobot,
    config: VelocityConfig,
    command: tuple[float, float, float],
    force: float,
    duration_s: float,
    *,
    randomization: ModelRandomization | None = None,
    trials: int = 200,
    settle_s: float = 2.0,
    after_s: float = 3.0,
    seed: int = 0,
) -> Shoves:
    """Walk, then push the base with a constant horizontal ``force`` from a random direction of the world for a while.

    It begins at a random time of the gait. A robot that falls before the shove counts as fallen.
    """
    settings = replace(fixed_command(config, command), external_forces=True)
    env = make_env(robot, settings, randomization, trials, seed)
    dt = env.step_dt
    begin, heading = _when_and_where(trials, settle_s, dt, seed)
    end = begin + round(duration_s / dt)
    vector = force * np.stack([np.cos(heading), np.sin(heading)], axis=1)
    base = env.task.model.body(robot.base).id
    applied: Any = env.context.xfrc

    def push(step: int) -> None:
        applied[:, base, :2] = vector * ((begin <= step) & (step < end))[:, None]

    survived = _survivors(policy, env, round((settle_s + 1.0 + duration_s + after_s) / dt), seed, push)
    return Shoves(force, duration_s, command, survived, trials, wilson_interval(survived, trials))


def _when_and_where(
    trials: int, settle_s: float, dt: float, seed: int
) -> tuple[NDArray[np.integer], NDArray[np.floating]]:
    """(N,) control step of each push, within a second after ``settle_s``, and its (N,) direction [rad]."""
    rng = np.random.default_rng(seed + 1)
    moments = rng.integers(round(settle_s / dt), round((settle_s + 1.0) / dt), size=trials)
    return moments, rng.uniform(-np.pi, np.pi, size=trials)


def _survivors(policy: Policy, env: VectorEnv, steps: int, seed: int, disturb: Callable[[int], None]) -> int:
    """Robots that never fell in ``steps`` control steps; ``disturb`` is called before each. Closes the worlds."""
    obs, _ = env.reset(seed=seed)
    alive = np.ones(env.num_envs, dtype=bool)
    for step in range(steps):
        disturb(step)
        obs, _, terminated, _, _ = env.step(policy(obs["policy"]))
        alive &= ~terminated
    env.close()
    return int(alive.sum())


def as_rows(results: list[Any]) -> list[dict[str, Any]]:
    """Results as plain dictionaries, for JSON."""
    return [asdict(result) for result in results]
