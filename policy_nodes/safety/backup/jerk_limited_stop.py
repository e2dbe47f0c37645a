"""Time-optimal stop with bounded acceleration and jerk, per joint.

Follows :func:`policy_nodes.safety.braking.stop_step`: full brake as early as the jerk limit allows, released so that
velocity and acceleration reach zero in the same period, without reversal. Comparable with libfranka's and MoveIt
Servo's smooth halt, but exact in finite differences at the control rate.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from policy_nodes.safety.backup.rest import at_rest, copied, room, settled, stop_fits
from policy_nodes.safety.limits import Array, Limits, Motion, emergency_acceleration, stopping_acceleration, viable


class JerkLimitedStop:
    """Brings every joint to rest as fast as acceleration and jerk limits allow.

    Precondition: the stop fits inside the position and velocity limits (always true behind
    :class:`policy_nodes.safety.limits.JointLimiter`). Started elsewhere it still ends at rest: a joint whose stop does
    not fit gives up its jerk limit and brakes with full acceleration, and the position limit (or the start, if that
    lies outside) is never exceeded.

    Args:
        limits: limits and control period.
    """

    name = "jerk_limited_stop"
    moves = guarded = False

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._motion = Motion.rest(limits.low)
        self._low, self._high = limits.low, limits.high
        self._urgent = np.zeros(limits.low.shape, dtype=bool)
        self._last_ns: int | None = None

    def admissible(self, position: NDArray, velocity: NDArray, acceleration: NDArray) -> bool:
        """Whether the stop from this state, arrays (n,), respects every limit."""
        return stop_fits(self._limits, position, velocity, acceleration)

    def start(self, now_ns: int, position: NDArray, velocity: NDArray, acceleration: NDArray) -> None:
        """Take over from the commanded motion (n,), (n,), (n,)."""
        self._motion = copied(position, velocity, acceleration)
        self._low, self._high = room(self._limits, position)
        self._urgent = ~viable(self._motion, self._limits, self._low, self._high)
        self._last_ns = None

    def command(self, now_ns: int) -> Array:
        """Next position (n,) of the stop."""
        # Equal, not earlier: a clock that stepped back must not freeze a stop in mid-motion.
        if now_ns == self._last_ns:
            return self._motion.position
        self._last_ns = now_ns
        limits, motion = self._limits, self._motion
        acceleration = np.where(
            self._urgent, emergency_acceleration(motion, limits), stopping_acceleration(motion, limits)
        )
        velocity = settled(motion.velocity + acceleration * limits.dt, limits)
        position = np.clip(motion.position + velocity * limits.dt, self._low, self._high)
        if np.any(self._urgent):
            velocity = np.where(self._urgent, (position - motion.position) / limits.dt, velocity)
        self._motion = Motion(position, velocity, (velocity - motion.velocity) / limits.dt)
        return position

    def finished(self, now_ns: int) -> bool:
        """Whether velocity and acceleration of the command are zero."""
        return at_rest(self._motion, self._limits)
