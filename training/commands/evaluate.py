"""Measure the closed-loop success of a bundle in simulation, through the code that runs on the robot.

Every episode goes through observation assembly, the exported graph, the safety governor and, when the bundle is
calibrated, the failure predictor. Prints the success rate with its Wilson interval; --record writes it into the bundle.

Examples:
    keel evaluate runs/mine/pick_place.keel
    keel evaluate runs/mine/pick_place.keel --episodes 100 --output runs/mine/evaluation --videos 3
    keel evaluate runs/mine/pick_place.keel --react     (alarms stop the robot, as on the robot)
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from tyro.conf import Positional

from policy_nodes.bundle.load import Bundle, load_bundle
from policy_nodes.bundle.manifest import SuccessRecord
from policy_nodes.bundle.write import update_manifest
from policy_nodes.cli.progress import ProgressBar
from policy_nodes.errors import ConfigError
from sim.tasks.pick_place.world import PickPlaceWorld
from training.evaluation.closed_loop import ClosedLoop, Episode
from training.evaluation.machine import machine
from training.evaluation.monitor import open_monitor
from training.evaluation.statistics import wilson_interval
from training.evaluation.video import VideoRecorder


@dataclass(frozen=True)
class Args:
    """Options of `keel evaluate`."""

    bundle: Positional[Path]
    """Bundle directory."""
    output: Path | None = None
    """Directory for evaluation.json, scores.npz and videos; nothing is written without it."""
    episodes: int = 50
    """Episodes."""
    seed: int = 100_000
    """Seed of the first episode; training uses seeds from 0."""
    seconds: float = 12.0
    """Time limit of an episode (simulated)."""
    confidence: float = 0.95
    """Level of the interval."""
    react: bool = False
    """Let failure alarms stop the robot instead of only being counted."""
    videos: int = 0
    """Record this many episodes as animated WebP (needs --output)."""
    record: bool = False
    """Write the measured success into the bundle's manifest."""
    provider: str = "cpu"
    """Execution provider."""


def run(args: Args) -> int:
    """Evaluate; returns the exit code (0 whatever the success rate)."""
    if args.episodes < 1:
        raise ConfigError(f"--episodes is {args.episodes}.", "evaluate at least one episode.")
    bundle = load_bundle(args.bundle)
    world = PickPlaceWorld()
    monitor, samples = open_monitor(bundle)
    loop = ClosedLoop(bundle, world, monitor=monitor, samples=samples, react=args.react, provider=args.provider)
    episodes: list[Episode] = []
    with ProgressBar("evaluate", total=args.episodes) as bar:
        for index in range(args.episodes):
            video = VideoRecorder(world) if args.output is not None and index < args.videos else None
            episode = loop.run(args.seed + index, args.seconds, frame=video)
            episodes.append(episode)
            if video is not None and args.output is not None:
                video.save(args.output / f"rollout_{episode.seed}.webp", seed=episode.seed, success=episode.success)
            bar.advance(success=f"{sum(e.success for e in episodes)}/{len(episodes)}")
    successes = sum(e.success for e in episodes)
    low, high = wilson_interval(successes, len(episodes), args.confidence)
    if args.output is not None:
        write_results(args.output, bundle, episodes, args.confidence)
    if args.record:
        record_success(bundle, args, successes, len(episodes))
    print_summary(episodes, low, high, args.confidence, monitored=monitor is not None)
    return 0


def print_summary(episodes: list[Episode], low: float, high: float, confidence: float, monitored: bool) -> None:
    """The few numbers that matter."""
    console, successes = Console(highlight=False), sum(e.success for e in episodes)
    times = np.concatenate([e.inference_ms for e in episodes])
    console.print(
        f"success {successes}/{len(episodes)} = {successes / len(episodes):.3f} "
        f"({confidence:.0%} Wilson interval {low:.3f}..{high:.3f})"
    )
    console.print(f"inference median {np.median(times):.2f} ms, p99 {np.quantile(times, 0.99):.2f} ms, 1 thread")
    if monitored:
        good = [e for e in episodes if e.success]
        console.print(f"failure alarms in {sum(e.alarms > 0 for e in good)} of {len(good)} successful episodes")
    for episode in episodes:
        if not episode.success:
            console.print(f"  seed {episode.seed}: {episode.outcome} {episode.stopped_by or ''}".rstrip())


def write_results(output: Path, bundle: Bundle, episodes: list[Episode], confidence: float) -> None:
    """evaluation.json and scores.npz, in the form that `keel report` reads."""
    output.mkdir(parents=True, exist_ok=True)
    times = np.concatenate([e.inference_ms for e in episodes])
    edges = np.geomspace(max(1e-3, times.min() * 0.9), times.max() * 1.1, 41)
    successes = sum(e.success for e in episodes)
    period = 1.0 / bundle.manifest.timing.control_rate_hz
    results = {
        "bundle": bundle.manifest.name,
        "policy_sha256": bundle.manifest.files["policy.onnx"],
        "task": bundle.manifest.task,
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
    arrays: dict[str, np.ndarray] = {}
    for index, episode in enumerate(episodes):
        if episode.scores:
            arrays[f"time_{index}"] = np.asarray(episode.score_time)
            for name, scores in episode.scores.items():
                arrays[f"{'fiper' if name == 'combined' else name}_{index}"] = np.asarray(scores)
    _write_atomically(output / "evaluation.json", json.dumps(results, indent=1).encode())
    with (output / ".scores.npz.tmp").open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)  # type: ignore[arg-type]
    (output / ".scores.npz.tmp").replace(output / "scores.npz")


def record_success(bundle: Bundle, args: Args, successes: int, episodes: int) -> None:
    """Write the measured rate into the manifest's provenance."""
    low, high = wilson_interval(successes, episodes, args.confidence)
    record = SuccessRecord(
        task=bundle.manifest.task,
        episodes=episodes,
        successes=successes,
        interval_low=low,
        interval_high=high,
        confidence=args.confidence,
        first_seed=args.seed,
    )
    update_manifest(bundle, provenance=bundle.manifest.provenance.model_copy(update={"success": record}))


def _write_atomically(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(content)
    temporary.replace(path)
