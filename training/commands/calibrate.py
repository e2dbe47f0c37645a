"""Fit the failure predictor on rollouts of the bundle and add it to the bundle.

Runs the policy in closed loop, keeps the successful episodes, lets the scores learn from one part of them and takes the
thresholds from the rest by the conformal rank rule. Refuses when there are too few successes.
docs/failure_prediction.md compares scores and combinations, among them FIPER's (Römer et al., arXiv 2510.09459).

Examples:
    keel calibrate runs/mine/pick_place.keel
    keel calibrate runs/mine/pick_place.keel --episodes 120 --quantile 0.98 --samples 32
    keel calibrate runs/mine/pick_place.keel --scores mahalanobis stac_floor
    keel calibrate runs/mine/pick_place.keel --scores rnd stac_floor --combination or
    keel calibrate runs/mine/pick_place.keel --episodes 200 --choose 20
    keel calibrate runs/mine/pick_place.keel --rollouts runs/failure_prediction/panda_pick_place/rollouts/none.npz
"""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from tyro.conf import Positional

from policy_nodes.bundle.limits import CALIBRATION_NAME, MONITOR_NAME, POLICY_NAME
from policy_nodes.bundle.load import Bundle, load_bundle
from policy_nodes.bundle.write import update_manifest
from policy_nodes.cli.progress import ProgressBar
from policy_nodes.errors import CalibrationError, ConfigError
from policy_nodes.monitors.artefact import CalibrationArtefact, save_artefact
from policy_nodes.monitors.conformal import required_rollouts
from policy_nodes.monitors.detector import Combination
from policy_nodes.monitors.registry import BUILDERS
from training.contracts.registry import task_contract
from training.disturbances.cause import Cause
from training.disturbances.registry import disturbances
from training.evaluation.closed_loop import ClosedLoop
from training.export.quiet import quiet_exporter
from training.monitors.benchmark.choose import choice_table
from training.monitors.benchmark.record import StoredRollout, load_rollouts, record, recording_name
from training.monitors.benchmark.scoring import ScoringConfig
from training.monitors.calibrate import CalibrationConfig, RolloutRecord, calibrate, split_rollouts
from training.monitors.choice import choose_scores
from training.monitors.export import PositionFunction, bind_monitor, export_monitor, position_function
from training.monitors.rnd import ARCHITECTURES, UNWATCHED
from training.monitors.train_rnd import RNDTraining


@dataclass(frozen=True)
class Args:
    """Options of `keel calibrate`."""

    bundle: Positional[Path]
    """Bundle directory; monitor.onnx and calibration.npz are added to it."""
    episodes: int = 100
    """Rollouts to record."""
    samples: int = 32
    """Chunks sampled per policy call, B."""
    quantile: float = 0.95
    """At most 1 - quantile of the successful episodes get an alarm; with 'or' the scores share that rate."""
    scores: tuple[str, ...] = ("mahalanobis", "stac_floor")
    """What is watched: by default whether the observation is familiar and whether the plan changed, which finds more
    failures and sooner than FIPER's pair, rnd entropy."""
    combination: Combination = "and"
    """Alarm when all scores are above their thresholds ('and'), or when any of them is ('or')."""
    window: int = 3
    """Policy calls summed by each score."""
    choose: int = 0
    """Choose scores, windows and combination for this task: record this many episodes under each of its known causes of
    failure and take what tells them best, in place of --scores, --combination and --window. 0: do not."""
    rnd: Literal["paper", "small", "tiny"] = "small"
    """Size of the random network distillation, when it is one of the scores."""
    seed: int = 500_000
    """Seed of the first rollout; evaluation uses seeds from 100000, training from 0."""
    seconds: float | None = None
    """Time limit of a rollout (simulated); the task's own by default."""
    rollouts: Path | None = None
    """Take the first --episodes rollouts of this file instead of recording new ones; it must be of this policy and
    --samples, with nothing going wrong, as benchmarks/failure_prediction.py writes it. --choose reads those beside."""


def run(args: Args) -> int:
    """Calibrate; returns the exit code."""
    _check(args)
    bundle = load_bundle(args.bundle)
    rollouts = record_rollouts(bundle, args) if args.rollouts is None else stored_rollouts(bundle, args, args.rollouts)
    position = task_contract(bundle.manifest.task).make_position()
    quantile, signals, combination = _signals(bundle, rollouts, position_function(position), args)
    # monitor.onnx always carries the networks; when nothing asks them they are as small as can be, hardly trained.
    watched = "rnd" in signals
    config = CalibrationConfig(
        policy_sha256=bundle.manifest.files[POLICY_NAME],
        quantile=quantile,
        rnd_window=args.window,
        entropy_window=args.window,
        scores=tuple(signals),
        windows=signals,
        combination=combination,
        execution_horizon=bundle.manifest.actions.execution_horizon,
        step_s=bundle.manifest.actions.step_s,
        architecture=ARCHITECTURES[args.rnd] if watched else UNWATCHED,
        training=RNDTraining() if watched else RNDTraining(epochs=1),
    )
    with ProgressBar("train RND", total=config.training.epochs) as bar:
        rnd, artefact = calibrate(rollouts, position_function(position), config, lambda *_: bar.advance())
    embeddings = np.concatenate([r.embeddings for r in rollouts])[:256]
    chunks = np.concatenate([r.chunks[::8].reshape(-1, *r.chunks.shape[2:]) for r in rollouts[:4]])[:256]
    with tempfile.TemporaryDirectory() as directory, quiet_exporter():
        graph, calibration = Path(directory) / MONITOR_NAME, Path(directory) / CALIBRATION_NAME
        parity = export_monitor(rnd, position, graph, embeddings=embeddings, chunks=chunks)
        save_artefact(bind_monitor(artefact, graph), calibration)
        update_manifest(bundle, files={MONITOR_NAME: graph, CALIBRATION_NAME: calibration})
    print_summary(rollouts, artefact, bundle)
    errors = ", ".join(f"{name} {error:.1e}" for name, error in parity.error.items())
    print(f"monitor parity over {parity.samples} recorded calls: {errors}")
    return 0


def _signals(
    bundle: Bundle, rollouts: list[RolloutRecord], position_fn: PositionFunction, args: Args
) -> tuple[float, dict[str, int], Combination]:
    """Quantile of every score, the scores with their windows, and how they are combined."""
    if not args.choose:
        quantile = shared_quantile(args.quantile, len(args.scores), args.combination)
        return quantile, dict.fromkeys(args.scores, args.window), args.combination
    # The choice must support AND; an OR that the rollouts do not support drops out.
    base = CalibrationConfig(bundle.manifest.files[POLICY_NAME], quantile=args.quantile)
    train, judged = split_rollouts(rollouts, base)
    caused, phases = caused_rollouts(bundle, args), disturbances(bundle.manifest.task).phases
    scoring = ScoringConfig(samples=args.samples, execution=bundle.manifest.actions.execution_horizon)
    with ProgressBar("score", total=len(train) - len(train) // 2 + len(caused)) as bar:
        ranked = choose_scores(train, caused, position_fn, phases, args.quantile, scoring, lambda _: bar.advance())
    ranked = [choice for choice in ranked if required_rollouts(choice.method.quantile) <= len(judged)]
    failed = sum(not r.success for r in caused)
    print(f"chosen by {len(caused)} disturbed rollouts, {failed} of them failures, {len(train)} clean ones:")
    print(choice_table(ranked[:5]))
    best = ranked[0].method
    return best.quantile, dict(best.signals), best.combination


def caused_rollouts(bundle: Bundle, args: Args) -> list[StoredRollout]:
    """``--choose`` rollouts under every cause of failure, recorded or from the files beside ``--rollouts``.

    Raises:
        CalibrationError: a file is missing or too short.
    """
    contract, suite = task_contract(bundle.manifest.task), disturbances(bundle.manifest.task)
    causes = suite.make_causes()
    found: list[StoredRollout] = []
    with ProgressBar("record failures", total=args.choose * len(causes)) as bar:
        for index, cause in enumerate(causes):
            if args.rollouts is None:
                first = args.seed + 10_000 + 1000 * index
                seeds = range(first, first + args.choose)
                seconds = args.seconds or contract.episode_s
                advance = lambda what: bar.advance(last=what)  # noqa: E731
                found += record(bundle, contract, cause, seeds, args.samples, seconds, advance)
                continue
            path = args.rollouts.with_name(recording_name(cause.name))
            stored = _recording(path, bundle, args)
            if len(stored) < args.choose:
                raise CalibrationError(
                    f"'{path}' holds {len(stored)} rollouts, not {args.choose}.", f"use --choose {len(stored)}."
                )
            found += stored[: args.choose]
            bar.advance(args.choose)
    return found


def shared_quantile(quantile: float, scores: int, combination: Combination) -> float:
    """Quantile of every score so that the combined alarm keeps the promise of ``quantile``.

    AND alarms at most as often as its rarest part. OR alarms at most as often as its parts together (Bonferroni).
    """
    return quantile if combination == "and" else 1.0 - (1.0 - quantile) / scores


def record_rollouts(bundle: Bundle, args: Args) -> list[RolloutRecord]:
    """Closed-loop rollouts of the bundle with B sampled chunks and the embedding of every call."""
    contract = task_contract(bundle.manifest.task)
    loop = ClosedLoop(bundle, contract.make_world(), record_samples=args.samples)
    rollouts: list[RolloutRecord] = []
    with ProgressBar("record rollouts", total=args.episodes) as bar:
        for seed in range(args.seed, args.seed + args.episodes):
            episode = loop.run(seed, args.seconds or contract.episode_s, settle_s=contract.settle_s)
            if not episode.calls:
                raise CalibrationError(
                    f"episode {seed} ended before the first policy call: {episode.stopped_by}.",
                    "run `keel evaluate` first.",
                )
            embeddings = np.stack([embedding for embedding, _ in episode.calls])
            chunks = np.stack([chunk for _, chunk in episode.calls])
            rollouts.append(RolloutRecord(episode.success, embeddings, chunks, name=f"seed {seed}"))
            bar.advance(success=f"{sum(r.success for r in rollouts)}/{len(rollouts)}")
    return rollouts


def stored_rollouts(bundle: Bundle, args: Args, path: Path) -> list[RolloutRecord]:
    """The first rollouts of a file.

    Raises:
        CalibrationError: of another policy or number of samples, too few, or disturbed on purpose.
    """
    stored = _recording(path, bundle, args)
    causes = sorted({r.cause for r in stored} - {Cause.name})
    if causes:
        raise CalibrationError(
            f"'{path}' holds rollouts under '{causes[0]}'.", "calibrate on episodes in which nothing goes wrong."
        )
    if len(stored) < args.episodes:
        raise CalibrationError(
            f"'{path}' holds {len(stored)} rollouts, not {args.episodes}.",
            f"use --episodes {len(stored)} or record more.",
        )
    return [RolloutRecord(r.success, r.embeddings, r.chunks, f"seed {r.seed}") for r in stored[: args.episodes]]


def _recording(path: Path, bundle: Bundle, args: Args) -> list[StoredRollout]:
    """All rollouts of a file, which must be of this policy and ``--samples``."""
    stored, info = load_rollouts(path)
    wanted = {"policy_sha256": bundle.manifest.files[POLICY_NAME], "samples": args.samples}
    for name, value in wanted.items():
        if info.get(name) != value:
            raise CalibrationError(
                f"'{path}' was recorded with {name} {info.get(name)}, not {value}.",
                "record rollouts of this bundle, or give its --samples.",
            )
    return stored


def _check(args: Args) -> None:
    """Refuse what cannot work before hundreds of episodes are simulated."""
    for name in ("episodes", "samples", "window"):
        if not getattr(args, name) > 0:
            raise ConfigError(f"--{name} is {getattr(args, name)}.", "give a number above 0.")
    if args.choose < 0:
        raise ConfigError(f"--choose is {args.choose}.", "give a number of episodes per cause, or 0.")
    if args.seconds is not None and not args.seconds > 0:
        raise ConfigError(f"--seconds is {args.seconds}.", "give a time limit above 0, or none.")
    if not args.scores or len(set(args.scores)) < len(args.scores) or set(args.scores) - set(BUILDERS):
        raise ConfigError(
            f"--scores {' '.join(args.scores)} is not a choice of different scores.",
            f"use some of {' '.join(BUILDERS)}.",
        )
    share = CalibrationConfig.train_fraction
    quantile = args.quantile if args.choose else shared_quantile(args.quantile, len(args.scores), args.combination)
    needed = required_rollouts(quantile)
    if args.choose:
        # A choice halves what trains.
        least, reason = math.ceil(2 * needed / share), f"to choose by, {needed} in each quarter"
    else:
        least, reason = math.ceil(needed / (1.0 - share)), f"beside the {share:.0%} that train the predictor"
    if args.episodes < least:
        raise CalibrationError(
            f"{args.episodes} episodes cannot support --quantile {args.quantile}: {needed} successful ones are needed "
            f"{reason}.",
            f"use --episodes {least} or more, or a lower --quantile.",
        )


def print_summary(rollouts: list[RolloutRecord], artefact: CalibrationArtefact, bundle: Bundle) -> None:
    """Thresholds and what they rest on."""
    successes = sum(r.success for r in rollouts)
    print(
        f"{successes} of {len(rollouts)} rollouts succeeded; "
        f"thresholds from {artefact.n} of them (q = {artefact.quantile:.4g}, {artefact.combination.upper()})"
    )
    for signal in artefact.signals:
        print(f"  {signal.name}: window {signal.window}, threshold {signal.threshold:.4g}")
    print(f"added {MONITOR_NAME} and {CALIBRATION_NAME} to {bundle.path}")
