"""Per-joint limiter: position, velocity, acceleration and jerk of the command sequence, with a way to stop kept open.

Each command is chosen relative to the *previous command* (not the measurement, because of the loop's delay). A
candidate is accepted only if the jerk-limited stop that would follow it stays inside all limits, which
:func:`policy_nodes.safety.braking.stop_excursion` answers in closed form. Because the first step of the stop that was
proven one tick ago is always acceptable, there is always a command: by induction no sequence of inputs can leave the
limits (viability; the "safe tail" of predictive safety filters, Wabersich and Zeilinger, arXiv 1812.05506).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from policy_nodes.safety.braking import ramp_sum, stop_excursion, stop_step
from policy_nodes.safety.config import JointLimit

Array = NDArray[np.float64]

SHARES = np.linspace(0.0, 1.0, 17)
"""Candidates of one vectorised search; a second search between two neighbours refines it to 1/256."""
BOTH = np.array([1.0, -1.0])
TOLERANCE = 1e-12
LIBFRANKA_SLACK = 1e-3
"""libfranka keeps every velocity limit this far inside (rad/s)."""


@dataclass(frozen=True)
class Limits:
    """Limits as arrays of shape (n,), in command order, and the control period ``dt`` in seconds.

    What the laws of :mod:`policy_nodes.safety.braking` need in every period is computed once: ``jerk_unit``,
    ``velocity_unit`` and ``position_unit`` are the steps in which they count, ``brake`` is the largest acceleration in
    such steps.
    """

    dt: float
    low: Array
    high: Array
    velocity: Array
    acceleration: Array
    jerk: Array
    velocity_gain: Array
    """Gain of the position dependent velocity limit; infinity where it does not apply."""
    velocity_offset: Array

    def __post_init__(self) -> None:
        derived = {
            "jerk_unit": self.jerk * self.dt,
            "velocity_unit": self.jerk * self.dt**2,
            "position_unit": self.jerk * self.dt**3,
            "largest_step": self.acceleration * self.dt,
            "brake": self.acceleration / (self.jerk * self.dt),
            "inverse_jerk": 1.0 / self.jerk,
            "half_inverse_acceleration": 0.5 / self.acceleration,
            "half_ramp_s": 0.5 * self.acceleration / self.jerk,
            "zero": np.zeros_like(self.low),
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    jerk_unit: Array = field(init=False, repr=False, compare=False)
    velocity_unit: Array = field(init=False, repr=False, compare=False)
    position_unit: Array = field(init=False, repr=False, compare=False)
    largest_step: Array = field(init=False, repr=False, compare=False)
    brake: Array = field(init=False, repr=False, compare=False)
    inverse_jerk: Array = field(init=False, repr=False, compare=False)
    half_inverse_acceleration: Array = field(init=False, repr=False, compare=False)
    half_ramp_s: Array = field(init=False, repr=False, compare=False)
    zero: Array = field(init=False, repr=False, compare=False)

    @classmethod
    def of(cls, joints: Sequence[JointLimit], dt: float) -> Limits:
        """Collect the limits of ``joints`` for a control period of ``dt`` seconds."""

        def column(values: Sequence[float]) -> Array:
            return np.array(values, dtype=np.float64)

        return cls(
            dt=dt,
            low=column([joint.position_min for joint in joints]),
            high=column([joint.position_max for joint in joints]),
            velocity=column([joint.velocity for joint in joints]),
            acceleration=column([joint.acceleration for joint in joints]),
            jerk=column([joint.jerk for joint in joints]),
            velocity_gain=column([np.inf if joint.velocity_gain is None else joint.velocity_gain for joint in joints]),
            velocity_offset=column([joint.velocity_offset for joint in joints]),
        )


@dataclass(frozen=True)
class Motion:
    """Commanded motion by finite differences: position, velocity, acceleration, each (n,) in SI units."""

    position: Array
    velocity: Array
    acceleration: Array

    @classmethod
    def rest(cls, position: Array) -> Motion:
        """Standing still at ``position`` (n,)."""
        position = np.array(position, dtype=np.float64)
        return cls(position, np.zeros_like(position), np.zeros_like(position))

    def then(self, command: Array, dt: float) -> Motion:
        """Motion after ``command`` (n,) one period ``dt`` later."""
        velocity = (command - self.position) / dt
        return Motion(command, velocity, (velocity - self.velocity) / dt)


def position_dependent_velocity(
    position: Array, low: Array, high: Array, velocity: Array, gain: Array, offset: Array
) -> tuple[Array, Array]:
    """Velocity range of libfranka 0.21: ``min(v, max(0, -o + sqrt(k (q_max - q))))`` and its mirror, less 1e-3.

    Args:
        position: (n,) rad; ``low``, ``high``: position limits; ``velocity``: limit, rad/s.
        gain: k, rad/s^2, infinity where only ``velocity`` limits; ``offset``: o, rad/s.

    Returns:
        Smallest and largest velocity, (n,) each. At the limit itself the range excludes zero by the slack.
    """
    up = np.where(np.isinf(gain), velocity, -offset + np.sqrt(_finite(gain) * np.maximum(high - position, 0.0)))
    down = np.where(np.isinf(gain), velocity, -offset + np.sqrt(_finite(gain) * np.maximum(position - low, 0.0)))
    upper = np.minimum(velocity, np.maximum(0.0, up)) - LIBFRANKA_SLACK
    lower = np.maximum(-velocity, np.minimum(0.0, -down)) + LIBFRANKA_SLACK
    return lower, upper


def _finite(gain: Array) -> Array:
    return np.where(np.isinf(gain), 0.0, gain)


def ros2_control_window(previous: Array, speed: Array, limits: Limits) -> tuple[Array, Array]:
    """Position range of ros2_control's joint limiter: ``previous +- min(v_max, |speed| + a_max dt) dt``, clamped.

    Args:
        previous: previous command (n,); ``speed``: its velocity (n,).
        limits: n joints.

    Returns:
        Lowest and highest allowed command, (n,) each. Used as the last, independent check of every command.
    """
    reach = np.minimum(limits.velocity, np.abs(speed) + limits.acceleration * limits.dt) * limits.dt
    return np.maximum(previous - reach, limits.low), np.minimum(previous + reach, limits.high)


def carry(velocity: Array, acceleration: Array, limits: Limits) -> Array:
    """How far the jerk-limited stop carries upwards and downwards: (2, ..., n), both >= 0, SI units.

    Args:
        velocity: (..., n); ``acceleration``: (..., n); ``limits``: n joints.
    """
    sign = BOTH.reshape((2,) + (1,) * velocity.ndim)
    speed, rate = velocity / limits.velocity_unit, acceleration / limits.jerk_unit
    return stop_excursion(sign * speed, sign * rate, limits.brake) * limits.position_unit


def viable(motion: Motion, limits: Limits, low: Array, high: Array) -> NDArray[np.bool_]:
    """Whether the jerk-limited stop from ``motion`` stays inside velocity and position limits.

    Args:
        motion: states after candidate commands, arrays (..., n).
        limits: n joints; ``low``, ``high``: position range to stay in (n,).

    Returns:
        (..., n) booleans.
    """
    up, down = carry(motion.velocity, motion.acceleration, limits)
    unit = limits.jerk * limits.dt
    still_added = ramp_sum(np.abs(motion.acceleration) / unit) * (unit * limits.dt)
    # Velocity where the acceleration has been ramped to zero; it is an extreme, also when the sign has changed by then.
    peak = np.maximum(np.abs(motion.velocity), np.abs(motion.velocity + np.copysign(still_added, motion.acceleration)))
    fits = (motion.position + up <= high + TOLERANCE) & (motion.position - down >= low - TOLERANCE)
    return fits & (peak <= limits.velocity * (1.0 + 1e-9))


class JointLimiter:
    """Turns wanted positions into commands that respect all limits and can always be stopped.

    Args:
        joints: limits in command order.
        dt: control period, seconds.
        limit_jerk: also limit jerk while following; without it only the stop is jerk limited.
    """

    def __init__(self, joints: Sequence[JointLimit], dt: float, limit_jerk: bool = True) -> None:
        self.limits = Limits.of(joints, dt)
        self._limit_jerk = limit_jerk
        self._columns = np.arange(len(joints))
        lim = self.limits
        full = (lim.velocity / (lim.jerk * dt**2), lim.acceleration / (lim.jerk * dt))
        unit = lim.jerk * dt**3
        self._carry_rest = stop_excursion(np.zeros_like(full[0]), full[1], full[1]) * unit
        self._carry_slope = (stop_excursion(full[0], full[1], full[1]) * unit - self._carry_rest) / lim.velocity
        # A jump of the target is taken in one period only if its reversal in the next one is admissible as well.
        self._direct_reach = 0.5 * np.minimum(lim.jerk * dt**2, lim.acceleration * dt)
        self._position_dependent = bool(np.any(np.isfinite(lim.velocity_gain)))

    def next(self, motion: Motion, wanted: Array, wanted_velocity: Array | None = None) -> Array:
        """Command for this tick.

        Args:
            motion: commanded motion so far; viable, for example at rest.
            wanted: (n,) position the policy asks for now.
            wanted_velocity: (n,) velocity of that target, so that a moving target is followed without lag and a jump
                of the target is blended; None for a resting target.

        Returns:
            (n,) position. Equal to ``wanted`` whenever that is admissible.

        Raises:
            ValueError: ``wanted`` is not finite or has another shape.
        """
        lim, dt = self.limits, self.limits.dt
        if wanted.shape != lim.low.shape or not np.isfinite(wanted).all():
            raise ValueError(f"wanted command of shape {wanted.shape} is not {lim.low.size} finite numbers")
        q, v = motion.position, motion.velocity
        low, high = np.minimum(lim.low, q), np.maximum(lim.high, q)
        feed = (
            np.zeros_like(q)
            if wanted_velocity is None
            else np.minimum(np.maximum(wanted_velocity, -lim.velocity), lim.velocity)
        )
        slowest, fastest = self._velocity_interval(motion)
        direct = (wanted - q) / dt
        chosen = np.minimum(np.maximum(direct, slowest), fastest)
        blending = (chosen != direct) | (np.abs(direct - feed) > self._direct_reach)
        if blending.any():
            chosen = np.where(blending, self._approach(motion, wanted, feed, slowest, fastest), chosen)
        after = Motion(q + chosen * dt, chosen, (chosen - v) / dt)
        if not self._plainly_viable(after, low, high):
            chosen = self._most_viable(motion, chosen, low, high)
        command = q + chosen * dt
        command = np.where(np.abs(command - wanted) < TOLERANCE, wanted, command)
        return np.minimum(np.maximum(command, low), high)

    def _approach(self, motion: Motion, wanted: Array, feed: Array, slowest: Array, fastest: Array) -> Array:
        """Velocity after which the jerk-limited stop, seen from the moving target, ends on the target: (n,).

        The end point grows with the velocity chosen now, so one vectorised search brackets it.
        """
        dt = self.limits.dt
        velocity = slowest + SHARES[:, None] * (fastest - slowest)
        relative = velocity - feed
        up, down = carry(relative, (velocity - motion.velocity) / dt, self.limits)
        miss = (motion.position - wanted + feed * dt) + relative * dt + up - down
        before = np.minimum(np.maximum((miss <= 0.0).sum(axis=0) - 1, 0), SHARES.size - 2)
        first, second = miss[before, self._columns], miss[before + 1, self._columns]
        share = np.minimum(np.maximum(-first / np.maximum(second - first, 1e-300), 0.0), 1.0)
        start, end = velocity[before, self._columns], velocity[before + 1, self._columns]
        return start + share * (end - start)

    def _velocity_interval(self, motion: Motion) -> tuple[Array, Array]:
        lim, v = self.limits, motion.velocity
        step = lim.largest_step
        slowest, fastest = np.maximum(v - step, -lim.velocity), np.minimum(v + step, lim.velocity)
        if self._limit_jerk:
            centre, reach = v + motion.acceleration * lim.dt, lim.velocity_unit
            slowest, fastest = np.maximum(slowest, centre - reach), np.minimum(fastest, centre + reach)
        if self._position_dependent:
            lower, upper = position_dependent_velocity(
                motion.position, lim.low, lim.high, lim.velocity, lim.velocity_gain, lim.velocity_offset
            )
            # Softer than acceleration: near the limit the libfranka range may shrink faster than the joint can brake.
            slowest, fastest = np.clip(lower, slowest, fastest), np.clip(upper, slowest, fastest)
        return slowest, fastest

    def _plainly_viable(self, after: Motion, low: Array, high: Array) -> bool:
        """Cheap sufficient test for the usual case far from limits; the exact one costs five times as much."""
        lim = self.limits
        v, a = after.velocity, after.acceleration
        gain = 0.5 * a * a / lim.jerk
        speed = np.abs(v)
        if (speed + gain > lim.velocity).any():
            return False
        q, either = after.position, self._carry_rest + self._carry_slope * speed
        if ((q + either <= high) & (q - either >= low)).all():
            return True
        up = np.where((v <= 0.0) & (a <= 0.0), 0.0, self._carry_rest + self._carry_slope * np.maximum(v, 0.0))
        down = np.where((v >= 0.0) & (a >= 0.0), 0.0, self._carry_rest + self._carry_slope * np.maximum(-v, 0.0))
        return bool(((after.position + up <= high) & (after.position - down >= low)).all())

    def _most_viable(self, motion: Motion, chosen: Array, low: Array, high: Array) -> Array:
        """Velocity (n,) nearest to ``chosen`` from which a stop is still possible, searched from the stop itself."""
        lim, dt = self.limits, self.limits.dt
        safe = motion.velocity + stopping_acceleration(motion, lim) * dt
        for _ in range(2):
            velocity = safe + SHARES[:, None] * (chosen - safe)
            after = Motion(motion.position + velocity * dt, velocity, (velocity - motion.velocity) / dt)
            good = viable(after, lim, low, high)
            good[0] = True  # the stop's own step was proven a tick ago
            last = np.argmin(good, axis=0) - 1
            if (last < 0).all():
                return chosen
            last[last < 0] = SHARES.size - 1
            safe = velocity[last, self._columns]
            chosen = velocity[np.minimum(last + 1, SHARES.size - 1), self._columns]
        return safe


def stopping_acceleration(motion: Motion, limits: Limits) -> Array:
    """Acceleration (n,) of the next tick of the jerk-limited stop, SI units."""
    unit = limits.jerk_unit
    return unit * stop_step(motion.velocity / limits.velocity_unit, motion.acceleration / unit, limits.brake)


def emergency_acceleration(motion: Motion, limits: Limits) -> Array:
    """Acceleration (n,) of the hardest stop without jerk limit: straight to zero velocity, at most the limit."""
    return np.clip(-motion.velocity / limits.dt, -limits.acceleration, limits.acceleration)
