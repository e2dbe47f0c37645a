"""Failure predictors on the same rollouts of a bundle: clean episodes and the causes of failure of its task.

Rollouts are recorded once (``rollouts/``, one file per cause, so that an interrupted run goes on where it was) and
scored once (``scores.npz``); run it again to compare anew. Writes ``table.md``, ``coverage.md``, ``results.json`` and
``traces.png`` into a directory per task; ``--summary`` puts the tasks side by side. Every second rollout of a cause
tests; the others are for ``--choose``, which ranks scores, windows and combinations.

    python benchmarks/failure_prediction.py examples/panda_pick_place.keel --seconds 8
    python benchmarks/failure_prediction.py examples/metaworld_pick_place.keel --seconds 2.5
    python benchmarks/failure_prediction.py examples/metaworld_drawer_open.keel --seconds 4
    python benchmarks/failure_prediction.py --synthetic
    python benchmarks/failure_prediction.py --choose
    python benchmarks/failure_prediction.py --summary --page docs/failure_prediction_tasks.md
    python benchmarks/failure_prediction.py examples/panda_pick_place.keel --study --train 150
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
import tyro
from tyro.conf import Positional

from policy_nodes.bundle.limits import POLICY_NAME
from policy_nodes.bundle.load import Bundle, load_bundle
from policy_nodes.cli.progress import ProgressBar
from policy_nodes.errors import CalibrationError, KeelError
from policy_nodes.monitors.conformal import rank_threshold
from policy_nodes.monitors.registry import BUILDERS
from training.atomic import write_file
from training.contracts.registry import task_contract
from training.contracts.task import TaskContract
from training.disturbances.cause import Cause
from training.disturbances.registry import disturbances
from training.disturbances.suite import Disturbances
from training.monitors.benchmark.choose import Choice, candidates, choice_table, rank
from training.monitors.benchmark.compare import Method, ScoredRollout
from training.monitors.benchmark.coverage import coverage_table
from training.monitors.benchmark.methods import Result, all_methods, fiper, judge, recommended
from training.monitors.benchmark.official import official
from training.monitors.benchmark.page import outcomes_in, page
from training.monitors.benchmark.record import (
    StoredRollout,
    load_rollouts,
    record,
    recording_name,
    save_rollouts,
    still_to_record,
)
from training.monitors.benchmark.report import cause_table, metrics_table, plot_traces
from training.monitors.benchmark.scoring import ScoringConfig, load_scores, save_scores, score_rollouts, trained_on
from training.monitors.benchmark.split import split
from training.monitors.benchmark.study import study
from training.monitors.benchmark.summary import summarise, summary_table
from training.monitors.benchmark.synthetic import PHASES, SCORE, successes
from training.monitors.export import position_function

DEFAULT = Path("examples/panda_pick_place.keel")
COVERED = ("rnd", "entropy", "mahalanobis", "stac_floor", "duration")
"""FIPER's scores and ours: what the coverage table and the plots show."""
CLEAN_SEED, CAUSE_SEED = 930_000, 940_000
"""Disjoint from those of demonstrations (from 0), evaluation (from 100000) and keel calibrate (from 500000)."""


@dataclass(frozen=True)
class Args:
    """Options."""

    bundle: Positional[Path] = DEFAULT
    """Bundle directory; it is only read."""
    output: Path = Path("runs/failure_prediction")
    """A directory per task in here: rollouts, scores and results."""
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
    seconds: float | None = None
    """Time limit of an episode (simulated); the task's own by default."""
    record_only: bool = False
    """Record and score what is missing, and compare another time."""
    summary: bool = False
    """Only print the table over all tasks found in --output."""
    page: Path | None = None
    """With --summary: also write all tables to this Markdown file, with those that `keel evaluate --detect --react`
    has written into the directory of a task."""
    choose: bool = False
    """Only rank candidates on the halves of all tasks in --output that test nothing; writes choice.md."""
    synthetic: bool = False
    """Only false alarms on 2000 synthetic successes, 50 calibration sets, by threshold style."""
    study: bool = False
    """Only vary samples per call, training rollouts, network seeds and features (minutes; needs --train >= 150)."""


def rollouts_of(
    bundle: Bundle, contract: TaskContract, suite: Disturbances, args: Args, where: Path
) -> list[StoredRollout]:
    """All causes, each recorded unless its file is there."""
    digest = bundle.manifest.files[POLICY_NAME]
    info = {"policy_sha256": digest, "samples": args.samples, "seconds": args.seconds or contract.episode_s}
    found: list[StoredRollout] = []
    causes = [Cause(), *suite.make_causes()]
    with ProgressBar("record", total=args.clean + args.each * (len(causes) - 1)) as bar:
        for index, cause in enumerate(causes):
            path = where / "rollouts" / recording_name(cause.name)
            first, count = (CLEAN_SEED, args.clean) if index == 0 else (CAUSE_SEED + 1000 * index, args.each)
            stored: list[StoredRollout] = []
            if path.exists():
                stored, known = load_rollouts(path)
                if known != info:
                    raise CalibrationError(f"'{path}' was recorded with {known}.", "choose another --output.")
            stored, seeds = still_to_record(stored, range(first, first + count))
            bar.advance(len(stored), last=f"{cause.name}: {len(stored)} found")
            if seeds:
                stored += record(
                    bundle, contract, cause, seeds, args.samples, info["seconds"], lambda what: bar.advance(last=what)
                )
                path.parent.mkdir(parents=True, exist_ok=True)
                save_rollouts(stored, path, info)
            found += stored
    return found


def scores_of(
    bundle: Bundle, contract: TaskContract, suite: Disturbances, args: Args, where: Path
) -> list[ScoredRollout]:
    """Train rollouts first, then the others, all scored."""
    rollouts = rollouts_of(bundle, contract, suite, args, where)
    path, digest = where / "scores.npz", bundle.manifest.files[POLICY_NAME]
    info = {"policy_sha256": digest, "train": args.train, "samples": args.samples, "rollouts": len(rollouts)}
    info |= {"scores": list(BUILDERS), "phases": suite.phases.model_dump()}
    if path.exists() and (known := load_scores(path, info)) is not None:
        return known
    good = [r for r in rollouts if r.cause == "none" and r.success]
    if len(good) < args.train + args.calibrate + 1:
        raise CalibrationError(f"only {len(good)} clean successes.", "record more with --clean in another --output.")
    train = good[: args.train]
    rest = [r for r in rollouts if not any(r is t for t in train)]
    position = position_function(contract.make_position())
    config = ScoringConfig(samples=args.samples, execution=bundle.manifest.actions.execution_horizon)
    with ProgressBar("score", total=len(rollouts)) as bar:
        scored = score_rollouts(train, train + rest, position, suite.phases, config, lambda _: bar.advance())
    save_scores(scored, path, info)
    return scored


def run_study(bundle: Bundle, contract: TaskContract, suite: Disturbances, args: Args, where: Path) -> None:
    rollouts = rollouts_of(bundle, contract, suite, args, where)
    clean = [r for r in rollouts if r.cause == "none" and r.success]
    displaced = suite.make_causes()[0].name
    judged = clean[args.train :] + [r for r in rollouts if r.cause == displaced]
    say = lambda what: print(what, file=sys.stderr)  # noqa: E731
    text = study(clean[: args.train], judged, contract, suite.phases, _second(bundle), say)
    print(text)
    write_file(where / "study.md", text + "\n")


def _period(bundle: Bundle) -> float:
    """Seconds between policy calls."""
    return bundle.manifest.actions.execution_horizon * bundle.manifest.actions.step_s


def _second(bundle: Bundle) -> int:
    return max(1, int(1.0 / _period(bundle)))


def compare(bundle: Bundle, suite: Disturbances, scored: list[ScoredRollout], args: Args, where: Path) -> None:
    parts = split(scored, args.train, args.calibrate)
    train, calibration, test = parts.train, parts.calibration, parts.test
    phases = len(suite.phases.names)
    text = coverage_table(parts.good, COVERED, args.window, phases)
    write_file(where / "coverage.md", text + "\n")
    results: list[Result] = []
    refused = []
    best = rank({bundle.manifest.task: parts}, candidates(args.quantile))[0].method
    chosen = replace(best, name=f"chosen on the other half: {best.name}")
    for method in [*all_methods(args.quantile, args.window), chosen]:
        try:
            results.append(judge(method, train, calibration, test, phases, _second(bundle)))
        except CalibrationError as error:
            refused.append(f"- {method.name}: {error.cause}")
    names = list(results[0].found)
    counts = {c: (sum(r.cause == c for r in test), sum(r.cause == c and not r.success for r in test)) for c in names}
    conditions = (
        f"{len(train)} training, {len(calibration)} calibration and {results[0].false_alarms[1]} clean test successes "
        f"({len(parts.good)} for the coverage table); the test half of every cause: "
        + ", ".join(f"{name} {total} ({failed} failed)" for name, (total, failed) in counts.items())
        + f"; B = {args.samples}, one call per {_period(bundle):g} s, q = {args.quantile} for a rollout."
    )
    outcome = summarise(bundle.manifest.task, results, chosen, train, calibration, test, args.quantile, args.window)
    table = "\n\n".join([conditions, metrics_table(results), outcome.official_text, cause_table(results), *refused])
    print(table)
    write_file(where / "table.md", table + "\n")
    write_file(where / "results.json", json.dumps({"outcome": asdict(outcome)}, indent=1))
    limits = {
        name: rank_threshold([r.windowed(name, args.window).max() for r in calibration], args.quantile)
        for name in COVERED
    }
    plot_traces(test, limits, args.window, _period(bundle), where / "traces.png")


def choose(args: Args) -> None:
    """Rank candidates over all tasks whose rollouts are scored."""
    tasks = {
        path.parent.name: split(load_scores(path) or [], trained_on(path), args.calibrate)
        for path in sorted(args.output.glob("*/scores.npz"))
    }
    if not tasks:
        raise CalibrationError(f"'{args.output}' holds no scores.", "run a bundle first.")
    named = [fiper(args.quantile, args.window), recommended(args.quantile, args.window)]
    ranked = rank(tasks, candidates(args.quantile) + named)
    # The best, and for comparison every single score at its best window and the methods that have a name.
    shown, singles = ranked[:12], set[str]()
    for choice in ranked[12:]:
        score = choice.method.signals[0][0]
        if choice.method in named or (len(choice.method.signals) == 1 and score not in singles):
            shown.append(choice)
        if len(choice.method.signals) == 1:
            singles.add(score)
    released = Method("FIPER as released, its best setting on these rollouts", (), 0.95)
    shown.append(Choice(released, {name: official(p.train, p.choose).metrics for name, p in tasks.items()}))
    text = choice_table(shown)
    print(text)
    write_file(args.output / "choice.md", text + "\n")


def run(args: Args) -> None:
    torch.set_num_threads(1)
    if args.choose:
        choose(args)
    elif args.synthetic:
        text = coverage_table(successes(2000, seed=0), (SCORE,), 1, PHASES, 50)
        print(text)
        args.output.mkdir(parents=True, exist_ok=True)
        write_file(args.output / "synthetic.md", text + "\n")
    elif args.summary:
        found = outcomes_in(args.output)
        if not found:
            raise CalibrationError(f"'{args.output}' holds no results.", "run a bundle first.")
        print(summary_table(list(found.values())))
        if args.page is not None:
            write_file(args.page, page(args.output, args.page.parent / "images"))
    else:
        run_task(args)


def run_task(args: Args) -> None:
    """Record, score and compare on one bundle."""
    bundle = load_bundle(args.bundle)
    contract, suite = task_contract(bundle.manifest.task), disturbances(bundle.manifest.task)
    where = args.output / bundle.manifest.task.replace("/", "_")
    where.mkdir(parents=True, exist_ok=True)
    if args.study:
        run_study(bundle, contract, suite, args, where)
        return
    scored = scores_of(bundle, contract, suite, args, where)
    if not args.record_only:
        compare(bundle, suite, scored, args, where)


def main() -> int:
    args = tyro.cli(Args, description=__doc__)
    started, used = time.monotonic(), time.process_time()
    try:
        run(args)
    except KeelError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{time.monotonic() - started:.0f} s, {time.process_time() - used:.0f} s of CPU", file=sys.stderr)
    return 0


if __name__ == "__main__":
    np.set_printoptions(precision=3)
    sys.exit(main())
