"""A plan that satisfies a temporal-logic task as well as possible and never its opposite: a search of fixed size.

The sampling backup of STL neural predictive control (Meng and Fan, RA-L 2023, arXiv 2309.05131): candidates are judged
together by the exact robustness of the formula on the motion they lead to, the best one is executed for one step, and
the search repeats. Where the paper continues every candidate with the network, these continue with resolved-rate motion
towards the goal (Whitney, 1969, damped as by Wampler, 1986), directly or around what is in the way: what made the
policy fail must not make its backup fail.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from policy_nodes.errors import ConfigError
from policy_nodes.safety.backup_config import StlMpcConfig
from policy_nodes.safety.filter.model import FilterModel
from policy_nodes.safety.filter.points import Places
from policy_nodes.safety.limits import Array, Limits
from policy_nodes.safety.stl.offline import robustness
from policy_nodes.safety.stl.parser import parse

SIGNALS = ("reach", "clear", "inside")
DAMPING = 0.05
"""Of the inverse kinematics, m: joint speed stays bounded near singularities."""
NUDGED = 3
"""Steps at the beginning of a plan in which single joints are also tried faster and slower."""


@dataclass(frozen=True)
class Plan:
    """Joint velocities (steps, n), rad/s, and the robustness of both formulas on the motion they lead to."""

    velocities: Array
    safe: float
    task: float


class StlSearch:
    """Plans for one arm; at most :attr:`candidates` plans are judged per call.

    Args:
        settings: goal, formulas and size.
        model: the arm and its barriers.
        limits: position limits of the command vector (n,).

    Raises:
        ConfigError: the link is unknown, or a formula is not valid in the signals that it may use.
    """

    def __init__(self, settings: StlMpcConfig, model: FilterModel, limits: Limits) -> None:
        self._settings, self._model, self._limits = settings, model, limits
        kinematics = model.kinematics
        if settings.link not in kinematics.names:
            known = ", ".join(kinematics.names)
            raise ConfigError(f"backups.stl_mpc: there is no link '{settings.link}'.", f"use one of {known}.")
        self._link = kinematics.names.index(settings.link)
        self._point = np.array([*settings.point, 1.0])
        self._joints = np.flatnonzero(kinematics.carried_by(self._link))
        if not self._joints.size:
            raise ConfigError(f"backups.stl_mpc: no joint moves the link '{settings.link}'.", "name the tool's link.")
        moved = [joint for k in self._joints if (joint := kinematics.joint(int(k))) is not None]
        self._links = np.array([link for link, _, _ in moved])
        self._axes = np.array([axis for _, axis, _ in moved])[:, :, None]
        self._turns = np.array([turns for _, _, turns in moved])[:, None]
        self._safe = parse(settings.safe, SIGNALS, settings.step_s)
        self._task = parse(settings.task, SIGNALS, settings.step_s)
        self.candidates = 2 * (1 + settings.detours) + 2 * len(self._joints) + 2
        """Most plans judged in one call."""

    def plan(self, joints: Array, places: Places, goal: Array, last: Plan | None = None) -> Plan | None:
        """The best plan from rest or motion at ``joints`` (n,), or None if every candidate violates ``safe``.

        Args:
            joints: command vector.
            places: of moving obstacles.
            goal: (3,) of the tool, base frame, m.
            last: what was planned one step ago; its remainder is a candidate.
        """
        velocities = self._candidates(joints, goal, last)
        positions = np.concatenate([np.zeros_like(velocities[:, :1]), velocities.cumsum(axis=1)], axis=1)
        positions = joints + self._settings.step_s * positions
        safe, task, reach = self._judge(positions, places, goal)
        margin = self._settings.margin
        allowed = safe > (margin if (safe > margin).any() else 0.0)
        if not allowed.any():
            return None
        done = allowed & (task > margin)
        # Of plans that satisfy the task the one that is there first, otherwise the one that comes nearest to it.
        key = np.where(done, -reach.mean(axis=0), -np.inf) if done.any() else np.where(allowed, task, -np.inf)
        best = int(key.argmax())
        return Plan(velocities[best], float(safe[best]), float(task[best]))

    def satisfied(self, joints: Array, places: Places, goal: Array) -> bool:
        """Whether the task holds where the arm is, ``joints`` (n,), by the margin."""
        return bool(self._judge(joints[None, None], places, goal)[1][0] > self._settings.margin)

    def _judge(self, positions: Array, places: Places, goal: Array) -> tuple[Array, Array, Array]:
        """Robustness (N,) of both formulas, and ``reach`` (T, N), for motions (N, T, n)."""
        count, length, size = positions.shape
        flat = positions.reshape(-1, size)
        clear = self._model.distances(flat, places).min(axis=1)
        inside = np.minimum(flat - self._limits.low, self._limits.high - flat)[:, self._joints].min(axis=1)
        reach = np.linalg.norm(self._tool(self._model.kinematics.frames_of(flat)) - goal, axis=1)
        trace = {
            name: np.ascontiguousarray(values.reshape(count, length).T)
            for name, values in zip(SIGNALS, (reach, clear, inside), strict=True)
        }
        return robustness(self._safe, trace)[0], robustness(self._task, trace)[0], trace["reach"]

    def _tool(self, frames: Array) -> Array:
        """Position (N, 3) of the tool in frames (N, L, 4, 4)."""
        found: Array = frames[:, self._link, :3] @ self._point
        return found

    def _candidates(self, joints: Array, goal: Array, last: Plan | None) -> Array:
        """Joint velocities (N, steps, n), each within ``speed``."""
        guides = self._guides(joints, goal)
        nudges = np.repeat(guides[:1], 2 * len(self._joints), axis=0)
        for k, joint in enumerate(self._joints):
            nudges[2 * k, :NUDGED, joint] += self._settings.speed
            nudges[2 * k + 1, :NUDGED, joint] -= self._settings.speed
        rest = np.zeros_like(guides[:1])
        known = [] if last is None else [np.concatenate([last.velocities[1:], rest[0, :1]])[None]]
        found: Array = np.concatenate([guides, 0.5 * guides, nudges, rest, *known])
        return np.clip(found, -self._settings.speed, self._settings.speed)

    def _guides(self, joints: Array, goal: Array) -> Array:
        """Resolved-rate motions (1 + detours, steps, n) to the goal: straight, and by points beside that way."""
        settings, kinematics = self._settings, self._model.kinematics
        count = 1 + settings.detours
        q = np.repeat(joints[None], count, axis=0)
        start = self._tool(kinematics.frames_of(joints[None]))[0]
        via = np.repeat(goal[None], count, axis=0)
        via[1:] = 0.5 * (start + goal) + settings.detour * _around(goal - start, settings.detours)
        found = np.zeros((count, settings.steps, joints.size))
        for step in range(settings.steps):
            frames = kinematics.frames_of(q)
            tool = self._tool(frames)
            target = via if 2 * step < settings.steps else goal
            found[:, step] = self._towards(frames, tool, target - tool)
            q = q + settings.step_s * found[:, step]
        return found

    def _towards(self, frames: Array, tool: Array, way: Array) -> Array:
        """Joint velocities (N, n) that take the tool along ``way`` (N, 3) within one step, or at ``speed``."""
        settings, carriers = self._settings, frames[:, self._links]
        axes = (carriers[:, :, :3, :3] @ self._axes)[..., 0]
        columns = np.where(self._turns, np.cross(axes, tool[:, None] - carriers[:, :, :3, 3]), axes)  # (N, J, 3)
        square = columns.transpose(0, 2, 1) @ columns + DAMPING**2 * np.eye(3)
        moved = (columns @ np.linalg.solve(square, way[:, :, None]))[..., 0] / settings.step_s
        fastest = np.abs(moved).max(axis=1, keepdims=True)
        velocities = np.zeros((len(frames), self._limits.low.size))
        velocities[:, self._joints] = moved * np.minimum(1.0, settings.speed / np.maximum(fastest, 1e-9))
        return velocities


def _around(way: Array, count: int) -> Array:
    """Unit vectors (count, 3), evenly spread around a direction (3,)."""
    along = way / max(float(np.linalg.norm(way)), 1e-9)
    aside = np.cross(along, np.eye(3)[int(np.abs(along).argmin())])
    aside = aside / max(float(np.linalg.norm(aside)), 1e-9)
    angle = np.linspace(0.0, 2.0 * np.pi, count, endpoint=False)[:, None]
    found: Array = np.cos(angle) * aside + np.sin(angle) * np.cross(along, aside)
    return found
