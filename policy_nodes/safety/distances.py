"""How far what is asked of the robot may be from where it is, and when it counts as at rest."""

from __future__ import annotations

import numpy as np

from policy_nodes.safety.config import SafetyConfig
from policy_nodes.safety.limits import Array
from policy_nodes.safety.reasons import Reason
from policy_nodes.safety.watch import Fault


def too_far(config: SafetyConfig, wanted: Array, start: Array) -> Fault | None:
    """A policy's command (n,) that is further than ``max_command_distance`` from where motion would start."""
    return _apart(Reason.COMMAND_FAR_FROM_STATE, config.names, wanted, start, config.max_command_distance)


def tracking_lost(config: SafetyConfig, commanded: Array | None, measured: Array | None) -> list[Fault]:
    """A robot that is further than ``max_tracking_error`` from its command; nothing where one of them is unknown."""
    if commanded is None or measured is None:
        return []
    fault = _apart(Reason.TRACKING_LOST, config.names, commanded, measured, config.max_tracking_error)
    return [] if fault is None else [fault]


def moving_joint(config: SafetyConfig, velocity: Array | None) -> str | None:
    """Name of the fastest joint if it is faster than ``rest_velocity``; None at rest or where nothing is known."""
    if velocity is None or not np.any(np.abs(velocity) > config.rest_velocity):
        return None
    return config.names[int(np.abs(velocity).argmax())]


def _apart(reason: Reason, names: list[str], asked: Array, actual: Array, limit: float) -> Fault | None:
    distance = np.abs(asked - actual)
    worst = int(distance.argmax())
    if distance[worst] <= limit:
        return None
    text = f"'{names[worst]}': asked {asked[worst]:.3f}, is {actual[worst]:.3f}, allowed distance {limit:.3f}"
    return Fault(reason, text)
