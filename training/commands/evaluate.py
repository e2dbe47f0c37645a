"""Measure the closed-loop success of a bundle in simulation, through the code that runs on the robot.

Every episode goes through observation assembly, the exported graph, the safety governor and, when the bundle is
calibrated, the failure predictor. Prints the success rate with its Wilson interval; --record writes it into the bundle.

Examples:
    keel evaluate runs/mine/pick_place.keel
    keel evaluate runs/mine/pick_place.keel --episodes 100 --output runs/mine/evaluation --videos 3
    keel evaluate runs/mine/pick_place.keel --react     (alarms stop the robot, as on the robot)
    keel evaluate runs/mine/pick_place.keel --detect --react     (alarms under every cause of failure, and their worth)
    keel evaluate runs/mine/pick_place.keel --latency measured
    keel evaluate runs/mine/pick_place.keel --latency-sweep 0 40 80 120 160 --episodes 20 --output runs/mine/latency
    keel evaluate examples/go1_velocity_flat.keel --shifted --episodes 20 --record     (the sim-to-sim gate)
"""

from __future__ import annotations

from collections.abc import Sequence
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
from training.atomic import write_file
from training.commands.detect import run_detect
from training.commands.latency import run_sweep
from training.commands.output import check_output
from training.commands.resolved import CONFIG_NAME, resolved_config
from training.commands.shifted import run_shifted
from training.contracts.registry import task_contract
from training.evaluation.closed_loop import ClosedLoop
from training.evaluation.episode import Episode
from training.evaluation.latency import Latency
from training.evaluation.latency_loop import LatentLoop
from training.evaluation.modes import count_modes, evenness
from training.evaluation.monitor import open_monitor
from training.evaluation.results import by_variant, write_results
from training.evaluation.statistics import wilson_interval
from training.evaluation.video import VideoRecorder
from training.suites.interface import TaskWorld


@dataclass(frozen=True)
class Args:
    """Options of `keel evaluate`."""

    bundle: Positional[Path]
    """Bundle directory."""
    output: Path | None = None
    """Directory for evaluation.json, scores.npz, config.json and videos; nothing is written without it."""
    episodes: int = 50
    """Episodes."""
    seed: int = 100_000
    """Seed of the first episode; training uses seeds from 0."""
    seconds: float | None = None
    """Time limit of an episode (simulated); the task's own by default."""
    confidence: float = 0.95
    """Level of the interval."""
    react: bool = False
    """Let failure alarms stop the robot instead of only being counted."""
    detect: bool = False
    """Try the failure predictor under every cause of failure known for the task; with --react also what it prevents."""
    each: int = 10
    """Episodes of every cause for --detect, beside --episodes in which nothing goes wrong."""
    causes: tuple[str, ...] = ()
    """Only these causes."""
    videos: int = 0
    """Record this many episodes as animated WebP (needs --output)."""
    record: bool = False
    """Write the measured success into the bundle's manifest."""
    provider: str = "cpu"
    """Execution provider."""
    latency: str = ""
    """Charge inference to simulated time: 'measured', or milliseconds per call. Empty: inference takes no time."""
    latency_sweep: tuple[float, ...] = ()
    """Compare --methods at these latencies (ms) on the same episodes; writes latency.json and latency.png."""
    execution_horizon: int = 0
    """Steps of a chunk executed before the next one; 0 takes the bundle's."""
    sampling_steps: int = 0
    """Sampler steps, run one at a time through the step graph of `keel export --anytime`; 0 takes policy.onnx."""
    open_loop: bool = False
    """Execute the plans of a slow-fast bundle as they are, without its fast decoder."""
    methods: tuple[str, ...] = ("naive", "ensemble", "rtc", "rtc_blend", "rti")
    """Ways to execute chunks that --latency-sweep compares: naive, ensemble, rtc, rtc_blend, prefix, every, rti;
    METHOD:GRAPH takes one of several graphs, as rti:warm_start_1."""
    shifted: bool = False
    """Try the deployed code in changed worlds (dynamics, delays, noise, integrator); exit code 1 if one fails."""
    shifts: tuple[str, ...] = ()
    """Only these of the changed worlds."""


def run(args: Args) -> int:
    """Evaluate; returns the exit code (0 whatever the success rate; 1 where a changed world of --shifted fails)."""
    _check(args)
    bundle = load_bundle(args.bundle)
    if args.open_loop and bundle.manifest.policy.reactive is None:
        raise ConfigError(f"--open-loop, but {bundle.path.name} has no fast decoder.", "drop --open-loop.")
    if args.shifted:
        return run_shifted(
            bundle, episodes=args.episodes, seed=args.seed, confidence=args.confidence, names=args.shifts,
            output=args.output, record=args.record, provider=args.provider,
        )  # fmt: skip
    contract = task_contract(bundle.manifest.task)
    world = contract.make_world()
    seconds = args.seconds or contract.episode_s
    if args.latency_sweep:
        return run_sweep(
            bundle, world, args.latency_sweep, args.methods, episodes=args.episodes, seed=args.seed, seconds=seconds,
            confidence=args.confidence, output=args.output,
        )  # fmt: skip
    if args.detect:
        return run_detect(
            bundle, contract, episodes=args.episodes, each=args.each, causes=args.causes, seed=args.seed,
            seconds=seconds, react=args.react, output=args.output, provider=args.provider,
        )  # fmt: skip
    # A predictor is calibrated for the sampler of policy.onnx.
    monitor, samples = (None, 0) if args.sampling_steps else open_monitor(bundle)
    if args.react and monitor is None:
        raise ConfigError(f"--react, but {bundle.path.name} has no failure predictor.", "run `keel calibrate` first.")
    if args.latency:
        loop: ClosedLoop = LatentLoop(
            bundle, world, Latency.parse(args.latency), provider=args.provider, open_loop=args.open_loop
        )
        monitor = None  # the failure predictor has a process of its own; its time is not the policy's
    else:
        loop = ClosedLoop(
            bundle, world, monitor=monitor, samples=samples, react=args.react, provider=args.provider,
            execution_horizon=args.execution_horizon or None, open_loop=args.open_loop,
            steps=args.sampling_steps or None,
        )  # fmt: skip
    if args.output is not None:
        _forget_films(args.output)
    episodes: list[Episode] = []
    with ProgressBar("evaluate", total=args.episodes) as bar:
        for index in range(args.episodes):
            episodes.append(_episode(loop, world, args, index, seconds))
            episodes[-1].variant = contract.variant(episodes[-1].seed)
            bar.advance(success=f"{sum(e.success for e in episodes)}/{len(episodes)}")
    if args.output is not None:
        write_results(args.output, bundle.manifest, episodes, args.confidence)
        write_file(args.output / CONFIG_NAME, resolved_config("evaluate", args))
    if args.record:
        record_success(bundle, args, episodes)
    print_summary(episodes, args.confidence, monitored=monitor is not None)
    print_modes(count_modes(episodes, getattr(world, "modes", ())))
    return 0


def print_summary(episodes: Sequence[Episode], confidence: float, monitored: bool) -> None:
    """The few numbers that matter."""
    console, successes = Console(highlight=False), sum(e.success for e in episodes)
    low, high = wilson_interval(successes, len(episodes), confidence)
    times = np.concatenate([e.inference_ms for e in episodes])
    console.print(
        f"success {successes}/{len(episodes)} = {successes / len(episodes):.3f} "
        f"({confidence:.0%} Wilson interval {low:.3f}..{high:.3f})"
    )
    for variant, (done, total) in by_variant(episodes).items():
        low, high = wilson_interval(done, total, confidence)
        console.print(f"  {variant}: {done}/{total} ({low:.3f}..{high:.3f})")
    console.print(f"inference median {np.median(times):.2f} ms, p99 {np.quantile(times, 0.99):.2f} ms, 1 thread")
    if monitored:
        good = [e for e in episodes if e.success]
        console.print(f"failure alarms in {sum(e.alarms > 0 for e in good)} of {len(good)} successful episodes")
    for episode in episodes:
        if not episode.success:
            words = ("  seed", f"{episode.seed}:", episode.variant, episode.outcome, episode.stopped_by or "")
            console.print(" ".join(word for word in words if word))


def print_modes(counts: dict[str, int]) -> None:
    """Which ways successful episodes took; nothing for a task with one way."""
    if counts:
        shares = ", ".join(f"{name} {count}" for name, count in counts.items())
        Console(highlight=False).print(f"modes: {shares} (evenness {evenness(counts):.2f})")


def record_success(bundle: Bundle, args: Args, episodes: Sequence[Episode]) -> None:
    """Write the measured rate into the manifest's provenance."""
    successes = sum(e.success for e in episodes)
    low, high = wilson_interval(successes, len(episodes), args.confidence)
    record = SuccessRecord(
        task=bundle.manifest.task,
        episodes=len(episodes),
        successes=successes,
        interval_low=low,
        interval_high=high,
        confidence=args.confidence,
        first_seed=args.seed,
    )
    update_manifest(bundle, provenance=bundle.manifest.provenance.model_copy(update={"success": record}))


def _check(args: Args) -> None:
    check_output(args.output)
    if args.shifts and not args.shifted:
        raise ConfigError("--shifts names changed worlds, but --shifted is not given.", "add --shifted.")
    if args.shifted and (args.latency or args.latency_sweep or args.react or args.videos or args.detect):
        raise ConfigError(
            "--shifted goes with none of --latency, --latency-sweep, --react, --videos, --detect.", "give one of them."
        )
    if args.open_loop and (args.latency_sweep or args.shifted or args.detect):
        raise ConfigError("--open-loop goes with none of --latency-sweep, --shifted and --detect.", "drop one of them.")
    if args.causes and not args.detect:
        raise ConfigError("--causes names causes of failure, but --detect is not given.", "add --detect.")
    elsewhere = args.latency or args.latency_sweep or args.shifted or args.detect
    if args.execution_horizon < 0 or (args.execution_horizon and elsewhere):
        raise ConfigError(
            f"--execution-horizon is {args.execution_horizon}.",
            "give 1 to the chunk's length, and none of --latency, --latency-sweep, --shifted and --detect.",
        )
    if args.sampling_steps < 0 or (args.sampling_steps and (elsewhere or args.react or args.record)):
        raise ConfigError(
            f"--sampling-steps is {args.sampling_steps}.",
            "give 1 or more, and none of --latency, --latency-sweep, --shifted, --detect, --react and --record.",
        )
    if args.latency:
        Latency.parse(args.latency)
        if args.react or args.latency_sweep:
            raise ConfigError("--latency goes with neither --react nor --latency-sweep.", "give one of them.")
    if args.detect and (args.latency or args.latency_sweep or args.videos or args.record):
        raise ConfigError("--detect goes with none of --latency, --latency-sweep, --videos, --record.", "drop them.")
    if args.each < 1:
        raise ConfigError(f"--each is {args.each}.", "run at least one episode of every cause.")
    if args.episodes < 1:
        raise ConfigError(f"--episodes is {args.episodes}.", "evaluate at least one episode.")
    if args.seed < 0:
        raise ConfigError(f"--seed is {args.seed}.", "give 0 or more.")
    if args.seconds is not None and not args.seconds > 0:
        raise ConfigError(f"--seconds is {args.seconds}.", "give a time limit above 0, or none.")
    if not 0.0 < args.confidence < 1.0:
        raise ConfigError(f"--confidence is {args.confidence}.", "give a level in (0, 1), for example 0.95.")
    if args.videos < 0 or (args.videos > 0 and args.output is None):
        raise ConfigError(
            f"--videos is {args.videos}{' without --output' if args.videos > 0 else ''}.",
            "add --output DIRECTORY for the films, or drop --videos.",
        )


def _forget_films(output: Path) -> None:
    """Delete the films of an earlier evaluation, which the report would show beside the new numbers."""
    for film in output.glob("rollout_*"):
        if film.suffix in (".webp", ".json"):
            film.unlink()


def _episode(loop: ClosedLoop, world: TaskWorld, args: Args, index: int, seconds: float) -> Episode:
    """Run, and film when asked for, one episode."""
    if args.output is None or index >= args.videos:
        return loop.run(args.seed + index, seconds)
    video = VideoRecorder(world)
    episode = loop.run(args.seed + index, seconds, frame=video)
    video.save(args.output / f"rollout_{episode.seed}.webp", seed=episode.seed, success=episode.success)
    return episode
