"""Does a decoder that feels hold the contact force better than plans alone, when the surface moves within a plan?

Collects demonstrations of an admittance controller on the task ``wiping``, trains reactive diffusion policy (arXiv
2503.02881), the same with a decoder that feels nothing, and a flow policy on chunks of actions, exports each as a
bundle, and wipes with each on the same unseen surfaces through the runtime. Plans are made every 16 steps of 20 ms and
arrive 80 ms late for all; height and stiffness differ between strokes, and the surface moves by 6 mm about three times
in one.

    python benchmarks/reactive.py --output reactive.json            about 8 minutes of one core
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


def main() -> int:
    """Train, wipe, print; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demonstrations", type=int, default=400)
    parser.add_argument("--steps", type=int, default=2000, help="optimiser steps of each policy; tokenizers 3/4")
    parser.add_argument("--seeds", type=int, default=50, help="unseen surfaces")
    parser.add_argument("--bundles", type=Path, default=None, help="directory of the trained bundles")
    parser.add_argument("--output", type=Path, default=None, help="also write everything as JSON")
    args = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        rows = _measure(_bundles(args.bundles or Path(directory), args.demonstrations, args.steps), args.seeds)
    print(f"{time.monotonic() - began:.0f} s, load {os.getloadavg()[0]:.1f}")
    if args.output is not None:
        args.output.write_text(json.dumps(rows, indent=1))
    return 0


def _bundles(root: Path, demonstrations: int, steps: int) -> dict[str, Path]:
    """The three bundles, trained unless they are there."""
    data, length = root / "dataset", ["--training.policy-steps", str(steps)]
    length += ["--training.tokenizer-steps", str(max(steps * 3 // 4, 1))]
    names = {FAST: root / "wiping.keel", BLIND: root / "blind.keel", CHUNKS: root / "chunks.keel"}
    if not data.is_dir():
        _keel(
            "collect", "--task", "wiping", "--noise", "0.001", "--episodes", str(demonstrations), "--output", str(data)
        )
    for name, extra in ((FAST, []), (BLIND, ["--training.blind"])):
        if not names[name].is_dir():
            _keel("slow-fast", "--dataset", str(data), "--output", str(names[name]), *length, *extra)
    if not names[CHUNKS].is_dir():
        run = root / "chunks"
        sizes = ["--config.policy.horizon", "24", "--config.policy.width", "128", "--config.batch-size", "64"]
        _keel("train", "--dataset", str(data), "--output", str(run), "--config.steps", str(steps), *sizes)
        _keel("export", "--checkpoint", str(run), "--dataset", str(data), "--output", str(names[CHUNKS]))
    return names


def _keel(*arguments: str) -> None:
    if code := keel(arguments):
        raise SystemExit(code)


def _measure(bundles: dict[str, Path], seeds: int) -> dict[str, Any]:
    """Wipe with each; prints the table."""
    contract = task_contract("wiping")
    rows: dict[str, Any] = {}
    title = f"plans 80 ms late, {seeds} surfaces"
    print(f"{title:36s}{'wiped (95 % Wilson)':>28s}{'force error (N, RMS)':>26s}")
    for name, path, open_loop in (
        (FAST, bundles[FAST], False),
        ("  the same, its plans alone", bundles[FAST], True),
        (BLIND, bundles[BLIND], False),
        (CHUNKS, bundles[CHUNKS], False),
    ):
        world = contract.make_world()
        loop = LatentLoop(load_bundle(path), world, Latency(LATE_MS / 1e3), open_loop=open_loop)
        wiped, errors = 0, []
        for seed in range(FIRST_SEED, FIRST_SEED + seeds):
            wiped += loop.run(seed, contract.episode_s).success
            errors.append(world.force_error())
        rows[name] = _row(name, wiped, errors)
    rows["expert"] = _row("expert (admittance control)", *_expert(contract, seeds))
    return rows


def _expert(contract: Any, seeds: int) -> tuple[int, list[float]]:
    world, expert, wiped, errors = contract.make_world(), contract.make_expert(), 0, []
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        world.reset(seed)
        expert.reset(world, seed)
        while not world.over and not world.failed():
            world.step(expert.act(world))
        wiped += world.success()
        errors.append(world.force_error())
    return wiped, errors


def _row(name: str, wiped: int, errors: list[float]) -> dict[str, Any]:
    """Print one line; the same as plain numbers. A stroke that ended before it counted has no error."""
    low, high = wilson_interval(wiped, len(errors), 0.95)
    known = np.array([error for error in errors if np.isfinite(error)])
    mean = float(known.mean()) if known.size else float("nan")
    span = bootstrap(known) if known.size else (mean, mean)
    print(
        f"{name:36s}{wiped:8d}/{len(errors)} ({low:.2f} to {high:.2f}){mean:14.2f} ({span[0]:.2f} to {span[1]:.2f})",
        flush=True,
    )
    return {"wiped": wiped, "of": len(errors), "low": low, "high": high, "errors": errors}


def bootstrap(values: np.ndarray, draws: int = 2000) -> tuple[float, float]:
    """95 % percentile interval of the mean."""
    rng = np.random.default_rng(0)
    means = values[rng.integers(len(values), size=(draws, len(values)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


if __name__ == "__main__":
    sys.exit(main())
