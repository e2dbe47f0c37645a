"""How far a command and the stop after it can carry every joint: an upper bound that is cheap enough for every tick.

The jerk-limited stop from velocity ``v`` and acceleration ``a`` first lets the acceleration fade, at most to the
velocity ``v + a^2 / 2j``, then brakes with bounded jerk, at most ``v^2 / 2A + v A / 2j``. This continuous law is never
below the sampled one, which brakes before it moves. :func:`policy_nodes.safety.braking.stop_excursion` is exact and
several times as expensive; the tests compare the two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from policy_nodes.safety.limits import Array, Limits, Motion


@dataclass(frozen=True)
class Reach:
    """Displacements from the present command, over the next period and the stop that follows it; both >= 0.

    Attributes:
        up: (..., n) largest increase of each joint, rad or m.
        down: (..., n) largest decrease.
        velocity: (..., n) velocity of the next period.
    """

    up: Array
    down: Array
    velocity: Array


def stop_bound(velocity: Array, acceleration: Array, limits: Limits) -> Array:
    """Upper bound (2, ..., n) of how far the jerk-limited stop carries upwards and downwards; >= 0, SI units."""
    signed = np.empty((2, 2, *velocity.shape))
    signed[0, 0], signed[0, 1] = velocity, acceleration
    np.negative(signed[0], out=signed[1])
    rising = np.maximum(signed[:, 1], 0.0)
    fade = rising / limits.jerk
    peak = np.maximum(signed[:, 0] + 0.5 * rising * fade, 0.0)
    found: Array = peak * (fade + 0.5 * (peak / limits.acceleration + limits.acceleration / limits.jerk))
    return found


def reach_of(velocity: Array, motion: Motion, limits: Limits) -> Reach:
    """Reach of the candidate velocities (..., n) for the next period, from the commanded ``motion`` (n,)."""
    moved = velocity * limits.dt
    up, down = stop_bound(velocity, (velocity - motion.velocity) / limits.dt, limits)
    return Reach(np.maximum(moved + up, 0.0), np.maximum(down - moved, 0.0), velocity)
