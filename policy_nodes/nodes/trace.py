"""A run's recorded streams in memory, and their files ``trace.npz`` and ``events.json``. No ROS."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

MAX_SAMPLES = 360_000
"""Per stream: one hour at 100 Hz; older samples are kept, newer ones are counted as lost."""
SECOND_NS = 1_000_000_000


class Trace:
    """What was measured, planned, decided and commanded; stamps are ROS time in ns.

    Args:
        joints: names of the columns.
        step_s: spacing of a chunk's samples, s.
        objects: names of the recorded poses.
    """

    def __init__(self, joints: Sequence[str], step_s: float, objects: Sequence[str]) -> None:
        self.lost = 0
        self._joints, self._step_s, self._objects = list(joints), step_s, list(objects)
        self._streams: dict[str, list[tuple[int, np.ndarray]]] = defaultdict(list)
        self._scores: list[tuple[int, dict[str, float]]] = []
        self._events: list[dict[str, object]] = []

    def keep(self, stream: str, stamp_ns: int, value: np.ndarray) -> None:
        """Append a sample of joint (2, n), command (n,), chunk (T, n), chunk_arrival () or object (k, 7)."""
        samples = self._streams[stream]
        if len(samples) < MAX_SAMPLES:
            samples.append((stamp_ns, value))
        else:
            self.lost += 1

    def keep_scores(self, stamp_ns: int, scores: dict[str, float]) -> None:
        """Append the normalised scores of one verdict."""
        self._scores.append((stamp_ns, scores))

    def keep_state(self, stamp_ns: int, event: dict[str, str]) -> None:
        """Append a supervisor state unless it is the heartbeat of the last one."""
        if not self._events or _news(self._events[-1]) != _news(event):
            self._events.append({"stamp_ns": stamp_ns, **event})

    def save(self, directory: Path) -> Path | None:
        """Write both files, each to a temporary name first; returns the trace, None when nothing was recorded."""
        stamps = [min(stamp for stamp, _ in samples) for samples in self._streams.values() if samples]
        if not stamps:
            return None
        t0 = min(stamps)
        directory.mkdir(parents=True, exist_ok=True)
        events = [{**event, "t": (int(str(event["stamp_ns"])) - t0) / SECOND_NS} for event in self._events]
        trace, temporary = directory / "trace.npz", directory / f".trace.npz.{os.getpid()}.tmp"
        try:
            with temporary.open("wb") as file:
                np.savez_compressed(file, allow_pickle=False, **self._arrays(t0))  # type: ignore[arg-type]
            temporary.replace(trace)
            temporary.write_text(json.dumps({"t0_ns": t0, "lost": self.lost, "events": events}, indent=1))
            temporary.replace(directory / "events.json")
        finally:
            temporary.unlink(missing_ok=True)
        return trace

    def _arrays(self, t0: int) -> dict[str, np.ndarray]:
        arrays: dict[str, np.ndarray] = {
            "joint_names": np.array(self._joints),
            "chunk_step_s": np.array(self._step_s),
            "t0_ns": np.array(t0),
        }
        for name, arrived in self._streams.items():
            samples = sorted(
                arrived, key=lambda sample: sample[0]
            )  # late ones where they belong: readers search by time
            arrays[f"{name}_t"] = np.array([(stamp - t0) / SECOND_NS for stamp, _ in samples])
            values = np.stack([value for _, value in samples])
            if name == "joint":
                arrays["joint_position"], arrays["joint_velocity"] = values[:, 0], values[:, 1]
            elif name == "object":
                arrays |= {f"object_{each}": values[:, index] for index, each in enumerate(self._objects)}
            else:
                arrays[name] = values
        judged = sorted(self._scores, key=lambda sample: sample[0])
        arrays["score_t"] = np.array([(stamp - t0) / SECOND_NS for stamp, _ in judged])
        for name in sorted({name for _, scores in judged for name in scores}):
            key = "score_fiper" if name == "combined" else f"score_{name}"
            arrays[key] = np.array([scores.get(name, np.nan) for _, scores in judged])
        return arrays


def _news(event: Mapping[str, object]) -> tuple[object, ...]:
    """What must change for an event to be news; that a finished backup no longer commands is none."""
    backup = event.get("backup") if event["state"] in ("DEGRADED", "BACKUP") else ""
    return event["state"], event.get("reason"), backup
