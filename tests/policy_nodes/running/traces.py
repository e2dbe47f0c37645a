"""A hand-made trace of one joint: motion at 0.5 rad/s, a fault at 1 s, a stop that keeps or breaks its limits."""

from __future__ import annotations

import numpy as np

from policy_nodes.nodes.operator import StateEvent
from policy_nodes.running.faults import FAULTS, FaultResult
from policy_nodes.safety.config import JointLimit, SafetyConfig

PERIOD_S = 0.02
SECOND = 1_000_000_000
CONFIG = SafetyConfig(
    joints=[JointLimit(name="a", position_min=-2.0, position_max=2.0, velocity=1.0, acceleration=5.0, jerk=500.0)]
)


def commands(brake: float = 4.5) -> tuple[np.ndarray, np.ndarray]:
    """Times (N,) and positions (N, 1): 0.5 rad/s until 1.1 s, then a deceleration ``brake`` rad/s^2, then rest."""
    t = np.arange(0.0, 2.0, PERIOD_S)
    velocity, position, values = 0.5, 0.0, []
    for time in t:
        velocity = velocity if time < 1.1 - 1e-9 else max(velocity - brake * PERIOD_S, 0.0)
        position += velocity * PERIOD_S
        values.append(position)
    return t, np.array(values)[:, None]


def trace(brake: float = 4.5, end_speed: float = 0.0) -> dict[str, np.ndarray]:
    """Recorded arrays of the run; joint states at the command's rate."""
    t, position = commands(brake)
    velocity = np.diff(position, axis=0, prepend=position[:1] - 0.01) / PERIOD_S
    velocity[t > 1.8] = end_speed
    cube = np.zeros((len(t), 7))
    cube[:, 6] = 1.0
    return {
        "joint_t": t + 0.001,
        "joint_position": position,
        "joint_velocity": velocity,
        "command_t": t + 0.002,
        "command": position,
        "chunk_arrival_t": np.array([0.6, 0.76, 0.92]),
        "object_t": t,
        "object_cube": cube,
    }


def result(name: str = "policy_stopped", **changes: object) -> FaultResult:
    """What ``run_fault`` saw of that run: injection at 1 s, stop detected at 1.1 s, watched until 1.9 s."""
    reason = FAULTS[name].reasons[0]
    stop = StateEvent(round(1.1 * SECOND), "BACKUP", reason, "jerk_limited_stop", "2")
    events = [StateEvent(round(1.05 * SECOND), "DEGRADED", "CHUNK_LATE"), stop]
    values = {"settled_ns": round(1.9 * SECOND), "events": events, "final_state": "STOPPED", "recovered": True}
    return FaultResult(FAULTS[name], SECOND, **{**values, **changes})  # type: ignore[arg-type]
