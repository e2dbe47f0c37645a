"""Hold the last commanded position."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from policy_nodes.errors import ConfigError
from policy_nodes.safety.limits import Array, Limits


class Hold:
    """Repeats the last command for ever.

    Precondition: the robot is at rest within tolerance, meaning exactly that stopping in one period violates neither
    the acceleration nor the jerk limit, and the position lies inside its limits.

    Args:
        limits: limits and control period.
    """

    name = "hold"
    moves = guarded = False

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._position: Array = np.array(limits.low)

    def admissible(self, position: NDArray, velocity: NDArray, acceleration: NDArray) -> bool:
        """Whether the motion (n,), (n,), (n,) may end within this period."""
        limits = self._limits
        needed = -velocity / limits.dt
        gentle = np.abs(needed) <= limits.acceleration
        # The step to rest and the step after it, when the braking acceleration vanishes again.
        smooth = np.maximum(np.abs(needed - acceleration), np.abs(needed)) <= limits.jerk * limits.dt
        inside = (position >= limits.low) & (position <= limits.high)
        return bool(np.all(gentle & smooth & inside))

    def start(self, now_ns: int, position: NDArray, velocity: NDArray, acceleration: NDArray) -> None:
        """Hold ``position`` (n,).

        Raises:
            ConfigError: the robot is moving too fast to be held at once.
        """
        if not self.admissible(position, velocity, acceleration):
            raise ConfigError("'hold' was asked for while the robot is moving.", "use jerk_limited_stop.")
        self._position = np.array(position, dtype=np.float64)

    def command(self, now_ns: int) -> Array:
        """The held position (n,)."""
        return self._position

    def finished(self, now_ns: int) -> bool:
        """Always: the command does not move."""
        return True
