"""Reward terms as pure functions of a batch: each returns (N,) and knows neither weights nor time step.

The terms and their forms are legged_gym's (Rudin et al. 2021, arXiv 2109.11978, table 3 and its code base);
``foot_slip`` and ``hip_posture`` are those that most of its descendants added. Weights live in ``RewardWeights``;
``total`` adds up.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sim.tasks.velocity.state import Floats

Flags = NDArray[np.bool_]


def track_linear_velocity(velocity: Floats, command: Floats, sigma: float) -> Floats:
    """``exp(-|v_xy - command_xy|^2 / sigma)``.

    Args:
        velocity: (N, 3) of the base in its own frame [m/s].
        command: (N, 3) vx, vy, yaw rate.
        sigma: squared width [(m/s)^2].
    """
    error = velocity[:, :2] - command[:, :2]
    return np.exp(-np.einsum("ij,ij->i", error, error) / sigma)


def track_yaw_rate(angular_velocity: Floats, command: Floats, sigma: float) -> Floats:
    """``exp(-(w_z - command_yaw)^2 / sigma)`` of the body-frame yaw rate [rad/s]."""
    return np.exp(-np.square(angular_velocity[:, 2] - command[:, 2]) / sigma)


def progress(velocity: Floats, command: Floats) -> Floats:
    """Share of the commanded planar speed that is reached in its direction, in [-1, 1]; 0 without such a command.

    The tracking kernel is flat far from the command: a robot that stands gains nothing from a first step. This term has
    the same slope everywhere (Cheng et al. 2023, arXiv 2309.14341, eq. 1, with the command in place of the way point).

    Args:
        velocity: (N, 3) of the base in its own frame [m/s]; command: (N, 3).
    """
    squared = np.einsum("ij,ij->i", command[:, :2], command[:, :2])
    along = np.einsum("ij,ij->i", velocity[:, :2], command[:, :2])
    return np.where(squared > 0.0, _cut(along / np.maximum(squared, 1e-6), -1.0, 1.0), 0.0)


def turn_progress(angular_velocity: Floats, command: Floats) -> Floats:
    """``progress`` for turning: share of the commanded yaw rate that is reached, in [-1, 1]; 0 without such a command.

    Args:
        angular_velocity: (N, 3) of the base in its own frame [rad/s]; command: (N, 3).
    """
    rate = command[:, 2]
    # Below 0.2 rad/s the share would be mostly the gait's own wobble.
    return _cut(angular_velocity[:, 2] * rate / np.maximum(np.square(rate), 0.04), -1.0, 1.0)


def vertical_velocity(velocity: Floats) -> Floats:
    """``v_z^2``: hopping."""
    return np.square(velocity[:, 2])


def roll_pitch_rate(angular_velocity: Floats) -> Floats:
    """``w_x^2 + w_y^2``: wobbling."""
    return _squares(angular_velocity[:, :2])


def tilt(gravity: Floats) -> Floats:
    """``g_x^2 + g_y^2`` of the projected gravity: the squared sine of the tilt."""
    return _squares(gravity[:, :2])


def base_height(height: Floats, target: float) -> Floats:
    """Squared distance of the base from its height above the ground [m^2]."""
    return np.square(height - target)


def torque(torques: Floats) -> Floats:
    """Sum of squared joint torques [(N m)^2]."""
    return _squares(torques)


def joint_acceleration(velocity: Floats, previous: Floats, dt: float) -> Floats:
    """Sum of squared changes of joint velocity over one control step of ``dt`` seconds [(rad/s^2)^2]."""
    return _squares((velocity - previous) / dt)


def action_rate(action: Floats, previous: Floats) -> Floats:
    """Sum of squared changes of the action between two control steps."""
    return _squares(action - previous)


def joint_limits(position: Floats, soft_limits: Floats) -> Floats:
    """How far joints are beyond their soft limits, summed [rad].

    Args:
        position: (N, J).
        soft_limits: (J, 2) lower and upper, inside the hard ones.
    """
    return _sum(np.abs(position - _cut(position, soft_limits[:, 0], soft_limits[:, 1])))


def air_time(landed: Flags, swing: Floats, enough: float, command: Floats) -> Floats:
    """Swing time beyond ``enough``, paid when the foot lands; nothing when the command is to stand.

    legged_gym also charges swings that are shorter; that makes a first step costly, and with the few samples of a CPU
    the robot then keeps standing.

    Args:
        landed: (N, F) bool, feet that touched down in this step.
        swing: (N, F) time those feet were in the air [s]; cut at ``enough`` + 0.25 s, so that standing on three legs
            for long does not pay.
        enough: swing that earns nothing [s].
        command: (N, 3).
    """
    paid = np.einsum("ij,ij->i", _cut(swing - enough, 0.0, 0.25), landed.astype(swing.dtype))
    return paid * is_moving(command)


def foot_slip(foot_velocity: Floats, contact: Flags) -> Floats:
    """Squared horizontal velocity of feet on the ground, summed [(m/s)^2].

    Args:
        foot_velocity: (N, F, 3) in the world; contact: (N, F) bool.
    """
    x, y = foot_velocity[:, :, 0], foot_velocity[:, :, 1]
    return np.einsum("ij,ij->i", x * x + y * y, contact.astype(x.dtype))


def leg_contact(leg_force: Floats, threshold: float = 0.1) -> Floats:
    """Number of thighs and calves that touch something with more than ``threshold`` newtons."""
    return _sum((leg_force > threshold).astype(leg_force.dtype))


def hip_posture(joint_offset: Floats, hips: NDArray[np.intp]) -> Floats:
    """Sum of squared distances of the abduction joints from the default pose [rad^2]: legs neither crossed nor splayed.

    Args:
        joint_offset: (N, J) position minus default pose.
        hips: (H,) indices of those joints.
    """
    return _squares(joint_offset[:, hips])


def stand_still(joint_offset: Floats, command: Floats) -> Floats:
    """Sum of distances from the default pose while the command is to stand [rad]."""
    return np.where(is_moving(command), 0.0, _sum(np.abs(joint_offset)))


def is_moving(command: Floats) -> Flags:
    """(N,) bool, whether any part of the (N, 3) command differs from zero."""
    moving: Flags = (command[:, 0] != 0.0) | (command[:, 1] != 0.0) | (command[:, 2] != 0.0)
    return moving


def total(values: Mapping[str, Floats], weights: Mapping[str, float], dt: float, positive: bool) -> Floats:
    """(N,) weighted sum times the control step.

    Args:
        values: of each term, (N,).
        weights: per second of simulated time; every weight needs its value.
        dt: control step [s].
        positive: cut at zero.
    """
    result = sum(weight * values[name] for name, weight in weights.items()) * dt
    return np.maximum(result, 0.0) if positive else np.asarray(result)


# NumPy's sums along a short last axis, ``clip`` and ``any`` take three to ten times as long as these on a batch.


def _squares(values: Floats) -> Floats:
    return np.einsum("ij,ij->i", values, values)


def _sum(values: Floats) -> Floats:
    return np.einsum("ij->i", values)


def _cut(values: Floats, low: Floats | float, high: Floats | float) -> Floats:
    return np.minimum(np.maximum(values, low), high)
