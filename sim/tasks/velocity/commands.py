"""Velocity commands: who is asked to go where; drawn at resets and every few seconds (``events.due``)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.tasks.velocity.config import CommandConfig


def draw_commands(config: CommandConfig, count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Commands (count, 3): vx, vy [m/s] in the base frame and yaw rate [rad/s].

    A ``standing_share`` of them is exactly zero, a ``straight_share`` goes along x only, the rest is uniform in the
    box; those within the dead band are made exactly zero too, because a robot that shuffles at 2 cm/s is no use.
    """
    low = np.array([config.linear_x[0], config.linear_y[0], config.yaw_rate[0]])
    high = np.array([config.linear_x[1], config.linear_y[1], config.yaw_rate[1]])
    commands = rng.uniform(low, high, size=(count, 3))
    kind = rng.uniform(size=count)
    straight = (kind >= config.standing_share) & (kind < config.standing_share + config.straight_share)
    commands[straight, 1:] = 0.0
    commands[kind < config.standing_share] = 0.0
    return apply_deadband(commands, config.deadband).astype(np.float32)


def apply_deadband(commands: NDArray[np.floating], deadband: float) -> NDArray[np.floating]:
    """Commands (N, 3) whose planar speed [m/s] and yaw rate [rad/s] are both below ``deadband``, made zero in place."""
    small = (np.hypot(commands[:, 0], commands[:, 1]) < deadband) & (np.abs(commands[:, 2]) < deadband)
    commands[small] = 0.0
    return commands
