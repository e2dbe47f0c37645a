"""Control barrier functions of an arm: each class says how far it is from one kind of harm, and how fast it nears it.

A barrier has rows ``value + gradient . dq >= 0`` (to first order) for joint displacements ``dq``; ``curvature`` bounds
what the second order can take away. :class:`~.program.BarrierProgram` holds the rows of all classes as the ``(G, h)``
of ``G u <= h`` for a joint velocity ``u`` (Ames et al., arXiv 1903.11199; in discrete time Agrawal and Sreenath, RSS
2017): ``value_next >= (1 - rate dt) value``.

Distances are between spheres and capsules. Where a body has two ends a pair contributes one row per combination of
ends, along the direction between the closest points: by convexity the smallest of these rows bounds the distance after
any motion of the ends, while the distance's own gradient would not.

The gradients of all geometric rows are computed together (:class:`TrackedPoints`): a row is the motion of one tracked
point relative to another along a direction. Barriers write into arrays that the model holds, so that a control period
allocates little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from policy_nodes.safety.filter.config import HumanConfig
from policy_nodes.safety.filter.segments import ClosestParameters, distance, normalise
from policy_nodes.safety.limits import Array


class Barrier(Protocol):
    """One kind of geometric constraint with m rows: points ``first`` must stay on the safe side of points ``second``.

    Attributes:
        labels: (m,) names for the operator.
        first: (m,) indices of tracked points; ``second``: likewise.
        curvature: (m, L) bounds of second derivatives by link; see :meth:`Kinematics.levers`.
        reaction_s: (m,) time during which the arm continues at its present velocity before it can brake.
    """

    labels: list[str]
    first: np.ndarray
    second: np.ndarray
    curvature: Array
    reaction_s: Array

    names: list[str]
    """(k,) one per distance of :meth:`distances`; k <= m."""
    owner: np.ndarray
    """(m,) index of the distance that a row belongs to."""
    lipschitz: Array
    """(k, L) how fast a distance can change with each joint, m/rad or 1; see :meth:`Kinematics.rates`."""

    reaction: Array
    """(k,) as ``reaction_s``, for :meth:`distances`."""

    directions: Array
    """(m, 3) unit vectors along which ``first - second`` must not shrink; initial ones where they change."""

    def normals(self, position: Array, value: Array, directions: Array) -> None:
        """Write values and directions of all rows.

        Args:
            position: (P, 4) tracked points, homogeneous, base frame, m.
            value: (m,) set to the rows' values, m, >= 0 where safe.
            directions: (m, 3) holds :attr:`directions`; set where they have changed.
        """

    def distances(self, position: Array) -> Array:
        """Distances (T, k) in m, >= 0 where safe, for T configurations at once.

        Args:
            position: (T, P, 3) tracked points, base frame, m.
        """


class JointRange:
    """Distance of every joint from its position limits, 2n rows; needs no geometry.

    Args:
        names: joint names, n of them.
        low: (n,) limits already narrowed by the margin; ``high``: likewise.
    """

    def __init__(self, names: Sequence[str], low: Array, high: Array) -> None:
        self.labels = [f"{name} above its minimum" for name in names] + [f"{name} below its maximum" for name in names]
        self.gradient: Array = np.concatenate([np.eye(len(names)), -np.eye(len(names))])
        self._bound = np.concatenate([-low, high])

    def value(self, joints: Array) -> Array:
        """``q - low`` and ``high - q``, (..., 2n), rad or m, for the command vector ``joints`` (..., n)."""
        return np.concatenate([joints, -joints], axis=-1) + self._bound


class ToolBox:
    """Distance of one point from the six faces of an axis-aligned box.

    Args:
        point: index among the tracked points.
        origin: index of any point of the scene.
        minimum: (3,) corner, m; ``maximum``: the other.
        levers: (L,) of the point.
        rates: (L,) likewise, see :meth:`Kinematics.rates`.
    """

    def __init__(self, point: int, origin: int, minimum: Array, maximum: Array, levers: Array, rates: Array) -> None:
        self.labels = [
            f"tool {side} of the workspace in {axis}" for side in ("above min", "below max") for axis in "xyz"
        ]
        self.first, self.second = np.full(6, point), np.full(6, origin)
        self.names, self.owner = self.labels, np.arange(6)
        self.curvature, self.reaction_s = np.tile(levers, (6, 1)), np.zeros(6)
        self.lipschitz, self.reaction = np.tile(rates, (6, 1)), np.zeros(6)
        self._bound = np.concatenate([-minimum, maximum])
        self._point, self.directions = point, np.concatenate([np.eye(3), -np.eye(3)])
        self._signed = np.concatenate([self.directions, self._bound[:, None]], axis=1)

    def normals(self, position: Array, value: Array, directions: Array) -> None:
        """Six rows: ``p - minimum`` and ``maximum - p``."""
        np.dot(self._signed, position[self._point], value)

    def distances(self, position: Array) -> Array:
        """The same six values, (T, 6)."""
        point = position[:, self._point]
        found: Array = np.concatenate([point, -point], axis=1) + self._bound
        return found


@dataclass(frozen=True)
class Solid:
    """A sphere (one end) or capsule (two): indices of its ends among the tracked points, radius in m, levers (L,)."""

    name: str
    ends: tuple[int, ...]
    radius: float
    levers: Array
    rates: Array
    """(L,) how fast its points can move with each joint; see :meth:`Kinematics.rates`."""
    length: float = 0.0
    """Between the ends, m."""


@dataclass(frozen=True)
class Pair:
    """Two solids that must stay apart: ``margin`` in m beyond their radii; ``reaction_s`` as in :class:`Barrier`."""

    first: Solid
    second: Solid
    margin: float
    reaction_s: float = 0.0

    @property
    def label(self) -> str:
        """For the operator."""
        return f"{self.first.name} clear of {self.second.name}"


def separation(first: Solid, second: Solid, human: HumanConfig) -> Pair:
    """A body and a person under speed and separation monitoring: the arm nears only as fast as it can stop in time.

    The parts of the protective distance that do not depend on the arm's motion widen the person; ``v_r T_r`` and
    ``S_stop`` follow from the arm's own reach after the command.
    """
    return Pair(first, second, human.margin + protective_distance(human, 0.0, 0.0), human.reaction_s)


def protective_distance(human: HumanConfig, speed: float, stopping_distance: float) -> float:
    """Protective separation of ISO/TS 15066, 5.5.4, m: ``S = v_h (T_r + T_s) + v_r T_r + S_stop + C + Z_d + Z_r``.

    Args:
        human: speed, times, intrusion and uncertainty.
        speed: at which the robot approaches, m/s.
        stopping_distance: of the robot from that speed, m.
    """
    moved = human.speed * (human.reaction_s + human.stopping_s) + speed * human.reaction_s
    return moved + stopping_distance + human.intrusion + human.uncertainty


class Planes:
    """Distance of bodies from planes that they must stay on one side of: walls, tables, light curtains.

    Args:
        solids: bodies, one per row of the next two.
        normals: (k, 3) unit vectors into the free space.
        offsets: (k,) ``normal . p`` on the plane, plus the margin, m.
        plane_names: (k,) of the planes.
        origin: index of any point of the scene.
    """

    def __init__(
        self, solids: Sequence[Solid], normals: Array, offsets: Array, plane_names: Sequence[str], origin: int
    ) -> None:
        rows = [(k, end) for k, solid in enumerate(solids) for end in solid.ends]
        self.owner = np.array([k for k, _ in rows])
        self.first = np.array([end for _, end in rows])
        self.second = np.full(len(rows), origin)
        self.names = [f"{solid.name} clear of {plane}" for solid, plane in zip(solids, plane_names, strict=True)]
        self.labels = [self.names[k] for k, _ in rows]
        self.curvature = np.array([solids[k].levers for k, _ in rows])
        self.lipschitz = np.array([solid.rates for solid in solids])
        self.reaction_s, self.reaction = np.zeros(len(rows)), np.zeros(len(solids))
        self.directions = normals[self.owner]
        self._bound = (offsets + np.array([solid.radius for solid in solids]))[self.owner]
        self._signed = np.concatenate([self.directions, -self._bound[:, None]], axis=1)
        self._ends, self._ones = np.empty((len(rows), 4)), np.ones(4)
        self._starts = np.flatnonzero(np.diff(self.owner, prepend=-1))

    def normals(self, position: Array, value: Array, directions: Array) -> None:
        """One row per body and end."""
        position.take(self.first, 0, self._ends, "clip")
        np.multiply(self._ends, self._signed, self._ends)
        np.dot(self._ends, self._ones, value)

    def distances(self, position: Array) -> Array:
        """One per body and plane: the nearer end's."""
        each = np.einsum("tij,ij->ti", position.take(self.first, axis=1), self.directions) - self._bound
        found: Array = np.minimum.reduceat(each, self._starts, axis=1)
        return found


class Clearance:
    """Distance between pairs of solids, on the arm or in the scene.

    Args:
        pairs: one or more.
    """

    def __init__(self, pairs: Sequence[Pair]) -> None:
        ends = [(p.first.ends[0], p.first.ends[-1], p.second.ends[0], p.second.ends[-1]) for p in pairs]
        self._ends = np.array(ends)
        combined = [(k, i, j) for k, pair in enumerate(pairs) for i in pair.first.ends for j in pair.second.ends]
        self.owner, self.first, self.second = np.array(combined).T
        chosen = [pairs[k] for k in self.owner]
        self.labels = [pair.label for pair in chosen]
        self.curvature = np.array([pair.first.levers + pair.second.levers for pair in chosen])
        self.reaction_s = np.array([pair.reaction_s for pair in chosen])
        self._apart = np.array([pair.first.radius + pair.second.radius + pair.margin for pair in chosen])
        self.names = [pair.label for pair in pairs]
        self.reaction = np.array([pair.reaction_s for pair in pairs])
        self.lipschitz = np.array([pair.first.rates + pair.second.rates for pair in pairs])
        self._gap = np.array([pair.first.radius + pair.second.radius + pair.margin for pair in pairs])

        self.directions = np.tile([0.0, 0.0, 1.0], (len(self.owner), 1))
        self._work = _ClearanceWork(self._ends, self.first, self.second)
        lengths = np.array([[pair.first.length, pair.second.length] for pair in pairs]) ** 2
        self._closest = ClosestParameters(lengths[:, 0], lengths[:, 1])

    def normals(self, position: Array, value: Array, directions: Array) -> None:
        """One row per pair and combination of ends."""
        work, closest = self._work, self._closest
        position.take(work.ends, 0, work.taken, "clip")
        np.subtract(work.minuends, work.subtrahends, work.spans)
        np.multiply(work.left, work.right, work.product)
        np.dot(work.product, work.ones, work.scalars)
        closest.solve(work.b, work.c, work.f)
        np.multiply(closest.s[:, None], work.along_first, work.direction)
        np.multiply(closest.t[:, None], work.along_second, work.squares)
        np.subtract(work.direction, work.squares, work.direction)
        np.add(work.direction, work.between_starts, work.direction)
        normalise(work.direction, work.squares, work.ones)
        work.direction.take(self.owner, 0, work.each, "clip")
        directions[:] = work.each[:, :3]
        np.multiply(work.between, work.each, work.each)
        np.dot(work.each, work.ones, value)
        np.subtract(value, self._apart, value)

    def distances(self, position: Array) -> Array:
        """Distance of every pair beyond its radii and margin, (T, pairs)."""
        ends = position.take(self._ends, axis=1)
        found: Array = distance(ends.reshape(-1, 4, 3)).reshape(len(position), -1) - self._gap
        return found


class _ClearanceWork:
    """Buffers and index lists of :meth:`Clearance.normals`: differences of homogeneous points, all in one gather.

    Args:
        ends: (M, 4) indices of the two ends of the first and of the second solid of every pair.
        first: (m,) indices of the points of the rows; ``second``: of those they are seen from.
    """

    def __init__(self, ends: np.ndarray, first: np.ndarray, second: np.ndarray) -> None:
        count, rows = len(ends), len(first)
        start, end, other, other_end = ends.T
        # d1, d1, d2 to be multiplied with d2, r, r; then what the rows are projected from.
        minuend = np.concatenate([end, end, other_end, other_end, start, start, first])
        subtrahend = np.concatenate([start, start, other, other, other, other, second])
        self.ends = np.concatenate([minuend, subtrahend])
        self.taken = np.empty((len(self.ends), 4))
        self.minuends, self.subtrahends = self.taken[: len(minuend)], self.taken[len(minuend) :]
        self.spans = np.empty((len(minuend), 4))
        self.left, self.right = self.spans[: 3 * count], self.spans[3 * count : 6 * count]
        self.along_first, self.along_second = self.spans[:count], self.spans[3 * count : 4 * count]
        self.between_starts, self.between = self.spans[4 * count : 5 * count], self.spans[6 * count :]
        self.product, self.direction = np.empty((3 * count, 4)), np.empty((count, 4))
        self.squares = np.empty((count, 4))
        self.each, self.ones = np.empty((rows, 4)), np.ones(4)
        self.scalars = np.empty(3 * count)
        self.b, self.c, self.f = self.scalars.reshape(3, count)
