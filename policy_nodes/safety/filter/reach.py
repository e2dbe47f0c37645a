"""How far a command and the stop after it can carry every joint: an upper bound that is cheap enough for every tick.

The jerk-limited stop from velocity ``v`` and acceleration ``a`` first lets the acceleration fade, at most to the
velocity ``v + a^2 / 2j``, then brakes with bounded jerk, at most ``v^2 / 2A + v A / 2j``. This continuous law is never
below the sampled one, which brakes before it moves. :func:`policy_nodes.safety.braking.stop_excursion` is exact and
several times as expensive; the tests compare the two.
"""

from __future__ import annotations

import numpy as np

from policy_nodes.safety.limits import Array, Limits, Motion
from policy_nodes.safety.one_joint import stop_bound as one_way
from policy_nodes.safety.one_joint import stop_step


def stop_bound(velocity: Array, acceleration: Array, limits: Limits) -> Array:
    """Upper bound (2, ..., n) of how far the jerk-limited stop carries upwards and downwards; >= 0, SI units."""
    moving = np.empty((2, *velocity.shape))
    moving[0], moving[1] = velocity, acceleration
    both = _UP_AND_DOWN.reshape(2, *[1] * moving.ndim) * moving
    rising = np.maximum(both[:, 1], 0.0)
    fade = rising * limits.inverse_jerk
    peak = np.maximum(both[:, 0] + 0.5 * rising * fade, 0.0)
    found: Array = peak * (fade + (limits.half_inverse_acceleration * peak + limits.half_ramp_s))
    return found


_UP_AND_DOWN = np.array([1.0, -1.0])


class StopAndWanted:
    """The two velocities between which the filter chooses, the stop's own first step and the wanted one, and how far
    each carries with the stop after it. Joint by joint in floats, see :mod:`policy_nodes.safety.one_joint`.

    Args:
        limits: n joints.
    """

    def __init__(self, limits: Limits) -> None:
        size = limits.low.size
        self._dt = limits.dt
        steps = [limits.jerk_unit, limits.velocity_unit, limits.brake]
        constants = [*steps, limits.inverse_jerk, limits.half_inverse_acceleration, limits.half_ramp_s]
        self._joints = list(zip(*[column.tolist() for column in constants], strict=True))
        self.stop: list[float] = [0.0] * size
        """(n,) velocity of the next period when the stop begins now."""
        self._lists: tuple[list[float], ...] = ([],) * 6
        # One array, so that one conversion fills everything below.
        self._found = np.zeros(7 * size)
        self.ways = self._found[: 4 * size].reshape(2, 2 * size)
        """(2, 2 n) of stop and wanted: the largest displacement upwards, >= 0, then downwards, <= 0."""
        self.ends = self._found[4 * size : 6 * size].reshape(2, size)
        """(2, n) velocities of the next period: the stop's, and the one that the command asks for."""
        self.furthest = self._found[6 * size :]
        """(n,) the largest displacement of both, either way, >= 0."""

    def find(self, motion: Motion, command: Array) -> None:
        """Set the attributes.

        Args:
            motion: commanded so far.
            command: (n,) wanted next.
        """
        dt, rate = self._dt, 1.0 / self._dt
        stops, wanteds, rises, falls, more_rises, more_falls, furthest = [], [], [], [], [], [], []
        places, velocities = motion.position.tolist(), motion.velocity.tolist()
        states = zip(self._joints, places, velocities, motion.acceleration.tolist(), command.tolist(), strict=True)
        for (unit, velocity_unit, brake, fade, half, ramp), place, velocity, acceleration, target in states:
            stop = velocity + unit * stop_step(velocity / velocity_unit, acceleration / unit, brake) * dt
            wanted = (target - place) * rate
            change, other = (stop - velocity) * rate, (wanted - velocity) * rate
            up = stop * dt + one_way(stop, change, fade, half, ramp)
            down = stop * dt - one_way(-stop, -change, fade, half, ramp)
            further_up = wanted * dt + one_way(wanted, other, fade, half, ramp)
            further_down = wanted * dt - one_way(-wanted, -other, fade, half, ramp)
            up, further_up = up if up > 0.0 else 0.0, further_up if further_up > 0.0 else 0.0
            down, further_down = down if down < 0.0 else 0.0, further_down if further_down < 0.0 else 0.0
            above, below = up if up > further_up else further_up, down if down < further_down else further_down
            stops.append(stop)
            wanteds.append(wanted)
            rises.append(up)
            falls.append(down)
            more_rises.append(further_up)
            more_falls.append(further_down)
            furthest.append(above if above > -below else -below)
        self.stop, self._lists = stops, (stops, wanteds, rises, falls, more_rises, more_falls)
        self._found[:] = rises + falls + more_rises + more_falls + stops + wanteds + furthest

    def rates(self) -> list[float]:
        """(2 n,) by how much less each way becomes per velocity on the way from the stop to the wanted one: the upward
        ways, then the downward ones. A joint without choice does not matter."""
        upwards, downwards = [], []
        for stop, wanted, rise, fall, more_rise, more_fall in zip(*self._lists, strict=True):
            gap = wanted - stop
            if gap == 0.0:
                gap = 1.0
            upwards.append((rise - more_rise) / gap)
            downwards.append((fall - more_fall) / gap)
        return upwards + downwards
