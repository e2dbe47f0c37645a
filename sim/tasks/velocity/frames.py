"""Rotations of many vectors at once. Quaternions are MuJoCo's: w first, body to world."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def rotate_to_body(quat_wxyz: NDArray[np.floating], vector: NDArray[np.floating]) -> NDArray[np.floating]:
    """World vectors in the body's frame, ``R(q)^T v``.

    Args:
        quat_wxyz: (N, 4) unit quaternions.
        vector: (N, 3), or (3,) for one vector seen by all.

    Returns:
        (N, 3).
    """
    w, u = quat_wxyz[:, :1], -quat_wxyz[:, 1:]
    v = np.broadcast_to(vector, u.shape)
    t = 2.0 * _cross(u, v)
    return v + w * t + _cross(u, t)


def rotate_to_world(quat_wxyz: NDArray[np.floating], vector: NDArray[np.floating]) -> NDArray[np.floating]:
    """Body vectors in the world's frame, ``R(q) v``; shapes as in ``rotate_to_body``."""
    conjugate = quat_wxyz * np.array([1, -1, -1, -1], dtype=quat_wxyz.dtype)
    return rotate_to_body(conjugate, vector)


def projected_gravity(quat_wxyz: NDArray[np.floating]) -> NDArray[np.floating]:
    """(N, 3) the unit vector of gravity in the body's frame; (0, 0, -1) upright, whatever the heading."""
    w, x, y, z = quat_wxyz.T
    return np.stack([-2.0 * (x * z - w * y), -2.0 * (y * z + w * x), 2.0 * (x * x + y * y) - 1.0], axis=1)


def quat_from_euler(roll: NDArray[np.floating], pitch: NDArray[np.floating], yaw: NDArray[np.floating]) -> NDArray:
    """(N, 4) quaternions, w first, of intrinsic yaw, pitch, roll (REP-103: x forward, y left, z up) [rad]."""
    cr, sr = np.cos(roll / 2), np.sin(roll / 2)
    cp, sp = np.cos(pitch / 2), np.sin(pitch / 2)
    cy, sy = np.cos(yaw / 2), np.sin(yaw / 2)
    return np.stack(
        [
            cr * cp * cy + sr * sp * sy,
            sr * cp * cy - cr * sp * sy,
            cr * sp * cy + sr * cp * sy,
            cr * cp * sy - sr * sp * cy,
        ],
        axis=1,
    )


def _cross(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.floating]:
    """Row-wise cross product; several times quicker than ``np.cross`` on narrow arrays."""
    out = np.empty(a.shape, dtype=np.result_type(a, b))
    out[:, 0] = a[:, 1] * b[:, 2] - a[:, 2] * b[:, 1]
    out[:, 1] = a[:, 2] * b[:, 0] - a[:, 0] * b[:, 2]
    out[:, 2] = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    return out
