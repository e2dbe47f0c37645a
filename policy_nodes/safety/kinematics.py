"""Forward kinematics and analytic derivatives of a serial arm from plain numbers.

Product of fixed transforms and joint motions (Lynch and Park, *Modern Robotics*, 2017, ch. 4 and 5). Rodrigues' formula
makes every link's transform ``A + B sin q + C cos q`` with constant matrices: all links' transforms are one product of
a constant matrix with ``(1, sin q, cos q)``, and a chain costs one small product per link after that. Points of the
links are linear in the frames (:mod:`policy_nodes.safety.filter.points`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from policy_nodes.errors import ConfigError
from policy_nodes.safety.filter.config import LinkConfig
from policy_nodes.safety.limits import Array


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
        self._slides = np.flatnonzero(self._moves & ~self._turns)
        # (1 + 2 L, 16 L): from (1, sines, cosines) of all links to their transforms.
        self._local = np.zeros((1 + 2 * count, 16 * count))
        for place in range(count):
            entries = slice(16 * place, 16 * place + 16)
            self._local[0, entries] = self._basis[place, 0].ravel()
            self._local[1 + place, entries] = self._basis[place, 1].ravel()
            self._local[1 + count + place, entries] = self._basis[place, 2].ravel()
        self._work = _Work(count)
        self.selection = np.zeros((count, self._size))
        """(L, n) from values by link to values by command vector."""
        self.selection[np.arange(count), self._column] = self._moves

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

    def frames(self, position: Array) -> Array:
        """Pose of every link's moving frame (L, 4, 4) for the command vector ``position`` (n,), base frame, m.

        The array is this object's own and is overwritten by the next call: a control period allocates nothing here.
        """
        work = self._work
        position.take(self._column, 0, work.angles, "clip")
        np.sin(work.angles, work.sines)
        np.cos(work.angles, work.cosines)
        if self._slides.size:
            work.sines[self._slides] = work.angles[self._slides]
        np.dot(work.factors, self._local, work.steps)
        work.first[:] = work.first_step
        for before, step, after in work.products:
            np.dot(before, step, after)
        return work.frames

    def frames_of(self, positions: Array) -> Array:
        """The same for T command vectors (T, n) at once: (T, L, 4, 4), a new array."""
        count = len(self.names)
        values = positions.take(self._column, axis=1)
        factors = np.ones((len(values), 1 + 2 * count))
        np.sin(values, factors[:, 1 : 1 + count])
        np.cos(values, factors[:, 1 + count :])
        if self._slides.size:
            factors[:, 1 + self._slides] = values[:, self._slides]
        steps = (factors @ self._local).reshape(-1, count, 4, 4)
        frames = np.empty_like(steps)
        frame = frames[:, 0] = steps[:, 0]
        for place in range(1, count):
            frame = frames[:, place] = np.matmul(frame, steps[:, place])
        return frames

    def joint(self, column: int) -> tuple[int, Array, bool] | None:
        """Index of the link that a joint of the command vector moves, its axis (3,) and whether it turns; or None."""
        for place in np.flatnonzero(self._moves):
            if self._column[place] == column:
                return int(place), self._axis[place], bool(self._turns[place])
        return None

    def carried_by(self, link: int) -> Array:
        """(n,) one for the joints of the command vector that move link ``link``, else zero; -1 is the scene."""
        found: Array = self.selection[: link + 1].sum(axis=0)
        return found

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


class _Work:
    """Buffers of :meth:`Kinematics.frames` for ``count`` links, and the views that its loop needs."""

    def __init__(self, count: int) -> None:
        self.angles = np.empty(count)
        self.factors = np.ones(1 + 2 * count)
        self.sines, self.cosines = self.factors[1 : 1 + count], self.factors[1 + count :]
        self.steps = np.empty(16 * count)
        self.frames = np.empty((count, 4, 4))
        local = self.steps.reshape(count, 4, 4)
        self.first, self.first_step = self.frames[0], local[0]
        self.products = [(self.frames[k - 1], local[k], self.frames[k]) for k in range(1, count)]
