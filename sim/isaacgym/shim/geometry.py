"""``Vec3``, ``Quat``, ``Transform`` and ``Mat33`` with Isaac Gym's member names; quaternions are (x, y, z, w)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import mujoco
import numpy as np
from numpy.typing import NDArray

__all__ = ["Mat33", "Quat", "Transform", "Vec3"]


@dataclass
class Vec3:
    """Three numbers."""

    x: float = 0.0
    y: float = 0.0
    z: float = 0.0

    def __add__(self, other: Vec3) -> Vec3:
        return Vec3(self.x + other.x, self.y + other.y, self.z + other.z)

    def __sub__(self, other: Vec3) -> Vec3:
        return Vec3(self.x - other.x, self.y - other.y, self.z - other.z)

    def __mul__(self, factor: float) -> Vec3:
        return Vec3(self.x * factor, self.y * factor, self.z * factor)

    def __neg__(self) -> Vec3:
        return self * -1.0

    def array(self) -> NDArray[np.float64]:
        """(3,)."""
        return np.array([self.x, self.y, self.z])

    def length(self) -> float:
        """Euclidean norm."""
        return math.sqrt(self.x**2 + self.y**2 + self.z**2)


@dataclass
class Quat:
    """Rotation (x, y, z, w)."""

    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    w: float = 1.0

    @staticmethod
    def from_axis_angle(axis: Vec3, angle: float) -> Quat:
        """Rotation by ``angle`` [rad] about ``axis``."""
        a = axis.array() / axis.length() * math.sin(angle / 2.0)
        x, y, z = a.tolist()
        return Quat(x, y, z, math.cos(angle / 2.0))

    @staticmethod
    def from_euler_zyx(roll: float, pitch: float, yaw: float) -> Quat:
        """Rz(yaw) Ry(pitch) Rx(roll) [rad]."""
        z = Quat.from_axis_angle(Vec3(0, 0, 1), yaw)
        y = Quat.from_axis_angle(Vec3(0, 1, 0), pitch)
        return z * y * Quat.from_axis_angle(Vec3(1, 0, 0), roll)

    @staticmethod
    def of_wxyz(q: NDArray[np.float64]) -> Quat:
        """From MuJoCo's order."""
        return Quat(float(q[1]), float(q[2]), float(q[3]), float(q[0]))

    def wxyz(self) -> NDArray[np.float64]:
        """(4,) unit quaternion in MuJoCo's order."""
        q = np.array([self.w, self.x, self.y, self.z])
        return q / np.linalg.norm(q)

    def __mul__(self, other: Quat) -> Quat:
        out = np.empty(4)
        mujoco.mju_mulQuat(out, self.wxyz(), other.wxyz())
        return Quat.of_wxyz(out)

    def inverse(self) -> Quat:
        """The opposite rotation."""
        return Quat(-self.x, -self.y, -self.z, self.w)

    def normalize(self) -> Quat:
        """Unit quaternion."""
        return Quat.of_wxyz(self.wxyz())

    def rotate(self, v: Vec3) -> Vec3:
        """The rotated vector."""
        out = np.empty(3)
        mujoco.mju_rotVecQuat(out, v.array(), self.wxyz())
        return Vec3(*out.tolist())


class Transform:
    """Position ``p`` and rotation ``r``."""

    def __init__(self, p: Vec3 | None = None, r: Quat | None = None) -> None:
        self.p = p if p is not None else Vec3()
        self.r = r if r is not None else Quat()

    def transform_point(self, point: Vec3) -> Vec3:
        """From this frame to its parent."""
        return self.r.rotate(point) + self.p

    def transform_vector(self, vector: Vec3) -> Vec3:
        """Rotation only."""
        return self.r.rotate(vector)

    def inverse(self) -> Transform:
        """The opposite transform."""
        back = self.r.inverse()
        return Transform(-back.rotate(self.p), back)

    def __mul__(self, other: Transform) -> Transform:
        return Transform(self.transform_point(other.p), self.r * other.r)


@dataclass
class Mat33:
    """Rows as three ``Vec3``."""

    x: Vec3 = field(default_factory=Vec3)
    y: Vec3 = field(default_factory=Vec3)
    z: Vec3 = field(default_factory=Vec3)
