"""Discrete-time stopping laws with bounded acceleration and jerk, exact in finite differences.

A robot driver receives positions at ticks, so limits are meant for the differences of the command sequence:
``v_k = (q_k - q_{k-1}) / dt``, ``a_k = (v_k - v_{k-1}) / dt``, ``j_k = (a_k - a_{k-1}) / dt``. The formulas below are
the exact discrete counterparts of ``d = v^2 / (2 a)``: sampling the continuous law violates the limits in the last
periods, these do not. Derived for this module; the continuous square-root law is the one of libfranka and of
time-optimal control (Kroeger and Wahl, "Online Trajectory Generation", IEEE T-RO 2010).

Units: accelerations in steps of ``j dt`` and velocities in steps of ``j dt^2`` (written A and V), displacements in
steps of ``j dt^3``. Everything is elementwise over arrays of any shape.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def ramp_sum(x: Array) -> Array:
    """Sum ``(x - 1) + (x - 2) + ... `` over its positive members, for x >= 0.

    The velocity that an acceleration ``x`` still adds while it is ramped to zero by one per tick; piecewise linear,
    ``m x - m (m + 1) / 2`` with ``m = floor(x)``.
    """
    m = np.floor(x)
    return m * (x - 0.5 * (m + 1.0))


def brake_step(d: Array) -> Array:
    """Largest ``x >= 0`` with ``x + (x - 1) + (x - 2) + ... <= d`` (positive members only), for d >= 0.

    With ``d`` a distance in units of ``a dt^2`` it is the largest velocity, in units of ``a dt``, from which a
    deceleration ``a`` stops within ``d``: the square-root law without its overshoot in the last period.
    """
    n = np.floor(np.sqrt(2.0 * d + 0.25) - 0.5)
    return (d / (n + 1.0)) + 0.5 * n


def stop_step(velocity: Array, acceleration: Array, max_acceleration: Array) -> Array:
    """Next acceleration of the time-optimal stop from (V, A); in jerk units.

    Brake as hard as the limit allows while it is still possible to release the brake at one unit per tick and arrive
    at rest exactly: ``A+ = clip(-sign(V) min(brake_step(|V|), A_max), A - 1, A + 1)``. From ``|A| <= A_max`` the
    result stays there. Reversal happens only if the start already brakes too hard to be released in time.
    """
    target = np.copysign(np.minimum(brake_step(np.abs(velocity)), max_acceleration), -velocity)
    return np.minimum(np.maximum(target, acceleration - 1.0), acceleration + 1.0)


def stop_excursion(velocity: Array, acceleration: Array, max_acceleration: Array) -> Array:
    """How far the stop of :func:`stop_step` carries in the positive direction, in jerk units, >= 0.

    Closed form of the three phases: ramp towards full brake (K ticks), full brake (N ticks), release. Exact except
    where the start brakes too hard to be released in time (the motion then reverses); there the bound of the hardest
    braking without reversal is returned, which is larger. Call it with negated arguments for the negative direction.
    """
    v, a, limit = velocity, acceleration, max_acceleration
    a = np.where(v > 0.0, np.maximum(a, -1.0 - brake_step(np.maximum(v, 0.0))), np.maximum(a, 0.0))
    fraction = a - np.floor(a)
    c = fraction * (1.0 - fraction)
    root = np.sqrt(np.maximum(v + 0.5 * (a * a - a - c), 0.0))
    k = np.minimum(np.maximum(np.floor(a + root), np.floor(a)), np.floor(a + limit))
    k = np.maximum(k, 0.0)
    half = 0.5 * k * (k + 1.0)
    moved = k * v + half * (a - (k + 2.0) / 3.0)
    v = v + k * a - half
    n = np.maximum(np.floor((v - ramp_sum(limit + 1.0)) / limit) + 1.0, 0.0)
    moved += n * (v - 0.5 * limit * (n + 1.0))
    x = brake_step(np.maximum(v - n * limit, 0.0))
    m = np.floor(x)
    moved += 0.5 * m * (m + 1.0) * ((x - m) + (m - 1.0) / 3.0)
    rises = velocity + ramp_sum(np.maximum(a, 0.0)) > 0.0
    return np.where(rises, np.maximum(moved, 0.0), 0.0)
