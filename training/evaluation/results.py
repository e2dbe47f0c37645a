"""Results of an evaluation as files: ``evaluation.json`` and ``scores.npz``, in the form that `keel report` reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from policy_nodes.bundle.limits import POLICY_NAME
from policy_nodes.bundle.manifest import Manifest
from training.atomic import replacing_file, write_file
from training.evaluation.episode import Episode
from training.evaluation.machine import machine
from training.evaluation.statistics import wilson_interval

SCORE_NAMES = {"combined": "fiper"}
"""Names of scores in the file that differ from the monitor's own."""


def write_results(output: Path, manifest: Manifest, episodes: Sequence[Episode], confidence: float) -> None:
    """Write both files.

    Args:
        output: directory, created when missing.
        manifest: contract of the evaluated bundle.
        episodes: at least one.
        confidence: two-sided level of the interval, in (0, 1).
    """
    write_file(output / "evaluation.json", json.dumps(summary(manifest, episodes, confidence), indent=1))
    with replacing_file(output / "scores.npz") as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **score_arrays(episodes))  # type: ignore[arg-type]


def summary(manifest: Manifest, episodes: Sequence[Episode], confidence: float) -> dict[str, Any]:
    """Content of ``evaluation.json``."""
    times = np.concatenate([e.inference_ms for e in episodes])
    edges = np.geomspace(max(1e-3, times.min() * 0.9), times.max() * 1.1, 41)
    successes = sum(e.success for e in episodes)
    period = 1.0 / manifest.timing.control_rate_hz
    return {
        "bundle": manifest.name,
        "policy_sha256": manifest.files[POLICY_NAME],
        "task": manifest.task,
        "confidence": confidence,
        "episodes": [
            {
                "seed": e.seed,
                "success": e.success,
                "steps": e.steps,
                "duration_s": e.steps * period,
                "outcome": e.outcome,
                "alarms": e.alarms,
                "first_alarm_s": e.first_alarm_s,
                "stopped_by": e.stopped_by,
                **({"variant": e.variant} if e.variant else {}),
                **({"mode": e.mode} if e.mode else {}),
            }
            for e in episodes
        ],
        "successes": successes,
        "interval": list(wilson_interval(successes, len(episodes), confidence)),
        "inference_ms": {
            "p50": float(np.median(times)),
            "p99": float(np.quantile(times, 0.99)),
            "max": float(times.max()),
        },
        "inference_histogram_ms": {"edges": edges.tolist(), "counts": np.histogram(times, edges)[0].tolist()},
        "machine": machine(),
    }


def by_variant(episodes: Sequence[Episode]) -> dict[str, tuple[int, int]]:
    """(successes, episodes) of every variant, in the order of first appearance; empty for a task of one."""
    counts: dict[str, tuple[int, int]] = {}
    for episode in episodes:
        if episode.variant:
            done, total = counts.get(episode.variant, (0, 0))
            counts[episode.variant] = (done + int(episode.success), total + 1)
    return counts


def score_arrays(episodes: Sequence[Episode]) -> dict[str, np.ndarray]:
    """``time_K`` (s since enabling) and one array per score and judged episode K, normalised: above 1 is an alarm."""
    arrays: dict[str, np.ndarray] = {}
    for index, episode in enumerate(episodes):
        if episode.scores:
            arrays[f"time_{index}"] = np.asarray(episode.score_time)
            for name, scores in episode.scores.items():
                arrays[f"{SCORE_NAMES.get(name, name)}_{index}"] = np.asarray(scores)
    return arrays
