"""Does a decoder that feels do better in contact than plans alone, when plans arrive late?

Collects demonstrations, trains reactive diffusion policy (arXiv 2503.02881), the same with a decoder that feels
nothing, and a flow policy on chunks of actions, exports each as a bundle, and runs each from the same unseen starts
through the runtime. Plans arrive 80 ms late for all.

``wiping``: one axis; height and stiffness of the surface differ between strokes, and it moves by 6 mm about three times
in one, within plans of 16 steps of 20 ms. ``panda_insertion``: a Panda puts a square peg into a square hole with 1 mm
of clearance and feels the force on its gripper; above 60 N the part is damaged.

    python benchmarks/reactive.py --output reactive.json            about 8 minutes of one core
    python benchmarks/reactive.py --task panda_insertion --demonstrations 300 --steps 9000
    python benchmarks/reactive.py --demonstrations 20 --steps 60 --seeds 3       (does it run)
    python benchmarks/reactive.py --bundles runs/wiping          use what an earlier run has trained, or keep it there
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from policy_nodes.bundle.load import load_bundle  # noqa: E402
from policy_nodes.cli.dispatch import main as keel  # noqa: E402
from training.contracts.registry import task_contract  # noqa: E402
from training.evaluation.latency import Latency  # noqa: E402
from training.evaluation.latency_loop import LatentLoop  # noqa: E402
from training.evaluation.statistics import wilson_interval  # noqa: E402

FIRST_SEED, LATE_MS = 100_000, 80.0
FAST, BLIND, CHUNKS = "fast decoder with force", "decoder without force", "chunks of actions"


@dataclass(frozen=True)
class Task:
    """How a task is demonstrated and judged.

    Attributes:
        noise: of the demonstrations.
        unit: of what is measured beside success.
        measure: that, of a world after its episode.
        chunks: options of ``keel train`` for the policy on chunks.
        sizes: options of ``keel slow-fast`` for both others.
    """

    noise: float
    unit: str
    measure: Callable[[Any], float]
    chunks: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()


TASKS = {
    "wiping": Task(
        0.001,
        "force error (N, RMS)",
        lambda world: world.force_error(),
        ("--config.policy.horizon", "24", "--config.policy.width", "128"),
    ),
    "panda_insertion": Task(
        0.006,
        "largest force (N)",
        lambda world: world.peak_force,
        sizes=("--training.width", "256", "--training.hidden", "128", "--training.latent", "16"),
    ),
}


def main() -> int:
    """Train, run, print; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", choices=sorted(TASKS), default="wiping")
    parser.add_argument("--demonstrations", type=int, default=400)
    parser.add_argument("--steps", type=int, default=2000, help="optimiser steps of each policy; tokenizers 3/4")
    parser.add_argument("--seeds", type=int, default=50, help="unseen starts")
    parser.add_argument("--bundles", type=Path, default=None, help="directory of the trained bundles")
    parser.add_argument("--output", type=Path, default=None, help="also write everything as JSON")
    args = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        bundles = _bundles(args.task, args.bundles or Path(directory), args.demonstrations, args.steps)
        rows = _measure(args.task, bundles, args.seeds)
    print(f"{time.monotonic() - began:.0f} s, load {os.getloadavg()[0]:.1f}")
    if args.output is not None:
        args.output.write_text(json.dumps(rows, indent=1))
    return 0


def _bundles(task: str, root: Path, demonstrations: int, steps: int) -> dict[str, Path]:
    """The three bundles, trained unless they are there."""
    about = TASKS[task]
    data, length = root / "dataset", ["--training.policy-steps", str(steps)]
    length += ["--training.tokenizer-steps", str(max(steps * 3 // 4, 1))]
    names = {FAST: root / f"{task}.keel", BLIND: root / "blind.keel", CHUNKS: root / "chunks.keel"}
    if not data.is_dir():
        count = ("--noise", str(about.noise), "--episodes", str(demonstrations))
        _keel("collect", "--task", task, *count, "--output", str(data))
    for name, extra in ((FAST, []), (BLIND, ["--training.blind"])):
        if not names[name].is_dir():
            _keel("slow-fast", "--dataset", str(data), "--output", str(names[name]), *length, *about.sizes, *extra)
    if not names[CHUNKS].is_dir():
        run = root / "chunks"
        sizes = ["--config.batch-size", "64", "--config.steps", str(steps), *about.chunks]
        _keel("train", "--dataset", str(data), "--output", str(run), *sizes)
        _keel("export", "--checkpoint", str(run), "--dataset", str(data), "--output", str(names[CHUNKS]))
    return names


def _keel(*arguments: str) -> None:
    if code := keel(arguments):
        raise SystemExit(code)


def _measure(task: str, bundles: dict[str, Path], seeds: int) -> dict[str, Any]:
    """Run each; prints the table."""
    contract, measure = task_contract(task), TASKS[task].measure
    rows: dict[str, Any] = {}
    title = f"{task}, plans 80 ms late"
    print(f"{title:36s}{'success (95 % Wilson)':>28s}{TASKS[task].unit:>26s}")
    for name, path, open_loop in (
        (FAST, bundles[FAST], False),
        ("  the same, its plans alone", bundles[FAST], True),
        (BLIND, bundles[BLIND], False),
        (CHUNKS, bundles[CHUNKS], False),
    ):
        world = contract.make_world()
        loop = LatentLoop(load_bundle(path), world, Latency(LATE_MS / 1e3), open_loop=open_loop)
        successes, forces = 0, []
        for seed in range(FIRST_SEED, FIRST_SEED + seeds):
            successes += loop.run(seed, contract.episode_s).success
            forces.append(measure(world))
        rows[name] = _row(name, successes, forces)
    rows["expert"] = _row("expert", *_expert(contract, measure, seeds))
    return rows


def _expert(contract: Any, measure: Callable[[Any], float], seeds: int) -> tuple[int, list[float]]:
    world, expert, successes, forces = contract.make_world(), contract.make_expert(), 0, []
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        world.reset(seed)
        expert.reset(world, seed)
        for _ in range(round(contract.episode_s / world.control_dt)):
            if world.success() or world.failed():
                break
            world.step(expert.act(world))
        successes += world.success()
        forces.append(measure(world))
    return successes, forces


def _row(name: str, successes: int, forces: list[float]) -> dict[str, Any]:
    """Print one line; the same as plain numbers. A stroke that ended before it counted has no error."""
    low, high = wilson_interval(successes, len(forces), 0.95)
    known = np.array([force for force in forces if np.isfinite(force)])
    mean = float(known.mean()) if known.size else float("nan")
    span = bootstrap(known) if known.size else (mean, mean)
    share = f"{successes:8d}/{len(forces)} ({low:.2f} to {high:.2f})"
    print(f"{name:36s}{share}{mean:14.2f} ({span[0]:.2f} to {span[1]:.2f})", flush=True)
    return {"successes": successes, "of": len(forces), "low": low, "high": high, "forces": forces}


def bootstrap(values: np.ndarray, draws: int = 2000) -> tuple[float, float]:
    """95 % percentile interval of the mean."""
    rng = np.random.default_rng(0)
    means = values[rng.integers(len(values), size=(draws, len(values)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


if __name__ == "__main__":
    sys.exit(main())
