"""Films a recorded live run: the trace that the recorder node wrote, shown in the simulator without physics."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.tasks.pick_place.world import PickPlaceWorld
from training.evaluation.video import FRAME_PERIOD_S, VideoRecorder

BEFORE_S, AFTER_S = 0.8, 2.4
"""Span of a fault's film around the injection."""


def film(world: PickPlaceWorld, trace: Mapping[str, NDArray[Any]], begin: float, end: float, path: Path) -> None:
    """Write the run between two times (s since its start) as animated WebP with a JSON file of frame times.

    Poses that are not finite (a tracker that publishes NaN) are shown where they were last seen. A span in which
    nothing was recorded, or a run that never saw its objects, leaves no file.
    """
    recorder = VideoRecorder(world)
    begin, end = max(begin, float(trace["joint_t"][0])), min(end, float(trace["joint_t"][-1]))
    finite = np.isfinite(trace["object_cube"]).all(axis=1) & np.isfinite(trace["object_goal"]).all(axis=1)
    object_t = trace["object_t"][finite]
    if not len(object_t):
        return
    poses = {name: trace[f"object_{name}"][finite] for name in ("cube", "goal")}
    for time in np.arange(begin, end, FRAME_PERIOD_S):
        joint = trace["joint_position"][_latest(trace["joint_t"], time)]
        row = _latest(object_t, time)
        world.show(joint, {name: values[row] for name, values in poses.items()})
        recorder(world, float(time))
    recorder.save(path)


def film_run(directory: Path, world: PickPlaceWorld) -> list[Path]:
    """Film the first episode and every fault of a run directory (``run.json``, ``trace.npz``); returns the files."""
    run = json.loads((directory / "run.json").read_text())
    with np.load(directory / "trace.npz", allow_pickle=False) as archive:
        trace = {name: archive[name] for name in archive.files}
    written: list[Path] = []
    if run["episodes"]:
        first = run["episodes"][0]
        written.append(directory / "first_episode.webp")
        film(world, trace, first["t_start"], first["t_end"] + 1.0, written[-1])
    for fault in run["faults"]:
        written.append(directory / f"fault_{fault['name']}.webp")
        film(world, trace, fault["t_injected"] - BEFORE_S, fault["t_injected"] + AFTER_S, written[-1])
    return [path for path in written if path.exists()]


def _latest(times: NDArray[np.float64], time: float) -> int:
    """Index of the last sample at or before ``time``, 0 before the first."""
    return max(int(np.searchsorted(times, time, side="right")) - 1, 0)
