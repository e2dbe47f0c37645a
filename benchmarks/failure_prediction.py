"""Failure predictors on the same rollouts of a bundle: clean episodes and six induced causes of failure.

Rollouts are recorded once (``rollouts.npz``) and scored once (``scores.npz``); run it again to compare anew. Writes
``table.md``, ``results.json`` and ``traces.png``.

    python benchmarks/failure_prediction.py runs/demo/pick_place.keel
    python benchmarks/failure_prediction.py runs/demo/pick_place.keel --clean 560 --each 40 --train 150 --calibrate 200
    python benchmarks/failure_prediction.py runs/demo/pick_place.keel --coverage    (false alarms on simulated rollouts)
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from tyro.conf import Positional

from policy_nodes.bundle.limits import POLICY_NAME
from policy_nodes.bundle.load import Bundle, load_bundle
from policy_nodes.cli.progress import ProgressBar
from policy_nodes.errors import CalibrationError, KeelError
from policy_nodes.monitors.conformal import rank_threshold, required_rollouts
from policy_nodes.monitors.phases import ToolPhases
from policy_nodes.monitors.registry import BUILDERS
from policy_nodes.monitors.window import trailing_sum
from training.atomic import write_file
from training.contracts.registry import task_contract
from training.monitors.benchmark.causes import Cause, CubeDisplaced, all_causes
from training.monitors.benchmark.compare import ScoredRollout
from training.monitors.benchmark.coverage import coverage_table
from training.monitors.benchmark.methods import SINGLE, all_methods, judge
from training.monitors.benchmark.record import StoredRollout, load_rollouts, record, save_rollouts
from training.monitors.benchmark.report import cause_table, metrics_table, plot_traces
from training.monitors.benchmark.scoring import ScoringConfig, load_scores, save_scores, score_rollouts
from training.monitors.benchmark.study import study
from training.monitors.export import position_function

DEFAULT = Path("runs/demo/pick_place.keel")
CLEAN_SEED, CAUSE_SEED = 930_000, 940_000
"""Disjoint from those of demonstrations (from 0), evaluation (from 100000) and keel calibrate (from 500000)."""


@dataclass(frozen=True)
class Args:
    """Options."""

    bundle: Positional[Path] = DEFAULT
    """Bundle directory; it is only read."""
    output: Path = Path("runs/failure_prediction")
    """Rollouts, scores and results."""
    clean: int = 330
    """Episodes in which nothing goes wrong."""
    each: int = 25
    """Episodes of every cause."""
    samples: int = 32
    """Chunks per policy call, B."""
    train: int = 50
    """Clean successes that the scores learn from."""
    calibrate: int = 60
    """Clean successes that give the thresholds; the rest of them tests."""
    quantile: float = 0.95
    """Promised to a rollout."""
    window: int = 3
    """Policy calls summed."""
    seconds: float = 8.0
    """Time limit of an episode (simulated)."""
    coverage: bool = False
    """Only measure the false alarms of every threshold style on the clean rollouts, over resampled calibration sets."""
    study: bool = False
    """Only vary samples per call, training rollouts, network seeds and features (minutes; needs --train >= 150)."""


def rollouts_of(bundle: Bundle, args: Args) -> list[StoredRollout]:
    path, digest = args.output / "rollouts.npz", bundle.manifest.files[POLICY_NAME]
    if path.exists():
        stored, info = load_rollouts(path)
        if info["policy_sha256"] != digest or stored[0].chunks.shape[1] < args.samples:
            raise CalibrationError(f"'{path}' is of another policy or sample count.", "choose another --output.")
        return stored
    causes = [Cause(), *all_causes()]
    counts = [args.clean] + [args.each] * (len(causes) - 1)
    found: list[StoredRollout] = []
    with ProgressBar("record", total=sum(counts)) as bar:
        for index, (cause, count) in enumerate(zip(causes, counts, strict=True)):
            first = CLEAN_SEED if index == 0 else CAUSE_SEED + 1000 * index
            seeds = range(first, first + count)
            found += record(bundle, cause, seeds, args.samples, args.seconds, lambda what: bar.advance(last=what))
    info = {"bundle": bundle.manifest.name, "policy_sha256": digest, "samples": args.samples, "seconds": args.seconds}
    save_rollouts(found, path, info)
    return found


def scores_of(bundle: Bundle, args: Args, phases: ToolPhases) -> list[ScoredRollout]:
    """Train rollouts first, then the others, all scored."""
    path, digest = args.output / "scores.npz", bundle.manifest.files[POLICY_NAME]
    info = {"policy_sha256": digest, "train": args.train, "samples": args.samples, "phases": phases.model_dump()}
    info["scores"] = list(BUILDERS)
    if path.exists() and (known := load_scores(path, info)) is not None:
        return known
    rollouts = rollouts_of(bundle, args)
    good = [r for r in rollouts if r.cause == "none" and r.success]
    if len(good) < args.train + args.calibrate + 1:
        raise CalibrationError(f"only {len(good)} clean successes.", "record more with --clean in another --output.")
    train = good[: args.train]
    rest = [r for r in rollouts if not any(r is t for t in train)]
    position = position_function(task_contract(bundle.manifest.task).make_position())
    config = ScoringConfig(samples=args.samples, execution=bundle.manifest.actions.execution_horizon)
    with ProgressBar("score", total=len(rollouts)) as bar:
        scored = score_rollouts(train, train + rest, position, phases, config, lambda _: bar.advance())
    save_scores(scored, path, info)
    return scored


def run(args: Args) -> None:
    torch.set_num_threads(1)
    args.output.mkdir(parents=True, exist_ok=True)
    bundle = load_bundle(args.bundle)
    phases = ToolPhases(gripper=len(bundle.manifest.actions.joints) - 1, closed_below=0.03, low_below=0.07)
    period = bundle.manifest.actions.execution_horizon * bundle.manifest.actions.step_s
    second = int(1.0 / period)
    if args.study:
        rollouts = rollouts_of(bundle, args)
        clean = [r for r in rollouts if r.cause == "none" and r.success]
        judged = clean[args.train :] + [r for r in rollouts if r.cause == CubeDisplaced.name]
        contract = task_contract(bundle.manifest.task)
        text = study(clean[: args.train], judged, contract, phases, second, lambda what: print(what, file=sys.stderr))
        print(text)
        write_file(args.output / "study.md", text + "\n")
        return
    scored = scores_of(bundle, args, phases)
    train, rest = scored[: args.train], scored[args.train :]
    good = [r for r in rest if r.cause == "none" and r.success]
    calibration = good[: args.calibrate]
    test = [r for r in rest if not any(r is c for c in calibration)]
    if args.coverage:
        text = coverage_table(good, SINGLE[:4], args.window, len(phases.names))
        print(text)
        write_file(args.output / "coverage.md", text + "\n")
        return
    results, refused = [], []
    for method in all_methods(args.quantile, args.window):
        try:
            results.append(judge(method, train, calibration, test, len(phases.names), second))
        except CalibrationError as error:
            refused.append(f"- {method.name}: {error.cause}")
    counts = {
        c: (sum(r.cause == c for r in test), sum(r.cause == c and not r.success for r in test))
        for c in results[0].found
    }
    conditions = (
        f"{len(train)} training, {len(calibration)} calibration and {results[0].false_alarms[1]} clean test successes; "
        + ", ".join(f"{name} {total} ({failed} failed)" for name, (total, failed) in counts.items())
        + f"; B = {args.samples}, one call per {period:g} s, q = {args.quantile} for a rollout."
    )
    table = "\n\n".join([conditions, metrics_table(results), cause_table(results), "\n".join(refused)])
    print(table)
    write_file(args.output / "table.md", table + "\n")
    write_file(args.output / "results.json", json.dumps([asdict(r) for r in results], indent=1))
    names = ("rnd", "entropy", "stac", "stac_floor")
    level = max(args.quantile, 1 - 1 / (required_rollouts(args.quantile) + 1))
    limits = {
        n: rank_threshold([trailing_sum(r.scores[n], args.window).max() for r in calibration], level) for n in names
    }
    plot_traces(test, limits, args.window, period, args.output / "traces.png")


def main() -> int:
    args = tyro.cli(Args, description=__doc__)
    if args.bundle == DEFAULT and not args.bundle.exists():
        print(f"skipped: '{DEFAULT}' does not exist; run `make demo` first, or give a bundle.")
        return 0
    started = time.monotonic()
    try:
        run(args)
    except KeelError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    np.set_printoptions(precision=3)
    sys.exit(main())
