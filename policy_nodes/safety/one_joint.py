"""The stopping laws of :mod:`policy_nodes.safety.braking` for one joint, in plain floats.

An array operation costs as much for seven numbers as for a hundred, about twenty times one operation on a float: what
is asked once per period for the joints of one arm is faster this way, up to some thirty joints. Comparisons stand for
``min`` and ``max``, which are calls. The tests hold both forms together.
"""

from __future__ import annotations

from math import sqrt


def stop_step(velocity: float, acceleration: float, max_acceleration: float) -> float:
    """As :func:`policy_nodes.safety.braking.stop_step`, in jerk units."""
    distance = velocity if velocity > 0.0 else -velocity
    n = (sqrt(2.0 * distance + 0.25) - 0.5) // 1.0
    brake = distance / (n + 1.0) + 0.5 * n
    if brake > max_acceleration:
        brake = max_acceleration
    target, least, most = -brake if velocity > 0.0 else brake, acceleration - 1.0, acceleration + 1.0
    return least if target < least else most if target > most else target


def stop_bound(
    velocity: float, acceleration: float, inverse_jerk: float, half_inverse_acceleration: float, half_ramp_s: float
) -> float:
    """As :func:`policy_nodes.safety.filter.reach.stop_bound`, upwards; negate the first two for downwards."""
    if acceleration <= 0.0:
        return velocity * (half_inverse_acceleration * velocity + half_ramp_s) if velocity > 0.0 else 0.0
    fade = acceleration * inverse_jerk
    peak = velocity + 0.5 * acceleration * fade
    return peak * (fade + half_inverse_acceleration * peak + half_ramp_s) if peak > 0.0 else 0.0
