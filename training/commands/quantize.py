"""Write a bundle in lower precision, if it does as well as the original in closed loop.

int8 (static, calibrated on recorded observations) for CPUs with large networks; float16 for GPUs. Both bundles run the
same seeded episodes in simulation, and the new one is refused when its success falls below the Wilson interval of the
original's; nothing is written then. Exit code 1 when refused. The failure monitor belongs to the original's numbers:
run `keel calibrate` on the new bundle.

Examples:
    keel quantize pick_place.keel --output pick_place_int8.keel
    keel quantize pick_place.keel --output pick_place_half.keel --precision float16 --episodes 100
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from policy_nodes.bundle.limits import POLICY_NAME
from policy_nodes.bundle.load import Bundle, load_bundle
from policy_nodes.cli.progress import ProgressBar
from policy_nodes.errors import ConfigError
from policy_nodes.inference.latency import measure_latency
from policy_nodes.inference.policy import PolicySession
from training.contracts.registry import task_contract
from training.contracts.task import TaskContract
from training.evaluation.closed_loop import ClosedLoop
from training.evaluation.feeds import record_feeds
from training.export.reduced import reduced_bundle


@dataclass(frozen=True)
class Args:
    """Options of `keel quantize`."""

    bundle: Positional[Path]
    """Bundle in single precision."""
    output: Path
    """Bundle directory to write."""
    precision: Literal["int8", "float16"] = "int8"
    """int8: matrix products on a CPU. float16: everything inside, for GPUs."""
    episodes: int = 60
    """Paired episodes of the comparison."""
    seed: int = 100_000
    """Seed of the first one."""
    calibration_episodes: int = 3
    """Episodes of the original whose observations calibrate int8; seeds before --seed."""
    confidence: float = 0.95
    """Level of the interval that success must not fall below."""
    seconds: float | None = None
    """Time limit of an episode (simulated); the task's own by default."""


def run(args: Args) -> int:
    """Convert and compare; returns the exit code.

    Raises:
        GateError: success drops.
        ConfigError: an option makes no sense, or the task cannot be simulated.
    """
    if args.episodes < 1 or args.calibration_episodes < 1:
        raise ConfigError("--episodes and --calibration-episodes count from 1.", "give at least 1.")
    taken = args.calibration_episodes if args.precision == "int8" else 0
    if args.seed < taken:
        raise ConfigError(f"--seed is {args.seed}.", f"give {taken} or more: calibration takes the seeds before it.")
    if not 0.0 < args.confidence < 1.0:
        raise ConfigError(f"--confidence is {args.confidence}.", "give a level in (0, 1), for example 0.95.")
    if args.seconds is not None and not args.seconds > 0:
        raise ConfigError(f"--seconds is {args.seconds}.", "give a time limit above 0, or none.")
    bundle = load_bundle(args.bundle)
    contract = task_contract(bundle.manifest.task)
    seconds = args.seconds or contract.episode_s
    was = _describe(bundle)  # now: --output may be the bundle's own directory
    calibration = []
    if args.precision == "int8":
        first = args.seed - args.calibration_episodes
        with ProgressBar("calibrate", total=args.calibration_episodes) as bar:
            for seed in range(first, args.seed):
                calibration += record_feeds(bundle, contract.make_world(), seed, seconds)
                bar.advance(inputs=len(calibration))
    seeds = range(args.seed, args.seed + args.episodes)
    with ProgressBar("compare", total=2 * args.episodes) as bar:
        made, verdict = reduced_bundle(
            bundle,
            args.output,
            args.precision,
            lambda candidate, chosen: _episodes(candidate, contract, chosen, seconds, bar),
            seeds,
            calibration=calibration,
            confidence=args.confidence,
        )
    print(f"{verdict}\n{bundle.path.name}: {was}\n{made.path.name}: {_describe(made)}")
    return 0


def _episodes(
    bundle: Bundle, contract: TaskContract, seeds: Sequence[int], seconds: float, bar: ProgressBar
) -> list[bool]:
    loop = ClosedLoop(bundle, contract.make_world())
    outcomes = []
    for seed in seeds:
        outcomes.append(loop.run(seed, seconds).success)
        bar.advance(success=f"{sum(outcomes)}/{len(outcomes)}")
    return outcomes


def _describe(bundle: Bundle) -> str:
    size = bundle.file(POLICY_NAME).stat().st_size / 1e6
    latency = measure_latency(PolicySession(bundle))
    reduced = bundle.manifest.policy.reduced
    apart = "" if reduced is None else f", up to {reduced.max_abs_error['action']:.1e} from the original's actions"
    return f"graph {size:.2f} MB, median {latency.median_s * 1e3:.2f} ms on one CPU thread{apart}"
