"""Rotations of batches of vectors by unit quaternions (w, x, y, z), MuJoCo's order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["projected_gravity", "rotate", "rotate_inverse", "yaw"]

Array = NDArray[Any]


def rotate(quat_wxyz: Array, vectors: Array) -> Array:
    """Body to world: R(q) v, row by row; (K, 4), (K, 3) -> (K, 3). v + 2 w (u x v) + 2 u x (u x v)."""
    w, u = quat_wxyz[:, :1], quat_wxyz[:, 1:]
    t = 2.0 * _cross(u, vectors)
    return vectors + w * t + _cross(u, t)


def rotate_inverse(quat_wxyz: Array, vectors: Array) -> Array:
    """World to body: R(q)^T v, row by row; (K, 4), (K, 3) -> (K, 3)."""
    w, u = quat_wxyz[:, :1], quat_wxyz[:, 1:]
    t = 2.0 * _cross(u, vectors)
    return vectors - w * t + _cross(u, t)


def projected_gravity(quat_wxyz: Array) -> Array:
    """Unit gravity direction (0, 0, -1) seen in the body frame; (K, 4) -> (K, 3)."""
    w, x, y, z = quat_wxyz.T
    return np.stack([-2.0 * (x * z - w * y), -2.0 * (y * z + w * x), -(1.0 - 2.0 * (x * x + y * y))], axis=1)


def yaw(quat_wxyz: Array) -> Array:
    """Heading about the world z axis [rad]; (K, 4) -> (K,)."""
    w, x, y, z = quat_wxyz.T
    return np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))


def _cross(a: Array, b: Array) -> Array:
    """``np.cross`` without its overhead for small batches."""
    out = np.empty(np.broadcast_shapes(a.shape, b.shape), dtype=np.result_type(a, b))
    out[:, 0] = a[:, 1] * b[:, 2] - a[:, 2] * b[:, 1]
    out[:, 1] = a[:, 2] * b[:, 0] - a[:, 0] * b[:, 2]
    out[:, 2] = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    return out
