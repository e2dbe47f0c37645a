"""What backups that brake have in common: when a stop fits, where it may go, when it is over."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from policy_nodes.safety.limits import Array, Limits, Motion, viable

REST = 1e-9
"""Share of one period's velocity limit (``a dt``) or acceleration limit below which a value is rounding, not motion."""


def copied(position: NDArray, velocity: NDArray, acceleration: NDArray) -> Motion:
    """The commanded motion (n,), (n,), (n,) that a backup takes over from, as its own."""
    return Motion(np.array(position, float), np.array(velocity, float), np.array(acceleration, float))


def stop_fits(limits: Limits, position: NDArray, velocity: NDArray, acceleration: NDArray) -> bool:
    """Whether the jerk-limited stop from this state, arrays (n,), respects every limit."""
    return bool(viable(Motion(position, velocity, acceleration), limits, limits.low, limits.high).all())


def room(limits: Limits, position: NDArray) -> tuple[Array, Array]:
    """Position range (n,), (n,) of a stop: the limits, or the start where it lies outside them."""
    return np.minimum(limits.low, position), np.maximum(limits.high, position)


def settled(velocity: Array, limits: Limits) -> Array:
    """Velocity (n,) with zeros where it is rounding."""
    return np.where(np.abs(velocity) < REST * limits.acceleration * limits.dt, 0.0, velocity)


def at_rest(motion: Motion, limits: Limits) -> bool:
    """Whether velocity and acceleration of a :func:`settled` command are zero."""
    still = (motion.velocity == 0.0) & (np.abs(motion.acceleration) <= REST * limits.acceleration)
    return bool(still.all())
