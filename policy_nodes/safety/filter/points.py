"""Points of the arm and of the scene, and how fast they move along given directions: few products for all of them.

Points and joint axes are linear in the links' frames, so one constant matrix yields all of them. With a joint's axis
``a`` through ``o`` a point ``p`` moves along a direction ``d`` by ``d . (a x (p - o)) = (p d^T) : [a] + d . (o x a)``
per radian (Lynch and Park, *Modern Robotics*, 2017, ch. 5): bilinear in ``(p, 1)`` and ``d``, so that the whole
Jacobian is the outer products of points and directions times one 12-row matrix of the joints' screws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from policy_nodes.safety.kinematics import Kinematics
from policy_nodes.safety.limits import Array

SCENE = -1
"""Link index of points that the arm does not move."""

LEVI_CIVITA = np.zeros((9, 3))
"""(a x b) = (a b^T flattened) @ LEVI_CIVITA; its columns are the cross product matrices of the axes."""
for _i, _j, _k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
    LEVI_CIVITA[3 * _i + _j, _k], LEVI_CIVITA[3 * _j + _i, _k] = 1.0, -1.0
_CROSSED = np.ascontiguousarray(LEVI_CIVITA.T)

Places = Mapping[str, Array]
"""Present positions (3,) of moving obstacles by name, base frame, m."""


class TrackedPoints:
    """P points, and m rows that each follow the motion of one point relative to another.

    Args:
        kinematics: of the arm, with a command vector of n joints.
        links: (P,) index of the link that carries each point, or ``SCENE``.
        local: (P, 3) places in the frame of the link, or in the base frame, m.
        followed: indices of the points and their offsets (3,) by moving obstacle.
        first: (m,) index of the point of each row; ``second``: of the point that it is seen from.
    """

    def __init__(
        self,
        kinematics: Kinematics,
        links: Sequence[int],
        local: Sequence[Array],
        followed: Mapping[str, Sequence[tuple[int, Array]]],
        first: np.ndarray,
        second: np.ndarray,
    ) -> None:
        self._kinematics, self._followed = kinematics, dict(followed)
        count, size, rows = len(links), kinematics.selection.shape[1], len(first)
        of_joints = _of_joints(kinematics, size)
        # The axes' cross product matrices, nine rows of a value per joint, last: the moments stand behind them.
        crossed = np.einsum("ka,jax->kjx", LEVI_CIVITA, of_joints[: 3 * size].reshape(size, 3, -1))
        parts = [_of_points(kinematics, links, local), of_joints, crossed.reshape(9 * size, -1)]
        self._linear = np.concatenate(parts)
        """From all frames to homogeneous points, joint axes, places of the axes, directions of slides, matrices."""
        self._split = np.cumsum([4 * count, 3 * size, 3 * size, 3 * size])
        buffer = np.empty(len(self._linear) + 3 * size)
        self._state, self._screws = buffer[: len(self._linear)], buffer[-12 * size :].reshape(12, size)
        points, turns, origins, slides, _ = np.split(self._state, self._split)
        self.position = points.reshape(count, 4)
        """(P, 4) homogeneous positions, m, of the last :meth:`place`; overwritten by the next."""
        self._moments, self._slides = self._screws[9:], slides.reshape(size, 3).T
        self._any_slides = any((joint := kinematics.joint(k)) is not None and not joint[2] for k in range(size))
        self._origin, self._axis = origins.reshape(size, 3, 1), turns.reshape(size, 1, 3)
        # Most rows are seen from the scene, which no joint moves: of the others only one span is differentiated twice.
        arm = [k for k in range(rows) if links[second[k]] != SCENE]
        self._seen = slice(min(arm), max(arm) + 1) if arm else slice(0, 0)
        self._twice, ends = bool(arm), [*first, *second[self._seen]]
        self._ends_of = np.array(ends, dtype=np.int64)
        signs = np.array([kinematics.carried_by(links[index]) for index in ends]).reshape(len(ends), size)
        self._forward, self._backward = signs[:rows], signs[rows:]
        self._moment = np.empty((size, 3, 3))
        self._moment_rows = self._moment.reshape(size, 9).T
        self._ends, outer = np.empty((len(ends), 4)), np.empty((len(ends), 4, 3))
        self._first_ends, self._second_ends = self._ends[:rows, :, None], self._ends[rows:, :, None]
        self._outer, self._first_outer, self._second_outer = outer.reshape(-1, 12), outer[:rows], outer[rows:]
        self._each = np.empty((len(ends), size))
        self._first_each, self._second_each = self._each[:rows], self._each[rows:]

    def place(self, joints: Array, places: Places) -> Array:
        """Positions (P, 4) for the command vector ``joints`` (n,) and moving obstacles at ``places``.

        Raises:
            KeyError: a moving obstacle has no place.
        """
        np.dot(self._linear, self._kinematics.frames(joints).reshape(-1), self._state)
        for name, points in self._followed.items():
            for index, offset in points:
                np.add(places[name], offset, self.position[index, :3])
        return self.position

    def differentiate(self, directions: Array, gradient: Array) -> None:
        """Gradients of ``direction . (first - second)`` by the command vector, after :meth:`place`.

        Args:
            directions: (m, 3) unit vectors, held constant.
            gradient: (m, n) is set.
        """
        np.multiply(self._origin, self._axis, self._moment)
        np.dot(_CROSSED, self._moment_rows, self._moments)
        if self._any_slides:
            np.add(self._moments, self._slides, self._moments)
        self.position.take(self._ends_of, 0, self._ends, "clip")
        np.multiply(self._first_ends, directions[:, None], self._first_outer)
        if self._twice:
            np.multiply(self._second_ends, directions[self._seen, None], self._second_outer)
        np.dot(self._outer, self._screws, self._each)
        np.multiply(self._first_each, self._forward, gradient)
        if self._twice:
            np.multiply(self._second_each, self._backward, self._second_each)
            seen = gradient[self._seen]
            np.subtract(seen, self._second_each, seen)

    def paths(self, joints: Array, places: Places) -> Array:
        """Positions (T, P, 3) for T command vectors ``joints`` (T, n), a new array.

        Raises:
            KeyError: a moving obstacle has no place.
        """
        frames = self._kinematics.frames_of(joints).reshape(len(joints), -1)
        found: Array = (frames @ self._linear[: self._split[0]].T).reshape(len(joints), -1, 4)[:, :, :3]
        for name, points in self._followed.items():
            for index, offset in points:
                found[:, index] = places[name] + offset
        return found


def _of_points(kinematics: Kinematics, links: Sequence[int], local: Sequence[Array]) -> Array:
    """(4 P, 16 L) from all frames to homogeneous points; the scene's hang on the constant 1 of the first frame."""
    found = np.zeros((len(links), 4, len(kinematics.names), 4, 4))
    for point, (link, place) in enumerate(zip(links, local, strict=True)):
        found[point, 3, 0, 3, 3] = 1.0
        for axis in range(3):
            if link == SCENE:
                found[point, axis, 0, 3, 3] = place[axis]
            else:
                found[point, axis, link, axis] = [*place, 1.0]
    return found.reshape(4 * len(links), 16 * len(kinematics.names))


def _of_joints(kinematics: Kinematics, size: int) -> Array:
    """(9 n, 16 L) from all frames to turning axes, places of the axes and sliding directions, by command vector."""
    found = np.zeros((3, size, 3, len(kinematics.names), 4, 4))
    for column in range(size):
        joint = kinematics.joint(column)
        if joint is None:
            continue
        link, direction, turns = joint
        for axis in range(3):
            found[0 if turns else 2, column, axis, link, axis, :3] = direction
            found[1, column, axis, link, axis, 3] = 1.0
    return found.reshape(9 * size, 16 * len(kinematics.names))
