"""Damping through a position interface: the target follows the measured joint, set back against its velocity.

A drive computes ``tau = kp (target - q) - kd dq``. With ``target = q - g dq`` that is ``-(kp g + kd) dq``: no
stiffness, more damping, which is what Unitree's low-level frames do with kp = 0 and kd = 3 to 8. Through positions it
holds only at the instant of the measurement: until the next command (20 ms at 50 Hz) the drive is a spring around that
target, and the delay bounds the usable gain. On a robot with a kp/kd interface the driver must do better: when the
command topic falls silent, as it does after a stop of category 0 or 1, it shall set kp = 0 itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from policy_nodes.safety.backup.context import BackupContext
from policy_nodes.safety.backup.rest import copied
from policy_nodes.safety.limits import Array, Motion

SLOW = 0.3
"""Measured joint speed below which the fall is over, rad/s."""


class Damping:
    """Lets the joints sink with the load, through the limiter.

    Precondition: a fresh measurement. When it is lost on the way, the last target is kept.

    Args:
        context: limits, settings and the measurement.
    """

    name = "damping"
    moves = guarded = False

    def __init__(self, context: BackupContext) -> None:
        self._context, self._limiter = context, context.limiter()
        self._motion = Motion.rest(context.limits.low)
        self._target: Array = self._motion.position
        self._started_ns, self._last_ns = 0, -1
        self._slow_ticks = 0

    def admissible(self, position: NDArray, velocity: NDArray, acceleration: NDArray) -> bool:
        """Whether the joints are measured."""
        return self._context.measured() is not None

    def start(self, now_ns: int, position: NDArray, velocity: NDArray, acceleration: NDArray) -> None:
        """Take over from the commanded motion (n,), (n,), (n,)."""
        self._motion = copied(position, velocity, acceleration)
        self._target = self._motion.position
        self._started_ns, self._last_ns, self._slow_ticks = now_ns, -1, 0

    def command(self, now_ns: int) -> Array:
        """Next position (n,)."""
        if now_ns == self._last_ns:
            return self._motion.position
        self._last_ns = now_ns
        limits, measured = self._context.limits, self._context.measured()
        if measured is not None:
            position, velocity = measured
            settings = self._context.settings
            self._target = np.clip(position - settings.damping_gain_s * velocity, limits.low, limits.high)
            self._slow_ticks = self._slow_ticks + 1 if np.abs(velocity).max() < SLOW else 0
        if self._over(now_ns):
            self._target = self._motion.position  # come to rest where the command is
        command = self._limiter.next(self._motion, self._target, np.zeros_like(self._target))
        self._motion = self._motion.then(command, limits.dt)
        return command

    def finished(self, now_ns: int) -> bool:
        """Whether the measured joints are at rest (or the time is over) and so is the command."""
        limits = self._context.limits
        still = np.all(np.abs(self._motion.velocity) <= 1e-3 * limits.velocity)
        return bool(still) and self._over(now_ns)

    def _over(self, now_ns: int) -> bool:
        limit_s = self._context.settings.damping_limit_s
        rested = self._slow_ticks * self._context.limits.dt >= 0.2
        return rested or now_ns - self._started_ns >= round(limit_s * 1e9)
