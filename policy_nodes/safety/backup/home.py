"""Stop, then move to the home position along the straight line in joint space."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from policy_nodes.errors import ConfigError
from policy_nodes.safety.backup.context import BackupContext
from policy_nodes.safety.backup.guided import PEAK_CURVATURE, PEAK_JERK, PEAK_RATE, Guided
from policy_nodes.safety.limits import Array, Motion, carry, viable

CHECKED = 32
"""Configurations along the way that the precondition looks at."""


class Home:
    """All joints start and arrive together, by the minimum-jerk law, at a share of every limit.

    Precondition: the stop fits inside the limits, and sampled configurations of the line from where the stop ends to
    the home position are clear of everything the filter knows; without a filter the line must be known to be free. The
    commander also checks the filter in every period and stops at once.

    Args:
        context: limits, settings and the filter's check.

    Raises:
        ConfigError: no home position is configured, or it does not fit the joints and their limits.
    """

    name = "home"
    moves = guarded = True

    def __init__(self, context: BackupContext) -> None:
        self._context = context
        limits, home = context.limits, context.settings.home
        if home is None:
            raise ConfigError("backups: 'home' is used but no home position is given.", "set backups.home.")
        self._home = np.array(home, dtype=np.float64)
        if self._home.shape != limits.low.shape:
            raise ConfigError(f"backups.home has {self._home.size} values for {limits.low.size} joints.", "give all.")
        outside = (self._home < limits.low) | (self._home > limits.high)
        if outside.any():
            joint = context.joints[int(outside.argmax())].name
            raise ConfigError(f"backups.home is outside the position limits of '{joint}'.", "move it inside.")
        self._guided = Guided(context, self._plan)

    def admissible(self, position: NDArray, velocity: NDArray, acceleration: NDArray) -> bool:
        """Whether stop and line from this state, arrays (n,), are possible and clear."""
        limits, motion = self._context.limits, Motion(position, velocity, acceleration)
        if not np.all(viable(motion, limits, limits.low, limits.high)):
            return False
        up, down = carry(velocity, acceleration, limits)
        start = position + up - down
        return self._context.clear([start + share * (self._home - start) for share in np.linspace(0.0, 1.0, CHECKED)])

    def start(self, now_ns: int, position: NDArray, velocity: NDArray, acceleration: NDArray) -> None:
        """Take over from the commanded motion (n,), (n,), (n,)."""
        self._guided.start(now_ns, position, velocity, acceleration)

    def command(self, now_ns: int) -> Array:
        """Next position (n,)."""
        return self._guided.command(now_ns)

    def finished(self, now_ns: int) -> bool:
        """Whether the robot stands at home."""
        return self._guided.finished(now_ns)

    def _plan(self, stopped: list[Array]) -> tuple[Callable[[float], Array], int]:
        limits, share = self._context.limits, self._context.settings.home_speed
        start = stopped[-1]
        way = self._home - start
        size = np.abs(way)
        seconds = max(
            float((PEAK_RATE * size / (share * limits.velocity)).max()),
            float(np.sqrt(PEAK_CURVATURE * size / (share * limits.acceleration)).max()),
            float(np.cbrt(PEAK_JERK * size / (share * limits.jerk)).max()),
        )
        return lambda part: start + part * way, int(np.ceil(seconds / limits.dt))
