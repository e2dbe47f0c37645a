"""Puts a live run on paper: ``run.json`` beside the recorder's ``trace.npz``, as ``keel report`` reads it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from policy_nodes.bundle.load import Bundle
from policy_nodes.errors import ConfigError
from policy_nodes.running.episodes import EpisodeResult
from policy_nodes.running.faults import FaultResult
from policy_nodes.running.reactions import fault_record
from policy_nodes.safety.config import load_safety_config

Diagnostics = Mapping[str, Mapping[str, str]]
LOOPS = (
    ("safety_node tick duration", "safety_node", "tick", "loop ticks", "loop overruns"),
    ("safety_node wake-up lateness", "safety_node", "wake-up", "loop ticks", "loop overruns"),
    ("policy_node chunk latency", "policy_node", "latency", "chunks", "over budget"),
)
"""Key in ``run.json``, node, prefix of its timing values, and its values for samples and overruns."""


def write_results(
    directory: Path,
    bundle: Bundle,
    *,
    stack: str,
    domain: int,
    episodes: Sequence[EpisodeResult],
    faults: Sequence[FaultResult],
    diagnostics: Diagnostics,
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
    actions, period_s = bundle.manifest.actions, 1.0 / bundle.manifest.timing.control_rate_hz
    chunk_period_s = actions.execution_horizon * actions.step_s
    safety = load_safety_config(bundle.file("safety.yaml"))
    results: dict[str, Any] = {
        "stack": stack,
        "domain": domain,
        "control_period_s": period_s,
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
        "faults": [fault_record(f, trace, t0, period_s, chunk_period_s, safety) for f in faults],
        "events": [{k: e.get(k, "") for k in ("t", "state", "reason", "backup")} for e in recorded["events"]],
        "loops": loop_records(diagnostics),
        "samples_lost": recorded.get("lost", 0),
    }
    temporary = directory / f".run.json.{os.getpid()}.tmp"
    try:
        temporary.write_text(json.dumps(results, indent=1))
        temporary.replace(directory / "run.json")
    finally:
        temporary.unlink(missing_ok=True)
    return results


def loop_records(diagnostics: Diagnostics) -> dict[str, dict[str, float | int]]:
    """Timing of the loops in microseconds from the nodes' last diagnostics; the key says what is measured."""
    records: dict[str, dict[str, float | int]] = {}
    for key, node, prefix, count, overruns in LOOPS:
        values = diagnostics.get(node, {})
        names = {f"{q}_us": f"{prefix} {q} (ms)" for q in ("p50", "p99", "p999", "max")}
        if not all(name in values for name in names.values()):
            continue
        timing: dict[str, float | int] = {q: float(values[name]) * 1e3 for q, name in names.items()}
        records[key] = timing | {"ticks": int(values.get(count, "0")), "overruns": int(values.get(overruns, "0"))}
    return records
