"""Finds the next push by trying pushes in a copy of the world: shooting over contact points, directions and lengths.

Push-T is quasi-static (the space is fully damped), so a push is described by where it touches the block, in which
direction and how far. Every candidate is simulated with gym-pusht's own physics; the one after which the block's
corners lie nearest to the goal's is executed. A plain form of sampling-based model-predictive control.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

CORNERS = np.array([[-60, 0], [60, 0], [60, 30], [15, 30], [15, 120], [-15, 120], [-15, 30], [-60, 30]], float)
"""Corners of the T in the block's frame (px), in order round it."""
RADIUS = 15.0
"""Of the pusher (px)."""
CLEARANCE = 8.0
"""Between pusher and block before a push (px)."""
STRIDES = (3.0, 7.0, 14.0)
"""How far the pusher's target may run ahead per control period while pushing (px): fine, medium, coarse."""


@dataclass(frozen=True)
class Push:
    """A straight push from ``start`` in unit ``direction``: ``stride`` px per control period, for ``steps`` of them."""

    start: Array
    direction: Array
    stride: float
    steps: int
    cost: float


def to_table(points: Array, position: Array, angle: float) -> Array:
    """Points (N, 2) of the block's frame in the table's."""
    c, s = np.cos(angle), np.sin(angle)
    return points @ np.array([[c, s], [-s, c]]) + position


def pose_cost(position: Array, angle: float, goal: Array) -> float:
    """Mean distance (px) between the block's corners and the goal's."""
    wanted = to_table(CORNERS, goal[:2], float(goal[2]))
    return float(np.linalg.norm(to_table(CORNERS, position, angle) - wanted, axis=1).mean())


def gap(point: Array, corners: Array) -> float:
    """Distance (px) from a point to the nearest edge of a polygon with these corners (N, 2)."""
    along = np.roll(corners, -1, axis=0) - corners
    offset = point - corners
    where = np.clip((offset * along).sum(axis=1) / (along * along).sum(axis=1), 0.0, 1.0)
    return float(np.linalg.norm(offset - where[:, None] * along, axis=1).min())


def contact_points(spacing: float = 15.0) -> tuple[Array, Array]:
    """Points (N, 2) along the T's outline and their outward normals, in the block's frame."""
    points, normals = [], []
    for first, second in zip(CORNERS, np.roll(CORNERS, -1, axis=0), strict=True):
        along = second - first
        length = float(np.linalg.norm(along))
        count = max(1, round(length / spacing))
        for share in (np.arange(count) + 0.5) / count:
            points.append(first + share * along)
            normals.append(np.array([along[1], -along[0]]) / length)
    return np.array(points), np.array(normals)


def place(environment: Any, pusher: Array, position: Array, angle: float) -> None:
    """Put pusher and block of a gym-pusht environment somewhere, at rest.

    Not with its ``reset_to_state``, which turns the block about its centre of gravity after it has placed it.

    Args:
        environment: already reset once.
        pusher: (2,) px; ``position``: (2,) of the block, px; ``angle``: of the block, rad.
    """
    agent, block = environment.agent, environment.block
    agent.position, agent.velocity = tuple(pusher), (0.0, 0.0)
    block.angle, block.angular_velocity, block.velocity = angle, 0.0, (0.0, 0.0)
    block.position = tuple(position)
    for body in (agent, block):
        environment.space.reindex_shapes_for_body(body)


def advance(environment: Any, target: tuple[float, float]) -> None:
    """One control period of a gym-pusht environment towards ``target`` (px): its ``step`` without reward.

    Measuring the covered area takes most of that ``step``'s time.
    """
    agent, space, dt = environment.agent, environment.space, environment.dt
    stiffness, damping = environment.k_p, environment.k_v
    goal_x, goal_y = target
    for _ in range(int(1 / (dt * environment.control_hz))):
        (x, y), (vx, vy) = agent.position, agent.velocity
        agent.velocity = (
            vx + (stiffness * (goal_x - x) - damping * vx) * dt,
            vy + (stiffness * (goal_y - y) - damping * vy) * dt,
        )
        space.step(dt)


class PushPlanner:
    """Chooses pushes.

    Args:
        environment: a gym-pusht environment of its own, to try pushes in.
        candidates: pushes tried per decision.
        longest: control periods of the longest push.
    """

    def __init__(self, environment: Any, candidates: int = 120, longest: int = 9) -> None:
        self.environment, self.candidates, self.longest = environment, candidates, longest
        self._points, self._normals = contact_points()
        environment.reset(seed=0)
        # gym-pusht's handler counts contacts of type 0 for its info; the callback into Python costs as much as physics.
        for shape in environment.space.shapes:
            shape.collision_type = 1

    def plan(self, position: Array, angle: float, goal: Array, rng: np.random.Generator) -> Push | None:
        """The best push found, or None when none brings the block nearer to the goal.

        Args:
            position: (2,) of the block (px); ``angle``: of the block (rad).
            goal: (3,) x, y (px) and angle (rad).
            rng: source of the candidates.
        """
        best, least = None, pose_cost(position, angle, goal) - 0.2
        for _ in range(self.candidates):
            index, tilt = rng.integers(len(self._points)), rng.uniform(-0.6, 0.6)
            outward = to_table(self._normals[index : index + 1], np.zeros(2), angle)[0]
            c, s = np.cos(tilt), np.sin(tilt)
            direction = -np.array([c * outward[0] - s * outward[1], s * outward[0] + c * outward[1]])
            contact = to_table(self._points[index : index + 1], position, angle)[0]
            start = contact - direction * (RADIUS + CLEARANCE)
            inside = ((start > RADIUS) & (start < 512.0 - RADIUS)).all()
            if not inside or gap(start, to_table(CORNERS, position, angle)) < RADIUS + 0.6 * CLEARANCE:
                continue
            stride = float(rng.choice(STRIDES))
            costs = self._try(start, stride * direction, position, angle, goal)
            steps = int(np.argmin(costs)) + 1
            if costs[steps - 1] < least:
                best, least = Push(start, direction, stride, steps, costs[steps - 1]), costs[steps - 1]
        return best

    def _try(self, start: Array, stride: Array, position: Array, angle: float, goal: Array) -> list[float]:
        """Cost after every control period of a push, in the copy."""
        environment = self.environment
        place(environment, start, position, angle)
        block, costs = environment.block, []
        for step in range(1, self.longest + 1):
            advance(environment, tuple(start + stride * step))
            costs.append(pose_cost(np.array(block.position), float(block.angle), goal))
        return costs
