"""Closed-loop quality of policies on one task through their exported bundles, and success against sampling steps.

Every cell (method, sampler, steps, seed) is one JSON file, written when it is finished: interrupt the script and start
it again, or add methods, seeds and episodes later, and only what is missing is computed. Training seeds come one after
the other, each for all methods. Demonstrations, training and evaluation use disjoint seeds.

    python benchmarks/policy_quality.py --task metaworld/mt10 --methods flow-mlp mode --episodes 100
    python benchmarks/policy_quality.py --task metaworld/mt10 --seeds 3 --episodes 500
    python benchmarks/policy_quality.py --task metaworld/mt10 --table-only --write docs/policies.md
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
from training.atomic import write_file
from training.datasets.lerobot_v3.reader import Dataset
from training.evaluation.machine import machine
from training.evaluation.quality import (
    Cell,
    measure,
    mode_table,
    pooled,
    quality_table,
    replaced_between,
    stepwise,
    variant_table,
    with_policy_options,
)
from training.imitation.build import TrainedPolicy, load_policy
from training.policies.config import option

EVALUATION_SEED = 100_000
STEP_GRID = (1, 2, 3, 5, 10, 20, 50)
BLOCK = 100
"""Episodes after which a cell is saved."""


@dataclass(frozen=True)
class Method:
    """One row: how to train it, and which samplers its steps-versus-success curve compares.

    Attributes:
        policy: options of ``--config.policy``.
        curves: sampler options by name; each is evaluated at every number of steps.
        teacher: method that it is distilled from, trained first.
        executed: numbers of executed steps to compare with the contract's.
    """

    policy: dict[str, Any] = field(default_factory=dict)
    curves: dict[str, dict[str, Any]] = field(default_factory=lambda: {"Euler": {}})
    teacher: str = ""
    executed: tuple[int, ...] = ()


EULER_AND_MIDPOINT: dict[str, dict[str, Any]] = {"Euler": {}, "midpoint": {"sampler": "midpoint"}}
DDPM: dict[str, dict[str, Any]] = {
    "DDIM": {"sampler": "ddim"}, "DPM-Solver++ 2M": {"sampler": "dpmpp_2m"}, "DDPM": {"sampler": "ddpm"}
}  # fmt: skip
EDM: dict[str, dict[str, Any]] = {
    "DDIM = Euler": {"sampler": "ddim"}, "DPM-Solver++ 2M": {"sampler": "dpmpp_2m"}, "Heun": {"sampler": "heun"},
    "ancestral": {"sampler": "ancestral"},
}  # fmt: skip
CONSISTENCY: dict[str, dict[str, Any]] = {"consistency": {"sampler": "consistency"}}


def _parts(objective: str, backbone: str, **more: Any) -> dict[str, Any]:
    return {"objective": objective, "backbone": backbone, **more}


METHODS: dict[str, Method] = {
    "flow-mlp": Method(_parts("flow", "mlp"), EULER_AND_MIDPOINT),
    "ddpm-transformer": Method(_parts("ddpm_epsilon", "transformer", sampling_steps=10), DDPM),
    "ddpm-unet": Method(_parts("ddpm_epsilon", "unet", sampling_steps=10), DDPM),
    "mode": Method(_parts("edm", "mode", sampling_steps=10), EDM),
    # the same network with one expert as large as MoDE's four: as many parameters, all of them active
    "mode-dense": Method(
        _parts("edm", "mode", sampling_steps=10, expansion=8, **{"experts.count": 1, "experts.top_k": 1}), EDM
    ),
    "sdp": Method(  # one router for each task of MT10
        _parts("ddpm_epsilon", "sdp", sampling_steps=10, tasks=10, **{"experts.count": 8}), DDPM
    ),
    "consistency": Method(_parts("consistency", "mlp", sampling_steps=2), CONSISTENCY),
    "edm-mlp": Method(_parts("edm", "mlp", sampling_steps=10), EDM),
    "consistency-distilled": Method(_parts("distillation", "mlp", sampling_steps=1), CONSISTENCY, teacher="edm-mlp"),
    "edm-dit": Method(_parts("edm", "dit", sampling_steps=10), EDM),
    "beso": Method(
        _parts(
            "edm", "causal", sampling_steps=3, condition_dropout=0.1, guidance=1.5,
            **{"edm.sigma_min": 0.005, "edm.sigma_max": 1.0},
        ),
        EDM,
    ),
    "flow-mlp-beta": Method(_parts("flow", "mlp", time_density="beta"), EULER_AND_MIDPOINT),
    "shortcut-mlp": Method(_parts("shortcut", "mlp"), {"Euler": {}}),
    "flow-dit": Method(_parts("flow", "dit"), EULER_AND_MIDPOINT),
    "meanflow-mlp": Method(_parts("meanflow", "mlp", sampling_steps=1), {"average velocity": {}}),
    # the five components of Diffusion Policy: all of them, then one less at a time
    "dp": Method(_parts("ddpm_epsilon", "unet", sampling_steps=10), DDPM, executed=(1, 16)),
    "dp-no-history": Method(_parts("ddpm_epsilon", "unet", sampling_steps=10, observation_history=False), DDPM),
    "dp-mlp": Method(_parts("ddpm_epsilon", "mlp", sampling_steps=10), DDPM),
    "dp-concat": Method(_parts("ddpm_epsilon", "unet", sampling_steps=10, conditioning="concat"), DDPM),
}  # fmt: skip
DEFAULT = ("flow-mlp", "ddpm-transformer", "ddpm-unet", "mode", "mode-dense", "sdp", "consistency",
           "consistency-distilled", "edm-dit", "beso")  # fmt: skip
SMALL: dict[str, dict[str, Any]] = {
    "mlp": {"embedding_size": 64, "width": 128, "depth": 3},
    "unet": {"embedding_size": 64, "width": 128, "depth": 3},
    "tokens": {"embedding_size": 64, "width": 64, "depth": 2},
}
"""Sizes that two cores train in minutes, by backbone; ``tokens`` are all that attend."""


@dataclass(frozen=True)
class Wanted:
    """A cell to measure.

    Attributes:
        stem: of its file.
        episodes: closed-loop episodes.
        options: of the policy, beside those it was trained with.
        settings: stored with the cell.
        offered: sampler steps of the step graph through which it is run; the whole sampler in one graph without.
        bundle: stem of the bundle, if not the cell's own.
    """

    stem: str
    episodes: int
    options: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    offered: tuple[int, ...] = ()
    bundle: str = ""


@dataclass(frozen=True)
class Args:
    """Options."""

    task: str = "metaworld/mt10"
    """Task."""
    methods: tuple[str, ...] = DEFAULT
    """Rows to measure."""
    output: Path = Path("runs/policy_quality")
    """Datasets, checkpoints and cells."""
    demonstrations: int = 500
    """Expert episodes to keep, shared by all rows."""
    small: bool = False
    """Networks of 0.1 to 0.7 M parameters instead of the defaults."""
    train_steps: int = 10_000
    """Optimiser steps."""
    batch_size: int = 256
    """Windows per step."""
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
    write: Path | None = None
    """Markdown file whose part between the marks ``TASK: begin`` and ``TASK: end`` the tables replace."""


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
        for seed in range(args.seeds):
            for name in args.methods:
                row(args, root, dataset, name, seed)
    text = tables(root)
    print(text)
    if args.write is not None:
        write_file(args.write, replaced_between(args.write.read_text(), args.task, text))
    return 0


def row(args: Args, root: Path, dataset_path: Path, name: str, seed: int) -> None:
    """Train one method with one seed and measure its cells, unless that was done."""
    run = root / f"{name}.seed{seed}"
    train(args, root, dataset_path, name, seed)
    loaded = load_policy(run / "train")
    cells = [Wanted("cell", args.episodes)]
    for executed in METHODS[name].executed:
        cells.append(Wanted(f"executed.{executed}", args.episodes, settings={"executed steps": executed}))
    if args.curve_episodes:
        for sampler, options in METHODS[name].curves.items():
            cells += curve(loaded, sampler, options, args.curve_episodes)
    dataset = Dataset.open(dataset_path)
    for wanted in cells:
        stem, settings, episodes = wanted.stem, wanted.settings, wanted.episodes
        path = run / f"{stem}.json"
        known = Cell.load(path) if path.exists() else None
        try:
            trained = with_policy_options(loaded, wanted.options)
        except ConfigError as error:  # not every sampler takes every number of steps
            print(f"{stem}: left out, {error.cause}", flush=True)
            continue
        while known is None or known.episodes < episodes:
            goal = min(episodes, BLOCK + (0 if known is None else known.episodes))
            known = measure(
                name, trained, dataset, run / f"{wanted.bundle or stem}.keel", episodes=goal,
                first_seed=EVALUATION_SEED, settings=settings, known=known,
                execution_horizon=settings.get("executed steps"), offered=wanted.offered,
            )  # fmt: skip
            known.save(path)
            print(f"{path}: {known.successes}/{known.episodes}", flush=True)


def curve(trained: TrainedPolicy, sampler: str, options: dict[str, Any], episodes: int) -> list[Wanted]:
    """The points of one sampler's curve; they share a step graph where the sampler can be run one step at a time."""
    offered = stepwise(trained, STEP_GRID, **options)
    return [
        Wanted(
            f"curve.{sampler}.{steps}",
            episodes,
            {**options, "sampling_steps": steps},
            {"sampler": sampler, "steps": steps},
            offered if steps in offered else (),
            f"curve.{sampler}" if steps in offered else "",
        )
        for steps in STEP_GRID
    ]


def train(args: Args, root: Path, dataset_path: Path, name: str, seed: int) -> None:
    """Train, or go on, unless it is finished."""
    method, output = METHODS[name], root / f"{name}.seed{seed}" / "train"
    if finished(output, args.train_steps):
        return
    policy = dict(method.policy)
    if args.small:
        sizes = SMALL.get(policy["backbone"], SMALL["tokens"])
        policy = {**sizes, **policy}
    if policy["objective"] in ("consistency", "distillation"):
        policy["consistency.total_updates"] = args.train_steps
    if method.teacher:
        train(args, root, dataset_path, method.teacher, seed)
        policy["teacher"] = root / f"{method.teacher}.seed{seed}" / "train"
    options = [word for key, value in policy.items() for word in words(key, value)]
    resume = ["--resume"] if (output / "checkpoints/last").exists() else []
    keel("train", "--dataset", dataset_path, "--output", output, "--threads", 1, *resume, "--config.steps",
         args.train_steps, "--config.batch-size", args.batch_size, "--config.seed", seed, *options)  # fmt: skip


def words(key: str, value: Any) -> list[Any]:
    """An option of the policy on the command line; flags are switched off by their name."""
    return [option(f"no_{key}")] if value is False else [option(key), value]


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


def tables(root: Path) -> str:
    """Tables of all finished cells, as Markdown."""
    order = list(METHODS)
    files = [path for pattern in ("cell", "executed.*") for path in sorted(root.glob(f"*/{pattern}.json"))]
    cells = [Cell.load(path) for path in files]
    cells = pooled(sorted(cells, key=lambda c: (order.index(c.label), c.training_seed)))
    curves = [Cell.load(path) for path in root.glob("*/curve.*.json")]
    curves = pooled(
        sorted(curves, key=lambda c: (order.index(c.label), c.settings["sampler"], c.settings["steps"]))
    )  # fmt: skip
    parts = [f"{machine()['cpu']}, one thread.", quality_table(cells), variant_table(cells), mode_table(cells)]
    return "\n\n".join(part for part in [*parts, quality_table(curves) if curves else ""] if part)


if __name__ == "__main__":
    try:
        sys.exit(main(tyro.cli(Args, description=__doc__)))
    except KeelError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
