"""Slower near contact and near singularities, as MoveIt Servo scales its commands.

Near contact the scale falls exponentially from 1 at a threshold to 0.001 at the barrier. Near a singularity it falls
linearly with the condition number of the tool's Jacobian while the motion leads towards the singularity, and over a
wider span while it leads away, so that an arm can leave where it could not go on. Directions are kept: all joints have
one scale. (MoveIt 2, ``moveit_servo``: ``collision_monitor.cpp`` and ``utils/common.cpp``, read as of 2026.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from policy_nodes.errors import ConfigError
from policy_nodes.safety.filter.config import PairConfig, SlowdownConfig
from policy_nodes.safety.filter.model import FilterModel
from policy_nodes.safety.filter.points import Places
from policy_nodes.safety.kinematics import Kinematics
from policy_nodes.safety.limits import Array

AT_CONTACT = 1e-3
"""Scale at the barrier itself."""
PROBE = 1e-2
"""Step of the tool (m, rad) that tells whether the singular direction leads towards the singularity."""


def collision_scale(distance: float, threshold: float) -> float:
    """Share of the speed at ``distance`` (m): 1 from ``threshold`` (m) on, 0.001 at contact, 0 beyond."""
    if distance <= 0.0:
        return 0.0
    return min(1.0, math.exp(-math.log(AT_CONTACT) / threshold * (distance - threshold)))


def singularity_scale(condition: float, leaving: bool, lower: float, upper: float, leaving_factor: float) -> float:
    """Share of the speed at a condition number: 1 up to ``lower``, 0 from ``upper`` on, linear between.

    ``leaving`` stretches the span from ``lower`` to ``upper`` by ``leaving_factor``.
    """
    span = (upper - lower) * (leaving_factor if leaving else 1.0)
    return float(np.clip(1.0 - (condition - lower) / span, 0.0, 1.0))


class Slowdown:
    """Scale of the speed at a configuration for a direction of motion.

    Args:
        config: section ``filter.slowdown``.
        model: the arm and what it must stay clear of.
        pairs: section ``filter.pairs``: the distances of the arm from itself.

    Raises:
        ConfigError: fewer than six joints move the tool, so that every configuration is singular.
    """

    def __init__(self, config: SlowdownConfig, model: FilterModel, pairs: Sequence[PairConfig] = ()) -> None:
        self._config, self._model = config, model
        self._link = model.kinematics.names.index(config.link)
        self._point = np.array(config.point)
        joints = int(np.count_nonzero(model.kinematics.carried_by(self._link)))
        if joints < 6:
            raise ConfigError(
                f"filter.slowdown: {joints} joints move '{config.link}', six are needed to tell a singularity.",
                "remove the section, or name the tool's link.",
            )
        itself = {f"{pair.first} clear of {pair.second}" for pair in pairs}
        names = [name for barrier in model.barriers for name in barrier.names]
        self._thresholds = [config.self_distance if name in itself else config.scene_distance for name in names]

    def scale(self, joints: Array, step: Array, places: Places) -> float:
        """Share (0 to 1) of its speed that a motion along ``step`` (n,) may have at ``joints`` (n,).

        Raises:
            KeyError: a moving obstacle has no place.
        """
        return min(self._by_distance(joints, places), self._by_condition(joints, step))

    def _by_distance(self, joints: Array, places: Places) -> float:
        distances = self._model.distances(joints[None], places)[0].tolist()
        # Joint limits come last and have no threshold: the limiter brakes for them.
        pairs = zip(distances, self._thresholds, strict=False)
        return min((collision_scale(left, threshold) for left, threshold in pairs if left < threshold), default=1.0)

    def _by_condition(self, joints: Array, step: Array) -> float:
        config = self._config
        jacobian = self._jacobian(joints)
        left, values, _ = np.linalg.svd(jacobian)
        condition = _condition(values)
        if condition <= config.singularity_lower:
            return 1.0
        direction = left[:, -1]
        probed = joints + np.linalg.pinv(jacobian) @ (PROBE * direction)
        if _condition(np.linalg.svd(self._jacobian(probed), compute_uv=False)) < condition:
            direction = -direction
        leaving = bool(direction @ (jacobian @ step) < 0.0)
        return singularity_scale(
            condition, leaving, config.singularity_lower, config.singularity_upper, config.leaving_factor
        )

    def _jacobian(self, joints: Array) -> Array:
        return jacobian(self._model.kinematics, joints, self._link, self._point)


def jacobian(arm: Kinematics, joints: Array, link: int, point: Array) -> Array:
    """Geometric Jacobian (6, n) of ``point`` (3,) on link ``link``: linear (m) over angular (rad), base frame."""
    frames = arm.frames(joints)
    place = frames[link, :3, :3] @ point + frames[link, :3, 3]
    found = np.zeros((6, joints.size))
    for column in np.flatnonzero(arm.carried_by(link)):
        moved = arm.joint(int(column))
        assert moved is not None
        index, axis, turns = moved
        along = frames[index, :3, :3] @ axis
        found[:3, column] = np.cross(along, place - frames[index, :3, 3]) if turns else along
        found[3:, column] = along if turns else 0.0
    return found


def _condition(values: NDArray[np.floating]) -> float:
    return float(values[0] / max(float(values[-1]), 1e-12))
