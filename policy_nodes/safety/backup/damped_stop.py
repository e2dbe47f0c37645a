"""Stop by viscous damping: the velocity decays exponentially, softer than the time-optimal stop."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from policy_nodes.safety.backup.rest import at_rest, copied, room, settled, stop_fits
from policy_nodes.safety.limits import Array, Limits, Motion, stopping_acceleration, viable


class DampedStop:
    """Lets every joint's velocity decay with a time constant, ``a = -v / tau`` within the limits.

    Precondition: the jerk-limited stop fits inside the limits, as always behind the limiter. A joint that damping would
    carry too far, or too fast, takes the jerk-limited stop's step instead and so ends inside its limits in any case;
    the end of the decay is a jerk-limited stop as well.

    Args:
        limits: limits and control period.
        damping_s: time constant tau, s.
    """

    name = "damped_stop"
    moves = False
    guarded = True

    def __init__(self, limits: Limits, damping_s: float) -> None:
        self._limits = limits
        self._damping_s = damping_s
        self._motion = Motion.rest(limits.low)
        self._low, self._high = limits.low, limits.high
        self._ending = np.zeros(limits.low.shape, dtype=bool)
        self._last_ns: int | None = None

    def admissible(self, position: NDArray, velocity: NDArray, acceleration: NDArray) -> bool:
        """Whether the jerk-limited stop from this state, arrays (n,), respects every limit."""
        return stop_fits(self._limits, position, velocity, acceleration)

    def start(self, now_ns: int, position: NDArray, velocity: NDArray, acceleration: NDArray) -> None:
        """Take over from the commanded motion (n,), (n,), (n,)."""
        self._motion = copied(position, velocity, acceleration)
        self._low, self._high = room(self._limits, position)
        self._ending = np.zeros(self._low.shape, dtype=bool)
        self._last_ns = None

    def command(self, now_ns: int) -> Array:
        """Next position (n,)."""
        if now_ns == self._last_ns:
            return self._motion.position
        self._last_ns = now_ns
        limits, motion = self._limits, self._motion
        damped = np.clip(-motion.velocity / self._damping_s, -limits.acceleration, limits.acceleration)
        step = limits.jerk * limits.dt
        damped = np.clip(damped, motion.acceleration - step, motion.acceleration + step)
        # Below one period's braking the exponential would never end.
        self._ending |= np.abs(motion.velocity) <= np.minimum(limits.acceleration, step) * limits.dt
        fits = viable(self._after(damped), limits, self._low, self._high)
        braking = stopping_acceleration(motion, limits)
        after = self._after(np.where(fits & ~self._ending, damped, braking))
        velocity = settled(after.velocity, limits)
        position = np.clip(motion.position + velocity * limits.dt, self._low, self._high)
        self._motion = Motion(position, velocity, (velocity - motion.velocity) / limits.dt)
        return position

    def finished(self, now_ns: int) -> bool:
        """Whether velocity and acceleration of the command are zero."""
        return at_rest(self._motion, self._limits)

    def _after(self, acceleration: Array) -> Motion:
        motion, dt = self._motion, self._limits.dt
        velocity = motion.velocity + acceleration * dt
        return Motion(motion.position + velocity * dt, velocity, acceleration)
