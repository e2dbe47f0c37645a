"""Reads a simulated robot through a contract: the same terms, by the same topics, as over ROS 2."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from policy_nodes.bundle.manifest import ObservationFeature, ObservationTerm
from policy_nodes.errors import ContractError

_OBJECT_POSE = re.compile(r"^/objects/([A-Za-z0-9_]+)/pose$")
_JOINT_FIELDS = ("position", "velocity", "effort")


class World(Protocol):
    """The part of a simulated robot that observation terms can refer to."""

    joint_names: tuple[str, ...]

    def joint_state(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Position, velocity and effort, each (n,)."""

    def object_poses(self) -> dict[str, NDArray[np.float64]]:
        """Poses (7,), xyz and quat_xyzw, by object name."""


def read_term(world: World, term: ObservationTerm) -> NDArray[np.float64]:
    """Raw value of one contract term, (term.size,).

    Raises:
        ContractError: the simulated robot has no such topic, joint or field.
    """
    fix = "use the simulator that the contract was written for."
    if term.topic == "/joint_states" and term.field in _JOINT_FIELDS:
        missing = [joint for joint in term.axes if joint not in world.joint_names]
        if missing:
            raise ContractError(f"term '{term.name}': the simulated robot has no joint {', '.join(missing)}.", fix)
        values = world.joint_state()[_JOINT_FIELDS.index(term.field)]
        return values[[world.joint_names.index(joint) for joint in term.axes]]
    if term.message_type == "std_msgs/msg/Float64MultiArray":
        return _read_vector(world, term, fix)
    if term.message_type == "geometry_msgs/msg/WrenchStamped":
        return _read_wrench(world, term, fix)
    match = _OBJECT_POSE.match(term.topic)
    poses = world.object_poses()
    if match is None or match.group(1) not in poses:
        raise ContractError(f"term '{term.name}': the simulated robot does not publish '{term.topic}'.", fix)
    pose = poses[match.group(1)]
    return pose[:3] if term.field == "pose.position" else pose


def _read_vector(world: World, term: ObservationTerm, fix: str) -> NDArray[np.float64]:
    vectors: dict[str, NDArray[np.float64]] = getattr(world, "vectors", dict)()
    if term.topic not in vectors:
        raise ContractError(f"term '{term.name}': the simulated robot does not publish '{term.topic}'.", fix)
    value = vectors[term.topic]
    if value.shape != (term.size,):
        raise ContractError(f"term '{term.name}': '{term.topic}' has {value.size} values, not {term.size}.", fix)
    return value


def _read_wrench(world: World, term: ObservationTerm, fix: str) -> NDArray[np.float64]:
    wrenches: dict[str, NDArray[np.float64]] = getattr(world, "wrenches", dict)()
    if term.topic not in wrenches:
        raise ContractError(f"term '{term.name}': the simulated robot does not publish '{term.topic}'.", fix)
    wrench = wrenches[term.topic]
    return wrench[:3] if term.field == "force" else wrench[3:]


def read_features(world: World, features: Sequence[ObservationFeature]) -> dict[str, NDArray[np.float32]]:
    """Current value of every feature, (feature.size,) float32, terms concatenated in contract order."""
    return {
        feature.name: np.concatenate([read_term(world, term) for term in feature.terms]).astype(np.float32)
        for feature in features
    }
