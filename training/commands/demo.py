"""The whole chain: simulate, train, export with proof, calibrate, verify, evaluate, run over ROS 2, inject faults.

Every stage is a command of its own, printed before it runs, so that it can be repeated by hand. The last stage is a
fault act on the live nodes: the policy process is stopped, an observation turns NaN, and the cube is moved out of the
training distribution, each in mid-motion. It ends in one HTML report.

Examples:
    keel demo
    keel demo --output runs/demo --resume      (keep the stages that an interrupted demo finished)
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from policy_nodes.bundle.load import load_bundle
from policy_nodes.errors import KeelError
from sim.tasks.pick_place.world import PickPlaceWorld
from training.atomic import write_file
from training.evaluation.playback import film_run

BUNDLE = "pick_place.keel"
FINISHED = "stages.json"
"""Record of the finished stages, for ``--resume``."""
FAULTS = ("policy_stopped", "observation_nan", "object_displaced")


@dataclass(frozen=True)
class Args:
    """Options of `keel demo`."""

    output: Path = Path("runs/demo")
    """Directory for everything that the demo makes."""
    demonstrations: int = 400
    """Expert episodes to collect."""
    training_steps: int = 8000
    """Optimiser steps."""
    calibration_episodes: int = 100
    """Rollouts for the failure predictor."""
    quantile: float = 0.9
    """Conformal quantile of the failure predictor: at most 1 - quantile of good episodes raise a false alarm."""
    evaluation_episodes: int = 60
    """Closed-loop episodes."""
    live_episodes: int = 5
    """Episodes over the ROS 2 nodes."""
    videos: int = 2
    """Filmed evaluation episodes."""
    seed: int = 0
    """Seed of demonstrations and training."""
    resume: bool = False
    """Keep finished stages of an earlier demo in the same directory."""


@dataclass(frozen=True)
class Stage:
    """One command of the chain.

    Attributes:
        title: what it does.
        arguments: of ``keel``.
        output: file that receives its standard output, or None.
    """

    title: str
    arguments: tuple[str, ...]
    output: Path | None = None


class StageError(KeelError):
    """A stage of the demo failed."""


def stages(args: Args) -> list[Stage]:
    """The chain, in order."""
    out, bundle = args.output, args.output / BUNDLE
    dataset, train = out / "dataset", out / "train"

    def stage(title: str, *arguments: object, output: Path | None = None) -> Stage:
        return Stage(title, tuple(str(argument) for argument in arguments), output)

    return [
        stage(
            "collect expert demonstrations",
            "collect", "--output", dataset, "--episodes", args.demonstrations, "--seed", args.seed, "--overwrite",
        ),
        stage(
            "train a flow-matching policy",
            "train", "--dataset", dataset, "--output", train, "--overwrite",
            "--config.steps", args.training_steps, "--config.seed", args.seed,
        ),
        stage(
            "export one graph with parity proof",
            "export", "--checkpoint", train, "--dataset", dataset, "--output", bundle,
        ),
        stage(
            "calibrate the failure predictor",
            "calibrate", bundle, "--episodes", args.calibration_episodes, "--quantile", args.quantile,
        ),
        stage("verify the bundle", "verify", bundle, "--json", output=out / "verify.json"),
        stage(
            "evaluate in closed loop through the bundle",
            "evaluate", bundle, "--episodes", args.evaluation_episodes, "--output", out / "evaluation",
            "--videos", args.videos, "--record",
        ),
        stage(
            "run the nodes over ROS 2, then inject faults",
            "run", bundle, "--sim", "--episodes", args.live_episodes, "--output", out / "run", "--faults", *FAULTS,
        ),
    ]  # fmt: skip


def run(args: Args) -> int:
    """Run the demo; returns the exit code."""
    console, began = Console(highlight=False, soft_wrap=True), time.monotonic()
    if not args.resume:
        for name in ("dataset", "train", BUNDLE, "evaluation", "run"):
            shutil.rmtree(args.output / name, ignore_errors=True)
        for name in ("verify.json", "report.html", FINISHED):
            (args.output / name).unlink(missing_ok=True)
    args.output.mkdir(parents=True, exist_ok=True)
    seconds: dict[str, float] = {}
    finished = _finished(args.output) if args.resume else []
    for number, stage in enumerate(chain := stages(args), start=1):
        arguments = list(stage.arguments)
        if finished[number - 1 : number] == [arguments]:
            console.print(f"[bold]{number}/{len(chain) + 1} {stage.title}[/bold]: kept")
            continue
        console.print(f"\n[bold]{number}/{len(chain) + 1} {stage.title}[/bold]\n$ keel {' '.join(stage.arguments)}")
        started = time.monotonic()
        del finished[number - 1 :]  # what comes later was made from what is now made anew
        write_file(args.output / FINISHED, json.dumps(finished, indent=1))
        _command(stage)
        seconds[stage.title] = time.monotonic() - started
        finished.append(arguments)
        write_file(args.output / FINISHED, json.dumps(finished, indent=1))
    console.print(f"\n[bold]{len(chain) + 1}/{len(chain) + 1} film the live run and write the report[/bold]")
    film_run(args.output / "run", PickPlaceWorld())
    report = args.output / "report.html"
    _keel(("report", str(args.output), "--output", str(report)))
    wall = time.monotonic() - began
    (args.output / "demo.json").write_text(json.dumps({"wall_s": wall, "stages_s": seconds}, indent=1))
    summary(console, args.output, wall)
    return 0


def _finished(output: Path) -> list[list[str]]:
    """Arguments of the stages that an earlier demo completed; empty when it left no record."""
    try:
        return [list(arguments) for arguments in json.loads((output / FINISHED).read_text())]
    except (OSError, ValueError, TypeError):
        return []


def _command(stage: Stage) -> None:
    """Run one stage; what it prints goes to its output file when it has one."""
    if stage.output is None:
        _keel(stage.arguments)
        return
    temporary = stage.output.with_name(f".{stage.output.name}.tmp")
    with temporary.open("w") as file:
        _keel(stage.arguments, stdout=file)
    temporary.replace(stage.output)


def _keel(arguments: Sequence[str], stdout: Any = None) -> None:
    """``keel`` in a process of its own, ended with this one.

    Raises:
        StageError: it failed; its own message is above.
    """
    process = subprocess.Popen([sys.executable, "-m", "policy_nodes.cli", *arguments], stdout=stdout)
    try:
        code = process.wait()
    except BaseException:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
        raise
    if code != 0:
        raise StageError(
            f"stage 'keel {arguments[0]}' failed with exit code {code}; its message is above.",
            "remove the cause and continue with: keel demo --resume",
        )


def summary(console: Console, output: Path, wall_s: float) -> None:
    """The few numbers that matter."""
    bundle = load_bundle(output / BUNDLE).manifest
    evaluation = json.loads((output / "evaluation" / "evaluation.json").read_text())
    live = json.loads((output / "run" / "run.json").read_text())
    low, high = evaluation["interval"]
    total = len(evaluation["episodes"])
    console.print(f"\n[bold]Keel demo[/bold] in {wall_s / 60:.1f} min on {os.cpu_count()} cores")
    console.print(
        f"  success      {evaluation['successes']}/{total} (95 % Wilson interval {low:.3f}..{high:.3f}), "
        f"live over ROS 2 {sum(e['success'] for e in live['episodes'])}/{len(live['episodes'])}"
    )
    console.print(
        f"  parity       {max(bundle.parity.max_abs_error.values()):.1e} (allowed {bundle.parity.tolerance:.0e})"
    )
    times = evaluation["inference_ms"]
    console.print(f"  inference    median {times['p50']:.2f} ms, p99 {times['p99']:.2f} ms on one thread")
    for fault in live["faults"]:
        reaction = fault.get("reaction_s")
        console.print(
            f"  fault        {fault['name']}: {fault['reason'] or 'not detected'}, backup {fault['backup'] or 'none'}, "
            + (f"reaction {reaction * 1e3:.0f} ms, " if reaction is not None else "")
            + ("handled" if fault["passed"] else "NOT HANDLED")
        )
    console.print(f"  report       {(output / 'report.html').resolve()}")
