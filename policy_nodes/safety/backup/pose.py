"""A pose of ``safety.yaml`` that a backup moves to: is it possible, and how is it reached from rest?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from policy_nodes.errors import ConfigError
from policy_nodes.safety.backup.context import BackupContext
from policy_nodes.safety.backup.guided import PEAK_CURVATURE, PEAK_JERK, PEAK_RATE
from policy_nodes.safety.limits import Array, Limits


def checked_pose(context: BackupContext, name: str, section: str, pose: Sequence[float] | None) -> Array:
    """The pose (n,) in command order, rad or m.

    Args:
        context: joints and limits.
        name: of the backup that needs it; ``section``: where ``backups`` has it.
        pose: as configured.

    Raises:
        ConfigError: it is missing, or does not fit the joints and their limits.
    """
    low, high = context.limits.low, context.limits.high
    if pose is None:
        raise ConfigError(f"backups: '{name}' is used but no pose is given.", f"set backups.{section}.")
    found: Array = np.array(pose, dtype=np.float64)
    if found.shape != low.shape:
        cause = f"backups.{section} has {found.size} values for {low.size} joints."
        raise ConfigError(cause, "give one for every joint.")
    outside = (found < low) | (found > high)
    if outside.any():
        joint = context.joints[int(outside.argmax())].name
        raise ConfigError(f"backups.{section} is outside the position limits of '{joint}'.", "move it inside.")
    return found


def straight(
    limits: Limits, start: Array, end: Array, share: float = 1.0, least_s: float = 0.0
) -> tuple[Callable[[float], Array], int]:
    """Straight line in joint space as :class:`Guided` takes it, all joints together, by the minimum-jerk law.

    Args:
        limits: n joints.
        start: (n,) at rest; ``end``: likewise.
        share: of the limits that may be used.
        least_s: duration unless the limits ask for more, s.

    Returns:
        Share of the way -> position (n,), and the number of control periods.
    """
    way = end - start
    size = np.abs(way)
    seconds = max(
        least_s,
        float((PEAK_RATE * size / (share * limits.velocity)).max()),
        float(np.sqrt(PEAK_CURVATURE * size / (share * limits.acceleration)).max()),
        float(np.cbrt(PEAK_JERK * size / (share * limits.jerk)).max()),
    )
    return lambda part: start + part * way, int(np.ceil(seconds / limits.dt))
