"""What happens to the robots from outside: where they start, and pushes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.tasks.velocity.config import Range, ResetConfig
from sim.tasks.velocity.frames import quat_from_euler


def start_states(
    config: ResetConfig, default_pose: NDArray[np.floating], height: float, count: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Random first states near the default pose.

    Args:
        config: how far from it.
        default_pose: (J,) [rad].
        height: of the base frame in the default pose [m].
        count: number of robots.
        rng: source of randomness.

    Returns:
        ``qpos`` (count, 7 + J) and ``qvel`` (count, 6 + J) in MuJoCo's layout.
    """
    joints = len(default_pose)
    qpos = np.zeros((count, 7 + joints))
    qvel = np.zeros((count, 6 + joints))
    qpos[:, :2] = rng.uniform(-config.position, config.position, size=(count, 2))
    roll, pitch = rng.uniform(-config.tilt, config.tilt, size=(2, count))
    # Tilted legs reach lower: the highest possible drop of a corner of the stance is added to the margin.
    qpos[:, 2] = height + config.height_margin + 0.25 * np.maximum(np.abs(roll), np.abs(pitch))
    qpos[:, 3:7] = quat_from_euler(roll, pitch, rng.uniform(*config.yaw, size=count))
    qpos[:, 7:] = default_pose + rng.uniform(-config.joint_offset, config.joint_offset, size=(count, joints))
    qvel[:, :6] = rng.uniform(-config.velocity, config.velocity, size=(count, 6))
    return qpos, qvel


def kick(linear: float, angular: float, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Velocity changes (count, 6) to add to ``qvel[:, :6]``.

    Args:
        linear: largest horizontal speed change [m/s]; size uniform in (0, linear), direction uniform.
        angular: largest change of each angular component [rad/s].
        count: number of kicks.
        rng: source of randomness.
    """
    size = rng.uniform(0.0, linear, size=count)
    heading = rng.uniform(-np.pi, np.pi, size=count)
    change = np.zeros((count, 6))
    change[:, 0], change[:, 1] = size * np.cos(heading), size * np.sin(heading)
    change[:, 3:] = rng.uniform(-angular, angular, size=(count, 3))
    return change


def steps_until(every_s: Range, step_dt: float, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(count,) control steps of ``step_dt`` seconds until the next event, uniform in ``every_s`` and at least one."""
    return np.maximum(1, np.rint(rng.uniform(*every_s, size=count) / step_dt)).astype(np.int64)


def due(countdown: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count one step down, in place, and return the worlds whose time has come; set their countdown anew."""
    countdown -= 1
    return np.flatnonzero(countdown <= 0)
