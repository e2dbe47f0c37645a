"""Closed-loop quality of policies on one task through their exported bundles, and success against sampling steps.

Every cell (method, sampler, steps, seed) is one JSON file, written when it is finished: interrupt the script and start
it again, or add methods later, and only what is missing is computed. Demonstrations, training and evaluation use
disjoint seeds. The experts' own success is the share of demonstrations that were kept.

    python benchmarks/policy_quality.py --task metaworld/mt10
    python benchmarks/policy_quality.py --task metaworld/mt10 --methods flow-mlp --seeds 3 --episodes 500
    python benchmarks/policy_quality.py --task metaworld/mt10 --table-only
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import tyro

from policy_nodes.errors import ConfigError, KeelError
from training.datasets.lerobot_v3.reader import Dataset
from training.evaluation.machine import machine
from training.evaluation.quality import Cell, measure, quality_table, variant_table, with_policy_options
from training.imitation.build import load_policy

EVALUATION_SEED = 100_000
STEP_GRID = (1, 2, 3, 5, 10, 20, 50)


@dataclass(frozen=True)
class Method:
    """One row: how to train it, and which samplers its steps-versus-success curve compares.

    Attributes:
        train: options of `keel train`.
        curves: sampler options by name; each is evaluated at every number of steps.
    """

    train: tuple[str, ...] = ()
    curves: dict[str, dict[str, Any]] = field(default_factory=lambda: {"Euler": {}})


EULER_AND_MIDPOINT: dict[str, dict[str, Any]] = {"Euler": {}, "midpoint": {"sampler": "midpoint"}}
DDIM_AND_DPMPP: dict[str, dict[str, Any]] = {"DDIM": {"sampler": "ddim"}, "DPM-Solver++ 2M": {"sampler": "dpmpp_2m"}}
EDM: dict[str, dict[str, Any]] = {
    **DDIM_AND_DPMPP, "Heun": {"sampler": "heun"}, "ancestral": {"sampler": "ancestral"}
}  # fmt: skip


def _train(objective: str, backbone: str, *more: str) -> tuple[str, ...]:
    return ("--config.policy.objective", objective, "--config.policy.backbone", backbone, *more)


METHODS: dict[str, Method] = {
    "flow-mlp": Method(_train("flow", "mlp"), EULER_AND_MIDPOINT),
    "flow-mlp-beta": Method(_train("flow", "mlp", "--config.policy.time-density", "beta"), EULER_AND_MIDPOINT),
    "shortcut-mlp": Method(_train("shortcut", "mlp"), {"Euler": {}}),
    "flow-dit": Method(_train("flow", "dit"), EULER_AND_MIDPOINT),
    "ddpm-transformer": Method(
        _train("ddpm_epsilon", "transformer", "--config.policy.sampling-steps", "10"), DDIM_AND_DPMPP
    ),
    "ddpm-unet": Method(_train("ddpm_epsilon", "unet", "--config.policy.sampling-steps", "10"), DDIM_AND_DPMPP),
    "mode": Method(_train("edm", "mode", "--config.policy.sampling-steps", "10"), EDM),
    "edm-dit": Method(_train("edm", "dit", "--config.policy.sampling-steps", "10"), EDM),
    "sdp": Method(  # one router for each task of MT10
        _train("ddpm_epsilon", "sdp", "--config.policy.sampling-steps", "10", "--config.policy.tasks", "10"),
        DDIM_AND_DPMPP,
    ),
    "consistency": Method(
        _train("consistency", "mlp", "--config.policy.sampling-steps", "2"),
        {"consistency": {"sampler": "consistency"}},
    ),
}


@dataclass(frozen=True)
class Args:
    """Options."""

    task: str = "metaworld/mt10"
    """Task."""
    methods: tuple[str, ...] = ("flow-mlp",)
    """Rows to measure."""
    output: Path = Path("runs/policy_quality")
    """Datasets, checkpoints and cells."""
    demonstrations: int = 500
    """Expert episodes to keep, shared by all rows."""
    train_steps: int = 10_000
    """Optimiser steps."""
    seeds: int = 1
    """Training runs per row."""
    episodes: int = 100
    """Closed-loop episodes per cell; a set of tasks shares them evenly."""
    curve_episodes: int = 0
    """Closed-loop episodes per point of the steps-versus-success curve; 0 leaves the curve out."""
    workers: int = 0
    """Processes that record demonstrations; 0 uses every core."""
    table_only: bool = False
    """Print what has been measured."""


def main(args: Args) -> int:
    """Measure what is missing, print the tables; returns the exit code."""
    unknown = [name for name in args.methods if name not in METHODS]
    if unknown:
        raise ConfigError(f"unknown methods {', '.join(unknown)}.", f"use {', '.join(METHODS)}.")
    torch.set_num_threads(1)
    root = args.output / args.task.replace("/", "_")
    if not args.table_only:
        dataset = root / "dataset"
        if not dataset.exists():
            keel("collect", "--task", args.task, "--output", dataset, "--episodes", args.demonstrations,
                 "--workers", args.workers)  # fmt: skip
        for name in args.methods:
            for seed in range(args.seeds):
                row(args, root, dataset, name, seed)
    print_tables(root)
    return 0


def row(args: Args, root: Path, dataset_path: Path, name: str, seed: int) -> None:
    """Train one method with one seed and measure its cells, unless that was done."""
    run = root / f"{name}.seed{seed}"
    if not finished(run / "train", args.train_steps):
        resume = ["--resume"] if (run / "train/checkpoints/last").exists() else []
        keel("train", "--dataset", dataset_path, "--output", run / "train", "--threads", 1, *resume,
             "--config.steps", args.train_steps, "--config.seed", seed, *METHODS[name].train)  # fmt: skip
    cells: dict[Path, tuple[dict[str, Any], dict[str, Any], int]] = {
        run / "cell.json": ({}, {"seed": seed} if args.seeds > 1 else {}, args.episodes)
    }
    if args.curve_episodes:
        for sampler, options in METHODS[name].curves.items():
            for steps in STEP_GRID:
                settings = {"sampler": sampler, "steps": steps}
                cells[run / f"curve.{sampler}.{steps}.json"] = (
                    {**options, "sampling_steps": steps}, settings, args.curve_episodes
                )  # fmt: skip
    dataset = Dataset.open(dataset_path)
    for path, (options, settings, episodes) in cells.items():
        if path.exists():
            continue
        try:
            trained = with_policy_options(load_policy(run / "train"), options)
        except ConfigError as error:  # not every sampler takes every number of steps
            print(f"{path.stem}: left out, {error.cause}", flush=True)
            continue
        cell = measure(
            name, trained, dataset, episodes=episodes, first_seed=EVALUATION_SEED, settings=settings
        )  # fmt: skip
        cell.save(path)
        print(f"{path}: {cell.successes}/{cell.episodes}", flush=True)


def finished(run: Path, steps: int) -> bool:
    """Whether a training run has reached its last step."""
    try:
        return int(json.loads((run / "checkpoints/last/config.json").read_text())["step"]) >= steps
    except (OSError, ValueError, KeyError):
        return False


def keel(*arguments: object) -> None:
    """Run a ``keel`` command.

    Raises:
        KeelError: it failed; its own message is above.
    """
    words = [str(argument) for argument in arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    if subprocess.run([sys.executable, "-m", "policy_nodes.cli", *words], env=environment).returncode != 0:
        raise KeelError(f"'keel {' '.join(words)}' failed.", "see its message above.")


def print_tables(root: Path) -> None:
    """Tables of all finished cells."""
    cells = [Cell.load(path) for path in sorted(root.glob("*/cell.json"))]
    curves = [Cell.load(path) for path in root.glob("*/curve.*.json")]
    print(f"\n{machine()['cpu']}, {machine()['cores']} cores\n\n{quality_table(cells)}\n\n{variant_table(cells)}\n")
    if curves:
        order = sorted(curves, key=lambda c: (c.label, c.settings["sampler"], c.settings["steps"]))
        print(quality_table(order))


if __name__ == "__main__":
    try:
        sys.exit(main(tyro.cli(Args, description=__doc__)))
    except KeelError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
