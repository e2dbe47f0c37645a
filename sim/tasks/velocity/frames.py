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
    w, x, y, z = _columns(quat_wxyz)
    x, y, z = -x, -y, -z
    vx, vy, vz = _columns(np.broadcast_to(vector, (len(quat_wxyz), 3)))
    tx, ty, tz = 2.0 * (y * vz - z * vy), 2.0 * (z * vx - x * vz), 2.0 * (x * vy - y * vx)
    out = np.empty((len(quat_wxyz), 3), dtype=np.result_type(quat_wxyz, vector))
    out[:, 0] = vx + w * tx + (y * tz - z * ty)
    out[:, 1] = vy + w * ty + (z * tx - x * tz)
    out[:, 2] = vz + w * tz + (x * ty - y * tx)
    return out


def rotate_to_world(quat_wxyz: NDArray[np.floating], vector: NDArray[np.floating]) -> NDArray[np.floating]:
    """Body vectors in the world's frame, ``R(q) v``; shapes as in ``rotate_to_body``."""
    conjugate = quat_wxyz * np.array([1, -1, -1, -1], dtype=quat_wxyz.dtype)
    return rotate_to_body(conjugate, vector)


def projected_gravity(quat_wxyz: NDArray[np.floating]) -> NDArray[np.floating]:
    """(N, 3) the unit vector of gravity in the body's frame; (0, 0, -1) upright, whatever the heading."""
    w, x, y, z = _columns(quat_wxyz)
    out = np.empty((len(quat_wxyz), 3), dtype=quat_wxyz.dtype)
    out[:, 0] = -2.0 * (x * z - w * y)
    out[:, 1] = -2.0 * (y * z + w * x)
    out[:, 2] = 2.0 * (x * x + y * y) - 1.0
    return out


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


def _columns(rows: NDArray[np.floating]) -> NDArray[np.floating]:
    """(d, N) copy of (N, d): arithmetic on contiguous columns is several times quicker than on strided ones."""
    return np.ascontiguousarray(rows.T)
