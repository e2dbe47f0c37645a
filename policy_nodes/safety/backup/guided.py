"""A backup that stops and then follows a path from rest to rest, through the limiter."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from policy_nodes.safety.backup.context import BackupContext
from policy_nodes.safety.backup.jerk_limited_stop import JerkLimitedStop
from policy_nodes.safety.backup.rest import REST, copied
from policy_nodes.safety.limits import Array, Motion

PEAK_RATE, PEAK_CURVATURE, PEAK_JERK = 1.875, 10.0 / np.sqrt(3.0), 60.0
"""Largest first, second and third derivative of the minimum-jerk law over unit time."""


def minimum_jerk(x: float) -> tuple[float, float]:
    """Share of the way and its derivative at the share ``x`` in [0, 1] of the time (Flash and Hogan, 1985)."""
    return x**3 * (10.0 - 15.0 * x + 6.0 * x * x), 30.0 * x * x * (1.0 - x) ** 2


class Guided:
    """Stop, then a path from rest to rest, which is made when the robot stands still.

    Every target passes the limiter, so limits hold whatever the path; where it respects them it is followed exactly.

    Args:
        context: limits and limiter.
        plan: from the positions commanded while stopping (newest last) to the path: share of the way -> position (n,),
            and the number of control periods it takes; zero periods for no motion.
    """

    def __init__(
        self, context: BackupContext, plan: Callable[[list[Array]], tuple[Callable[[float], Array], int]]
    ) -> None:
        self._limits = context.limits
        self._limiter = context.limiter()
        self._stop = JerkLimitedStop(context.limits)
        self._plan = plan
        self._motion = Motion.rest(context.limits.low)
        self._stopped: list[Array] = []
        self._path: Callable[[float], Array] | None = None
        self._ticks = self._elapsed = 0
        self._last_ns: int | None = None

    def start(self, now_ns: int, position: NDArray, velocity: NDArray, acceleration: NDArray) -> None:
        """Take over from the commanded motion (n,), (n,), (n,)."""
        self._stop.start(now_ns, position, velocity, acceleration)
        self._motion = copied(position, velocity, acceleration)
        self._stopped, self._path = [self._motion.position], None
        self._ticks = self._elapsed = 0
        self._last_ns = None

    def command(self, now_ns: int) -> Array:
        """Next position (n,)."""
        if now_ns == self._last_ns:
            return self._motion.position
        self._last_ns = now_ns
        if self._path is None:
            position = self._stop.command(now_ns)
            self._stopped.append(position)
            if self._stop.finished(now_ns):
                self._path, self._ticks = self._plan(self._stopped)
        else:
            position = self._limiter.next(self._motion, *self._target(self._path))
        self._motion = self._motion.then(position, self._limits.dt)
        return position

    def finished(self, now_ns: int) -> bool:
        """Whether the end of the path is reached and the command has come to rest there."""
        if self._path is None or self._elapsed < self._ticks:
            return False
        motion, limits = self._motion, self._limits
        still = np.all(np.abs(motion.velocity) <= REST * limits.acceleration * limits.dt)
        return bool(still and np.all(np.abs(motion.acceleration) <= REST * limits.acceleration))

    def _target(self, path: Callable[[float], Array]) -> tuple[Array, Array]:
        """Position and velocity of the moving target in this period."""
        before, _ = minimum_jerk(self._elapsed / self._ticks) if self._ticks else (1.0, 0.0)
        self._elapsed = min(self._elapsed + 1, self._ticks)
        now, _ = minimum_jerk(self._elapsed / self._ticks) if self._ticks else (1.0, 0.0)
        position = path(now)
        return position, (position - path(before)) / self._limits.dt
