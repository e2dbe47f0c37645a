"""Builds kinematics and barriers from the configuration and evaluates them for one command vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from policy_nodes.bundle.manifest import ObservationTerm
from policy_nodes.errors import ConfigError
from policy_nodes.safety.filter.barriers import (
    Barrier,
    Clearance,
    JointRange,
    Pair,
    Planes,
    Solid,
    ToolBox,
    separation,
)
from policy_nodes.safety.filter.config import BodyConfig, FilterConfig, HumanConfig, ObstacleConfig, PlaneConfig
from policy_nodes.safety.filter.points import SCENE, Places, TrackedPoints
from policy_nodes.safety.kinematics import Kinematics
from policy_nodes.safety.limits import Array, Limits

SAMPLES, STARTS, STEPS = 200, 5, 60
"""Of the search for a configuration that satisfies every barrier."""
FAR_AWAY = 1e3
"""Where moving obstacles are taken to be while the configuration is checked, m."""


@dataclass(frozen=True)
class Rows:
    """All barrier rows at one configuration: values (m,) and gradients (m, n) by the command vector."""

    value: Array
    gradient: Array


class FilterModel:
    """The arm and everything it must stay clear of.

    Args:
        config: section ``filter``.
        joints: names of the command vector.
        limits: their limits.
        check: look for contradictions; off where geometry is only being collected.

    Raises:
        ConfigError: the chain does not fit the joints, or the barriers contradict each other: a search finds no
            configuration that satisfies all of them.
    """

    def __init__(self, config: FilterConfig, joints: Sequence[str], limits: Limits, check: bool = True) -> None:
        self.kinematics = Kinematics(config.chain, joints)
        self.moving: dict[str, str] = {}
        """Observation term by moving obstacle."""
        self._links: list[int] = []
        self._places: list[Array] = []
        self._followed: dict[str, list[tuple[int, Array]]] = {}
        self._travel = limits.high - limits.low
        self._range = self._joint_range(config, joints, limits)
        self.barriers = self._barriers(config)
        if not self.barriers and self._range is None:
            raise ConfigError("filter: nothing is configured to stay clear of.", "name a workspace, pair or obstacle.")
        first = np.concatenate([np.empty(0, np.int64), *[barrier.first for barrier in self.barriers]])
        second = np.concatenate([np.empty(0, np.int64), *[barrier.second for barrier in self.barriers]])
        self.points = TrackedPoints(self.kinematics, self._links, self._places, self._followed, first, second)
        ranged = [] if self._range is None else self._range.labels
        self.labels = [label for barrier in self.barriers for label in barrier.labels] + ranged
        none = np.zeros((len(ranged), len(self.kinematics.names)))
        self.curvature = np.concatenate([*[barrier.curvature for barrier in self.barriers], none])
        self.reaction_s = np.concatenate([*[b.reaction_s for b in self.barriers], np.zeros(len(ranged))])
        self.names = [name for barrier in self.barriers for name in barrier.names] + ranged
        """(k,) of :meth:`distances`."""
        mobile = np.concatenate([barrier.lipschitz for barrier in self.barriers] or [none[:0]])
        self._reaction = np.concatenate([*[barrier.reaction for barrier in self.barriers], np.zeros(len(ranged))])
        self._reacts = bool(self._reaction.any())
        within = np.zeros((0, limits.low.size)) if self._range is None else np.abs(self._range.gradient)
        self._lipschitz = np.concatenate([mobile @ self.kinematics.selection, within])
        self._allocate(limits.low.size, len(ranged))
        if check:
            self._refuse_contradictions(limits)

    def distances(self, joints: Array, places: Places) -> Array:
        """Distances (T, k) from every barrier for T command vectors ``joints`` (T, n), without gradients.

        Raises:
            KeyError: a moving obstacle has no place.
        """
        position = self.points.paths(joints, places)
        parts = [barrier.distances(position) for barrier in self.barriers]
        if self._range is not None:
            parts.append(self._range.value(joints))
        return np.concatenate(parts, axis=1)

    def motion_of(self, moved: Array) -> Array:
        """By how much each distance can change at most (..., k) when the joints move by ``moved`` (..., n) >= 0."""
        found: Array = moved @ self._lipschitz.T
        return found

    def reacting(self, velocity: Array) -> Array:
        """What the arm may lose of each distance (k,) at ``velocity`` (n,) before a stop begins: ``v_r T_r``, m."""
        found: Array = self._reaction * self.motion_of(np.abs(velocity))
        return found

    def _allocate(self, size: int, ranged: int) -> None:
        """Buffers of :meth:`evaluate`, with what never changes already in them."""
        self._value = np.empty(len(self.labels))
        self._gradient = np.empty((len(self.labels), size))
        geometric = len(self.labels) - ranged
        directions = np.empty((geometric, 3))
        self._parts: list[tuple[Barrier, Array, Array]] = []
        owner, done, distances = [], 0, 0
        for barrier in self.barriers:
            part = slice(done, done + len(barrier.labels))
            directions[part] = barrier.directions
            self._parts.append((barrier, self._value[part], directions[part]))
            owner.append(barrier.owner + distances)
            done, distances = part.stop, distances + len(barrier.names)
        if self._range is not None:
            self._gradient[done:] = self._range.gradient
            owner.append(np.arange(ranged) + distances)
        self._directions, self._moved, self._ranged = directions, self._gradient[:done], self._value[done:]
        of = np.concatenate(owner)
        self._row_lipschitz, self._row_reaction = self._lipschitz[of], self._reaction[of]
        self._rows = Rows(self._value, self._gradient)
        self._placed_at = self._differentiated_at = b""

    def values(self, joints: Array, places: Places) -> Array:
        """Values (m,) of every row at the command vector ``joints`` (n,); the model's own array, see :meth:`evaluate`.

        What was asked last is remembered: filter and recoverability ask about the same configuration in one period.

        Raises:
            KeyError: a moving obstacle has no place.
        """
        key = joints.tobytes()
        for name in self.moving:
            key += places[name].tobytes()
        if key != self._placed_at:
            self._placed_at = b""
            position = self.points.place(joints, places)
            for barrier, value, directions in self._parts:
                barrier.normals(position, value, directions)
            if self._range is not None:
                self._ranged[:] = self._range.value(joints)
            self._placed_at = key
        return self._value

    def evaluate(self, joints: Array, places: Places) -> Rows:
        """Values and gradients of every barrier at the command vector ``joints`` (n,).

        The arrays are the model's own and are overwritten by its next evaluation; :meth:`rows` gives copies.

        Raises:
            KeyError: a moving obstacle has no place.
        """
        self.values(joints, places)
        if self._differentiated_at != self._placed_at:
            self.points.differentiate(self._directions, self._moved)
            self._differentiated_at = self._placed_at
        return self._rows

    def rows(self, joints: Array, places: Places) -> Rows:
        """Copies of what :meth:`evaluate` finds."""
        found = self.evaluate(joints, places)
        return Rows(found.value.copy(), found.gradient.copy())

    def blocked(self, joints: Array) -> str | None:
        """Barrier and amount by which ``joints`` (n,) violates it even with moving obstacles far away, or None."""
        value = self.distances(joints[None], {name: np.full(3, FAR_AWAY) for name in self.moving})[0]
        worst = int(value.argmin())
        return None if value[worst] >= 0.0 else f"'{self.names[worst]}' is violated there by {-value[worst]:.3f}"

    def stays_clear(self, joints: Array, places: Places, moved: Array, velocity: Array) -> bool:
        """Whether nothing can be touched when every joint moves by at most ``moved`` (n,) from ``joints`` (n,).

        Args:
            joints: command vector.
            places: of moving obstacles.
            moved: largest displacement of each joint, >= 0.
            velocity: (n,) at which the arm goes on before a stop begins; see :meth:`reacting`.
        """
        left = self.values(joints, places) - self._row_lipschitz @ moved
        if self._reacts:
            left -= self._row_reaction * (self._row_lipschitz @ np.abs(velocity))
        return bool(left[left.argmin()] >= 0.0)

    def check_terms(
        self, terms: Sequence[ObservationTerm], frame_id: str | None, others: Mapping[str, str] | None = None
    ) -> None:
        """Whether the observation terms that obstacles come from, and ``others``, are positions in the base frame.

        Raises:
            ConfigError: a term is missing, has fewer than three elements, is not in metres, or in another frame.
        """
        known = {term.name: term for term in terms}
        for obstacle, name in {**self.moving, **(others or {})}.items():
            term = known.get(name)
            if term is None:
                raise ConfigError(f"filter: '{obstacle}' needs the unknown observation term '{name}'.", "name a term.")
            if term.size < 3 or list(term.unit[:3]) != ["m"] * 3:
                raise ConfigError(f"filter: the term '{name}' does not begin with a position in m.", "name another.")
            if frame_id is not None and term.frame_id != frame_id:
                raise ConfigError(f"filter: '{name}' is in frame '{term.frame_id}', not '{frame_id}'.", "transform it.")

    def _point(self, link: int, place: Sequence[float] | Array) -> int:
        self._links.append(link)
        self._places.append(np.array(place, dtype=np.float64))
        return len(self._links) - 1

    def _on_link(self, name: str, local: Sequence[float]) -> tuple[int, Array, Array]:
        link, arm, place = self.kinematics.names.index(name), self.kinematics, np.array(local)
        return self._point(link, local), arm.levers(link, place, self._travel), arm.rates(link, place, self._travel)

    def _body(self, body: BodyConfig) -> Solid:
        points = [self._on_link(body.link, local) for local in (body.start, body.end) if local is not None]
        levers = np.max([each for _, each, _ in points], axis=0)
        rates = np.max([each for _, _, each in points], axis=0)
        length = 0.0 if body.end is None else float(np.linalg.norm(np.array(body.end) - np.array(body.start)))
        return Solid(body.name, tuple(index for index, _, _ in points), body.radius, levers, rates, length)

    def _obstacle(self, obstacle: ObstacleConfig) -> Solid:
        offsets = [np.zeros(3)] + ([] if obstacle.end is None else [np.array(obstacle.end)])
        start = np.zeros(3) if obstacle.position is None else np.array(obstacle.position)
        ends = [self._point(SCENE, start + offset) for offset in offsets]
        if obstacle.term is not None:
            self.moving[obstacle.name] = obstacle.term
            self._followed[obstacle.name] = list(zip(ends, offsets, strict=True))
        still = np.zeros(len(self.kinematics.names))
        return Solid(obstacle.name, tuple(ends), obstacle.radius, still, still, float(np.linalg.norm(offsets[-1])))

    def _joint_range(self, config: FilterConfig, joints: Sequence[str], limits: Limits) -> JointRange | None:
        if config.joint_margin is None:
            return None
        low, high = limits.low + config.joint_margin, limits.high - config.joint_margin
        if np.any(low >= high):
            raise ConfigError("filter: joint_margin leaves a joint no range.", "make it smaller.")
        return JointRange(joints, low, high)

    def _barriers(self, config: FilterConfig) -> list[Barrier]:
        made: list[Barrier] = []
        if config.workspace is not None:
            box = config.workspace
            point, levers, rates = self._on_link(box.link, box.point)
            origin = self._point(SCENE, np.zeros(3))
            made.append(ToolBox(point, origin, np.array(box.minimum), np.array(box.maximum), levers, rates))
        bodies = {body.name: self._body(body) for body in config.bodies}
        if config.planes:
            made.append(self._planes(config, bodies))
        pairs = self._pairs(config, bodies)
        return [*made, Clearance(pairs)] if pairs else made

    def _planes(self, config: FilterConfig, bodies: Mapping[str, Solid]) -> Planes:
        solids, normals, offsets, names = [], [], [], []
        for plane in config.planes:
            normal = np.array(plane.normal) / np.linalg.norm(plane.normal)
            for solid in _concerned(plane, bodies):
                solids.append(solid)
                normals.append(normal)
                offsets.append(float(normal @ np.array(plane.point)) + plane.margin)
                names.append(plane.name)
        return Planes(solids, np.array(normals), np.array(offsets), names, self._point(SCENE, np.zeros(3)))

    def _pairs(self, config: FilterConfig, bodies: Mapping[str, Solid]) -> list[Pair]:
        pairs = [Pair(bodies[pair.first], bodies[pair.second], pair.margin) for pair in config.pairs]
        for obstacle in [*config.obstacles, *config.humans]:
            concerned = _concerned(obstacle, bodies)
            solid = self._obstacle(obstacle)
            if isinstance(obstacle, HumanConfig):
                pairs += [separation(body, solid, obstacle) for body in concerned]
            else:
                pairs += [Pair(body, solid, obstacle.margin) for body in concerned]
        return pairs

    def _refuse_contradictions(self, limits: Limits) -> None:
        """Look for a configuration that satisfies every barrier: random ones, the best of them improved row by row."""
        far = {name: np.full(3, FAR_AWAY) for name in self.moving}
        rng = np.random.default_rng(0)
        samples = [rng.uniform(limits.low, limits.high) for _ in range(SAMPLES)]
        samples.sort(key=lambda joints: -float(self.rows(joints, far).value.min()))
        best, label = -np.inf, ""
        for joints in samples[:STARTS]:
            for _ in range(STEPS):
                rows = self.rows(joints, far)
                worst = int(rows.value.argmin())
                if rows.value[worst] > best:
                    best, label = float(rows.value[worst]), self.labels[worst]
                if best >= 0.0:
                    return
                slope = rows.gradient[worst]
                move = slope * (0.01 - rows.value[worst]) / max(float(slope @ slope), 1e-6)
                joints = np.clip(joints + np.clip(move, -0.2, 0.2), limits.low, limits.high)
        cause = f"filter: no configuration satisfies every barrier; at best '{label}' is violated by {-best:.3f}"
        raise ConfigError(f"{cause}.", "check geometry, margins and the order of the chain.")


def _concerned(item: ObstacleConfig | PlaneConfig, bodies: Mapping[str, Solid]) -> list[Solid]:
    """The bodies that must stay clear of an obstacle or plane.

    Raises:
        ConfigError: there is none.
    """
    concerned = [bodies[name] for name in item.bodies] or list(bodies.values())
    if not concerned:
        raise ConfigError(f"filter: no body can stay clear of '{item.name}'.", "describe the arm in 'bodies'.")
    return concerned
