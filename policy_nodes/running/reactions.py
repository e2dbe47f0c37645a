"""Judges from the recorded trace how an injected fault was handled. Pure functions of arrays.

Moments, s since the start of the run: *injected* (the operator acts), *observable* (the wire first shows it),
*detected* (control instant whose tick decided to stop), *first backup command* (received from the wire). Limits are
checked as the driver meets them, on finite differences of the commands at the control period.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from policy_nodes.safety.config import SafetyConfig

if TYPE_CHECKING:
    from policy_nodes.running.faults import FaultResult  # which needs ROS; judging does not

Trace = Mapping[str, NDArray[Any]]
REST_SPEED = 0.02
"""Measured joint speed (rad/s, m/s) below which the robot stands."""
END_S = 0.2
"""End of the stop window over which the robot must stand."""
JUMP_M = 0.03
"""Displacement of an object between two samples that no grasp causes."""
TOLERANCE = 1e-6
"""Relative excess of a limit that is rounding of positions in float64."""


@dataclass(frozen=True)
class StopMotion:
    """How the robot stopped.

    Attributes:
        distance: largest travel of a joint from detection to rest (rad or m).
        time_to_rest_s: from detection until every joint stands, None if it never does.
        speed_at_end: largest joint speed over the last 0.2 s of the window.
    """

    distance: float
    time_to_rest_s: float | None
    speed_at_end: float


def observable_at(kind: str, trace: Trace, injected: float, chunk_period_s: float) -> float:
    """Earliest moment at which the wire shows a fault; the injection itself where the trace does not tell.

    Args:
        kind: ``chunk``, ``nan`` or ``jump``, see ``Fault.observable``.
        trace: recorded arrays.
        injected: moment of the injection, s.
        chunk_period_s: time between chunks, s.
    """
    if kind == "chunk":
        arrivals = trace.get("chunk_arrival_t", np.zeros(0))
        before = arrivals[arrivals <= injected]
        return max(injected, float(before[-1]) + chunk_period_s) if before.size else injected
    times = trace.get("object_t", np.zeros(0))
    objects = [trace[key] for key in trace if key.startswith("object_") and key != "object_t"]
    for index in np.flatnonzero(times > injected).tolist():
        for poses in objects:
            now, before = poses[index], poses[max(index - 1, 0)]
            if kind == "nan" and not np.isfinite(now).all():
                return float(times[index])
            if kind == "jump" and float(np.linalg.norm(now[:3] - before[:3])) > JUMP_M:
                return float(times[index])
    return injected


def stop_motion(trace: Trace, detected: float, settled: float) -> StopMotion | None:
    """Measured motion between the detection and the end of the watch (s); None without samples."""
    rows = (trace["joint_t"] >= detected) & (trace["joint_t"] <= settled)
    t, position = trace["joint_t"][rows], trace["joint_position"][rows]
    speed = np.abs(trace["joint_velocity"][rows]).max(axis=1) if rows.any() else np.zeros(0)
    if not speed.size:
        return None
    fast = np.flatnonzero(~(speed < REST_SPEED))
    rest = 0 if not fast.size else int(fast[-1]) + 1
    return StopMotion(
        distance=float(np.abs(position - position[0]).max()),
        time_to_rest_s=float(t[rest] - detected) if rest < len(t) else None,
        speed_at_end=float(speed[t >= t[-1] - END_S].max()),
    )


def limit_use(
    trace: Trace, first: float, until: float, config: SafetyConfig, period_s: float
) -> dict[str, float] | None:
    """Largest share of each limit that the commands of a stop used: velocity, acceleration, jerk, position.

    Differences reach back into the commands before the hand-over, so that the hand-over itself is judged. A share of
    1.0 is the limit; position counts from the middle of the range.

    Args:
        trace: recorded arrays.
        first: time of the first backup command, s.
        until: end of the window, s.
        config: the limits.
        period_s: control period, s.

    Returns:
        None when fewer than four commands are at hand.
    """
    begin = max(int(np.searchsorted(trace["command_t"], first)) - 3, 0)
    end = int(np.searchsorted(trace["command_t"], until, side="right"))
    command = trace["command"][begin:end]
    if len(command) < 4:
        return None
    limits = config.joints
    middle = np.array([(joint.position_min + joint.position_max) / 2 for joint in limits])
    half = np.array([(joint.position_max - joint.position_min) / 2 for joint in limits])
    shares = {"position": np.abs(command - middle) / half}
    for order, name in enumerate(("velocity", "acceleration", "jerk"), start=1):
        bound = np.array([getattr(joint, name) for joint in limits])
        shares[name] = np.abs(np.diff(command, n=order, axis=0)) / period_s**order / bound
    return {name: float(share.max()) for name, share in shares.items()}


def lost_commands(times: NDArray[Any], first: float, until: float, period_s: float) -> int:
    """Commands that are missing from a stop: how many more periods passed than commands were received.

    Between the third command before ``first`` and the last one until ``until``, as :func:`limit_use` looks at them. A
    lost command makes the next one look like a leap.

    Args:
        times: of the received commands, s, ascending.
        first: time of the first backup command, s.
        until: end of the window, s.
        period_s: control period, s.
    """
    begin = max(int(np.searchsorted(times, first)) - 3, 0)
    received = times[begin : int(np.searchsorted(times, until, side="right"))]
    if len(received) < 2:
        return 0
    return max(round(float(received[-1] - received[0]) / period_s) + 1 - len(received), 0)


def fault_record(
    result: FaultResult, trace: Trace, t0_ns: int, period_s: float, chunk_period_s: float, config: SafetyConfig
) -> dict[str, Any]:
    """Everything that ``run.json`` says about one fault.

    ``passed`` needs all of: the right reason, a backup command on the wire, standstill, limits kept, a latched stop,
    and a recovery after reset and enable.
    """
    injected = (result.injected_ns - t0_ns) / 1e9
    record: dict[str, Any] = {
        "name": result.fault.name,
        "description": result.fault.description,
        "t_injected": injected,
        "reason": "",
        "backup": "",
        "stop_category": None,
        "final_state": result.final_state,
        "recovered": result.recovered,
        "passed": False,
    }
    if not result.injected:
        return record | {"description": f"{result.fault.description} (never injected: the moment did not come)"}
    observable = observable_at(result.fault.observable, trace, injected, chunk_period_s)
    record["t_observable"] = observable
    stop = result.stop
    if stop is None:
        return record
    detected, settled = (stop.stamp_ns - t0_ns) / 1e9, (result.settled_ns - t0_ns) / 1e9
    record |= {"t_detected": detected, "reason": stop.reason, "backup": stop.backup}
    record["stop_category"] = int(stop.stop_category) if stop.stop_category else None
    later = trace["command_t"][(trace["command_t"] >= detected) & (trace["command_t"] <= settled)]
    use = None
    if later.size:
        first = float(later[0])
        use = limit_use(trace, first, settled, config, period_s)
        record |= {
            "t_first_backup_command": first,
            "reaction_s": first - observable,
            "reaction_periods": (first - observable) / period_s,
            "since_injection_s": first - injected,
        }
    record["limit_use"] = use
    record["limits_respected"] = use is not None and max(use.values()) <= 1.0 + TOLERANCE
    motion = stop_motion(trace, detected, settled)
    if motion is not None:
        record |= {
            "max_joint_speed_after_s": motion.speed_at_end,
            "stop_distance_rad": motion.distance,
            "time_to_rest_s": motion.time_to_rest_s,
        }
    record["standstill"] = motion is not None and motion.speed_at_end < REST_SPEED
    record["passed"] = bool(
        stop.reason in result.fault.reasons
        and later.size
        and record["standstill"]
        and record["limits_respected"]
        and result.final_state == "STOPPED"
        and result.recovered
    )
    return record
