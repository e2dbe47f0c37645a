"""Small pure functions: yaw of a cube and of a tool, angles modulo a symmetry, ramps and braking profiles."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

QUARTER = np.pi / 2


def rotation_matrix(quat_xyzw: ArrayLike) -> NDArray[np.float64]:
    """Rotation matrix (3, 3) of a unit quaternion (4,) in the order x, y, z, w."""
    x, y, z, w = np.asarray(quat_xyzw, dtype=float)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def wrap(angle: float, period: float = 2 * np.pi) -> float:
    """The angle moved by whole periods into [-period/2, period/2) [rad]."""
    return float((angle + period / 2) % period - period / 2)


def cube_yaw(quat_xyzw: ArrayLike) -> float:
    """Yaw of a cube's sides in [-pi/4, pi/4) [rad], whichever face lies on the table.

    The most horizontal of the body axes gives it; the others differ by whole quarters or point up.
    """
    rotation = rotation_matrix(quat_xyzw)
    axis = int(np.argmin(np.abs(rotation[2])))
    return wrap(float(np.arctan2(rotation[1, axis], rotation[0, axis])), QUARTER)


def tool_yaw(quat_xyzw: ArrayLike) -> float:
    """Yaw of the tool's x axis [rad]; the fingers open along its y axis."""
    rotation = rotation_matrix(quat_xyzw)
    return float(np.arctan2(rotation[1, 0], rotation[0, 0]))


def downward(yaw: float) -> NDArray[np.float64]:
    """Rotation matrix (3, 3) of a tool that points straight down with the given yaw of its x axis [rad]."""
    c, s = np.cos(yaw), np.sin(yaw)
    return np.array([[c, s, 0.0], [s, -c, 0.0], [0.0, 0.0, -1.0]])


def grasp_yaw(cube: float, tool: float, bearing: float, window: float = 1.4) -> float:
    """Yaw of the tool for grasping a cube: the cube's yaw plus whole quarters, nearest to the tool's present yaw.

    Args:
        cube: yaw of the cube's sides [rad].
        tool: present yaw of the tool [rad].
        bearing: direction of the cube from the base [rad], for which the wrist is centred at the same tool yaw.
        window: how far from the bearing the wrist may turn [rad]; the limits of joint 7 lie at 2.1 and more.
    """
    candidates = cube + QUARTER * np.arange(-4, 5)
    feasible = candidates[np.abs(candidates - bearing) <= window]
    return float(feasible[np.argmin(np.abs(feasible - tool))])


def ramp(value: float, low: float, high: float) -> float:
    """0 below ``low``, 1 above ``high``, linear between."""
    return float(min(max((value - low) / (high - low), 0.0), 1.0))


def braking_speed(distance: float, top: float, deceleration: float, rate: float) -> float:
    """Speed at which to close a distance: at most ``top``, braking smoothly, exponential at the end.

    ``v(d) = a/k (sqrt(1 + 2 k^2 d / a) - 1)`` behaves as ``k d`` near the end and as ``sqrt(2 a d)`` far from it; its
    deceleration ``v dv/dd = a (1 - 1 / sqrt(1 + 2 k^2 d / a))`` never exceeds ``a``.

    Args:
        distance: still to go, not negative [m or rad].
        top: [m/s or rad/s].
        deceleration: ``a`` [m/s^2 or rad/s^2].
        rate: ``k`` [1/s].
    """
    slope = deceleration / rate
    return float(min(top, slope * (np.sqrt(1.0 + 2.0 * rate * distance / slope) - 1.0)))
