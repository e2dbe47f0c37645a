"""Puts a live run on paper: ``run.json`` beside the recorder's ``trace.npz``, in the form that ``keel report`` reads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from policy_nodes.errors import ConfigError
from policy_nodes.running.episodes import EpisodeResult
from policy_nodes.running.faults import FaultResult

LOOPS = {"safety_node": ("tick", "wake-up"), "policy_node": ("latency",)}


def write_results(
    directory: Path,
    *,
    stack: str,
    domain: int,
    control_period_s: float,
    episodes: Sequence[EpisodeResult],
    faults: Sequence[FaultResult],
    diagnostics: Mapping[str, Mapping[str, str]],
) -> dict[str, Any]:
    """Write ``run.json`` and return its content.

    Raises:
        ConfigError: the recorder left no trace.
    """
    trace_path, events_path = directory / "trace.npz", directory / "events.json"
    if not trace_path.is_file() or not events_path.is_file():
        raise ConfigError(
            f"the recorder left no trace in '{directory}'.", "read recorder_node.log in its logs directory."
        )
    recorded = json.loads(events_path.read_text())
    t0 = int(recorded["t0_ns"])
    with np.load(trace_path, allow_pickle=False) as archive:
        trace = {name: archive[name] for name in archive.files}
    results: dict[str, Any] = {
        "stack": stack,
        "domain": domain,
        "control_period_s": control_period_s,
        "episodes": [
            {
                "index": e.index,
                "success": e.success,
                "duration_s": e.duration_s,
                "t_start": (e.start_ns - t0) / 1e9,
                "t_end": (e.end_ns - t0) / 1e9,
                "stopped_by": e.stopped_by,
            }
            for e in episodes
        ],
        "faults": [fault_record(f, trace, t0, control_period_s) for f in faults],
        "events": [{k: e[k] for k in ("t", "state", "reason", "backup")} for e in recorded["events"]],
        "loops": loop_records(diagnostics),
    }
    temporary = directory / ".run.json.tmp"
    temporary.write_text(json.dumps(results, indent=1))
    temporary.replace(directory / "run.json")
    return results


def fault_record(result: FaultResult, trace: Mapping[str, NDArray[Any]], t0: int, period_s: float) -> dict[str, Any]:
    """Times, reason and stop of one fault, read off the recorded trace."""
    injected, observable = (result.injected_ns - t0) / 1e9, (result.observable_ns - t0) / 1e9
    record: dict[str, Any] = {
        "name": result.fault.name,
        "description": result.fault.description,
        "t_injected": injected,
        "t_observable": observable,
        "final_state": result.final_state,
        "recovered": result.recovered,
        "passed": result.passed,
    }
    if result.backup is None:
        return record | {"reason": "", "backup": "", "stop_category": None}
    detected = (result.backup.stamp_ns - t0) / 1e9
    later = trace["command_t"][trace["command_t"] >= detected]
    first_command = float(later[0]) if later.size else None
    category = result.backup.stop_category
    record |= {
        "t_detected": detected,
        "t_first_backup_command": first_command,
        "reason": result.backup.reason,
        "backup": result.backup.backup,
        "stop_category": int(category) if category else None,
    }
    if first_command is not None:
        record["reaction_s"] = first_command - observable
        record["reaction_periods"] = (first_command - observable) / period_s
        record["since_injection_s"] = first_command - injected
    return record | stop_motion(trace, detected)


def stop_motion(trace: Mapping[str, NDArray[Any]], detected: float, span_s: float = 2.0) -> dict[str, float]:
    """Largest joint speed (rad/s) and travel (rad) from the hand-over until the robot rests, at most ``span_s`` later."""
    rows = (trace["joint_t"] >= detected) & (trace["joint_t"] <= detected + span_s)
    position, velocity = trace["joint_position"][rows], trace["joint_velocity"][rows]
    if len(position) == 0:
        return {}
    moving = np.flatnonzero(np.abs(velocity).max(axis=1) > 0.02)
    end = int(moving[-1]) + 1 if moving.size else 0
    return {
        "max_joint_speed_after_s": float(np.abs(velocity).max()),
        "stop_distance_rad": float(np.abs(position - position[0]).max()),
        "time_to_rest_s": float(trace["joint_t"][rows][min(end, len(position) - 1)] - detected),
    }


def loop_records(diagnostics: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, float]]:
    """Loop timing in microseconds from the nodes' last diagnostics."""
    records: dict[str, dict[str, float]] = {}
    for node, names in LOOPS.items():
        values = diagnostics.get(node, {})
        for name in names:
            timing = {
                f"{key}_us": float(values[f"{name} {key} (ms)"]) * 1e3
                for key in ("p50", "p99", "p999", "max")
                if f"{name} {key} (ms)" in values
            }
            if timing:
                counts = {key: float(values[key]) for key in ("ticks", "overruns") if key in values}
                records[f"{node} {name}"] = timing | counts
    return records
