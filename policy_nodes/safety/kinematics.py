"""Forward kinematics and analytic derivatives of a serial arm from plain numbers.

Product of fixed transforms and joint motions (Lynch and Park, *Modern Robotics*, 2017, ch. 4 and 5). Rodrigues' formula
makes every link's transform ``A + B sin q + C cos q`` with constant matrices, so a whole chain costs one vectorised
expression and one small product per link.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from policy_nodes.errors import ConfigError
from policy_nodes.safety.filter.config import LinkConfig
from policy_nodes.safety.limits import Array

LEVI_CIVITA = np.zeros((9, 3))
"""(a x b) = (a b^T flattened) @ LEVI_CIVITA."""
for _i, _j, _k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
    LEVI_CIVITA[3 * _i + _j, _k], LEVI_CIVITA[3 * _j + _i, _k] = 1.0, -1.0


def cross(a: Array, b: Array) -> Array:
    """Cross products of the rows of (R, 3) arrays; numpy's own costs several times as much for few rows."""
    found: Array = (a[:, :, None] * b[:, None, :]).reshape(-1, 9) @ LEVI_CIVITA
    return found


@dataclass(frozen=True)
class Pose:
    """The arm in one configuration, base frame, metres.

    Attributes:
        frames: (L, 4, 4) pose of every link's moving frame.
        axes: (L, 3) joint axes; zero for fixed links.
    """

    frames: Array
    axes: Array


class Kinematics:
    """A chain of links; joints are found by name in the command vector.

    Args:
        links: from the base to the tip.
        joints: names of the command vector, n of them; those that are not in the chain do not move it.

    Raises:
        ConfigError: a link is not in ``joints``, two links have one name, or a transform or an axis is not valid.
    """

    def __init__(self, links: Sequence[LinkConfig], joints: Sequence[str]) -> None:
        self.names = [link.name for link in links]
        if len(set(self.names)) != len(self.names):
            raise ConfigError("filter: two links of the chain have the same name.", "rename one.")
        self._size = len(joints)
        count = len(links)
        self._basis = np.zeros((count, 3, 4, 4))
        """Per link the matrices of 1, sin q (q itself for a slide) and cos q."""
        self._axis = np.zeros((count, 3))
        self._column = np.zeros(count, dtype=np.int64)
        self._moves = np.array([link.kind != "fixed" for link in links])
        self._turns = np.array([link.kind == "revolute" for link in links])
        for place, link in enumerate(links):
            self._add(place, link, list(joints))
        self._flat = self._basis.reshape(count, 3, 16)
        self._only_turns = bool((self._turns | ~self._moves).all())
        self.selection = np.zeros((count, self._size))
        """(L, n) from values by link to values by command vector."""
        self.selection[np.arange(count), self._column] = self._moves
        # Row k: which links move a point of link k; the last row, reached by index -1, is the scene's.
        self._carried = np.concatenate([np.tri(count), np.zeros((1, count))])

    def _add(self, place: int, link: LinkConfig, joints: list[str]) -> None:
        fixed, axis = np.array(link.fixed, dtype=np.float64), np.array(link.axis, dtype=np.float64)
        rotation = fixed[:3, :3]
        proper = np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-6) and np.linalg.det(rotation) > 0
        if not proper or not np.array_equal(fixed[3], [0.0, 0.0, 0.0, 1.0]):
            raise ConfigError(f"filter: the transform of link '{link.name}' is not rigid.", "give a 4x4 pose.")
        self._basis[place, 0] = fixed
        if link.kind == "fixed":
            return
        if abs(np.linalg.norm(axis) - 1.0) > 1e-6:
            raise ConfigError(f"filter: the axis of '{link.name}' has length {np.linalg.norm(axis):.3g}.", "use 1.")
        if link.name not in joints:
            raise ConfigError(f"filter: '{link.name}' is no joint of the bundle.", f"use one of {', '.join(joints)}.")
        self._axis[place] = axis
        self._column[place] = joints.index(link.name)
        motion = np.zeros((4, 4))
        if link.kind == "prismatic":
            motion[:3, 3] = axis
            self._basis[place, 1] = fixed @ motion
            return
        x, y, z = axis
        motion[:3, :3] = [[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]]
        self._basis[place, 0] = fixed @ (np.eye(4) + motion @ motion)
        self._basis[place, 1] = fixed @ motion
        self._basis[place, 2] = -fixed @ motion @ motion

    def pose(self, position: Array) -> Pose:
        """Frames and joint axes for the command vector ``position`` (n,)."""
        values = position.take(self._column)
        factors = np.ones((len(values), 1, 3))
        factors[:, 0, 1] = np.sin(values) if self._only_turns else np.where(self._turns, np.sin(values), values)
        factors[:, 0, 2] = np.cos(values)
        local = np.matmul(factors, self._flat).reshape(-1, 4, 4)
        frames = np.empty_like(local)
        frame = frames[0] = local[0]
        for place in range(1, len(local)):
            frame = np.dot(frame, local[place], out=frames[place])
        return Pose(frames, np.matmul(frames[:, :3, :3], self._axis[:, :, None])[:, :, 0])

    def points(self, pose: Pose, link: np.ndarray, local: Array) -> Array:
        """Positions (P, 3) of points ``local`` (P, 4; homogeneous) fixed to the links with indices ``link`` (P,)."""
        found: Array = np.matmul(pose.frames.take(link, axis=0)[:, :3], local[:, :, None])[:, :, 0]
        return found

    def paths(self, positions: Array, link: np.ndarray, local: Array) -> Array:
        """Positions (T, P, 3) of points for T command vectors ``positions`` (T, n); see :meth:`points`."""
        values = positions.take(self._column, axis=1)
        factors = np.ones((*values.shape, 1, 3))
        factors[..., 0, 1] = np.sin(values) if self._only_turns else np.where(self._turns, np.sin(values), values)
        factors[..., 0, 2] = np.cos(values)
        steps = np.matmul(factors, self._flat).reshape(*values.shape, 4, 4)
        frames = np.empty_like(steps)
        frame = frames[:, 0] = steps[:, 0]
        for place in range(1, len(self.names)):
            frame = np.matmul(frame, steps[:, place])
            frames[:, place] = frame
        found: Array = np.matmul(frames.take(link, axis=1)[:, :, :3], local[:, :, None])[..., 0]
        return found

    def gradients(self, pose: Pose, link: np.ndarray, points: Array, directions: Array) -> Array:
        """How fast points move along given directions: (R, n), by the command vector.

        The rows of the points' Jacobians along the directions. With a joint's axis ``a`` through ``o`` this is
        ``d . (a x (p - o)) = a . (p x d) - d . (a x o)``, two small products for all rows together.

        Args:
            pose: of the arm.
            link: (R,) index of the link that carries each point; -1 for a point of the scene, which does not move.
            points: (R, 3) positions, m.
            directions: (R, 3) unit vectors.
        """
        axes, lines = pose.axes, cross(pose.axes, pose.frames[:, :3, 3])
        found = cross(points, directions) @ axes.T - directions @ lines.T
        if not self._only_turns:
            found = np.where(self._turns, found, directions @ axes.T)
        found *= self._carried.take(link, axis=0)
        gradient: Array = found @ self.selection
        return gradient

    def levers(self, link: int, local: Array, travel: Array) -> Array:
        """Bounds (L,) of a point's second derivatives: by joint ``i`` and any joint after it, at most entry ``i``.

        No point is further from a joint's axis than the links between them are long.

        Args:
            link: index of the link that carries the point.
            local: (3,) the point in the link's frame.
            travel: (n,) largest displacement of prismatic joints, by command vector.
        """
        found = np.zeros(len(self.names))
        length = float(np.linalg.norm(local))
        for place in range(link, -1, -1):
            if self._turns[place]:
                found[place] = length
            elif self._moves[place]:
                # Turning a slide changes the point's derivative by the slide's unit axis.
                length = max(length + float(travel[self._column[place]]), 1.0)
            # The constant part of a transform has the fixed translation: rotations do not contribute to it.
            length += float(np.linalg.norm(self._basis[place, 0, :3, 3]))
        return found

    def rates(self, link: int, local: Array, travel: Array) -> Array:
        """Bounds (L,) of how fast a point moves with each joint, m/rad, 1 for slides; arguments of :meth:`levers`."""
        slides = self._moves & ~self._turns & (np.arange(len(self.names)) <= link)
        return np.where(slides, 1.0, self.levers(link, local, travel))

    def of_links(self, values: Array) -> Array:
        """Values (..., n) by command vector, rearranged by link: (..., L), zero for fixed links."""
        found: Array = values[..., self._column] * self._moves
        return found
