"""One cell of a quality table: a trained policy, exported, run in closed loop, with what it costs.

Success is measured through the bundle, that is through the code that runs on the robot. Operations are counted on the
PyTorch module for one chunk (a multiplication and an addition count as two); latency is that of the exported graph on
one thread, in calls of its own after the episodes, so that the simulator's load on the caches does not enter.
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from policy_nodes.bundle.load import load_bundle
from policy_nodes.inference.policy import PolicySession
from training.atomic import write_file
from training.contracts.task import TaskContract
from training.datasets.lerobot_v3.reader import Dataset
from training.evaluation.closed_loop import ClosedLoop
from training.evaluation.results import by_variant
from training.evaluation.statistics import wilson_interval
from training.export.bundle import export_bundle
from training.imitation.build import TrainedPolicy, build_policy

LATENCY_CALLS = 300


@dataclass(frozen=True)
class Cell:
    """One measured policy.

    Attributes:
        label: row of the table.
        task: contract name.
        settings: options that make this cell different from its row's defaults, e.g. sampling steps.
        episodes: closed-loop episodes.
        successes: of them.
        variants: variant -> (successes, episodes).
        first_seed: seed of the first episode.
        parameters: of the whole network.
        active_parameters: used for one chunk; fewer where experts are routed.
        flops: floating-point operations of one chunk, sampler included.
        latency_ms: median and 99th percentile of a call.
        steps_trained: optimiser steps.
    """

    label: str
    task: str
    settings: dict[str, Any]
    episodes: int
    successes: int
    variants: dict[str, tuple[int, int]]
    first_seed: int
    parameters: int
    active_parameters: int
    flops: int
    latency_ms: tuple[float, float]
    steps_trained: int

    def save(self, path: Path) -> None:
        """Write as JSON, atomically."""
        write_file(path, json.dumps(dataclasses.asdict(self), indent=1))

    @classmethod
    def load(cls, path: Path) -> Cell:
        """Read what :meth:`save` wrote."""
        raw = json.loads(path.read_text())
        raw["variants"] = {name: tuple(counts) for name, counts in raw["variants"].items()}
        raw["latency_ms"] = tuple(raw["latency_ms"])
        return cls(**raw)


def with_policy_options(trained: TrainedPolicy, options: dict[str, Any]) -> TrainedPolicy:
    """The same weights with other options of the policy that do not change them, such as the sampler and its steps."""
    config = dataclasses.replace(trained.train.policy, **options)
    policy = build_policy(trained.contract, config)
    policy.load_state_dict(trained.policy.state_dict())
    train = dataclasses.replace(trained.train, policy=config)
    return dataclasses.replace(trained, policy=policy.eval().requires_grad_(False), train=train)


def count_flops(policy: torch.nn.Module, contract: TaskContract) -> int:
    """Floating-point operations of one chunk."""
    actions = contract.actions
    observation = {f.name: torch.zeros(1, f.history, f.size) for f in contract.observations}
    rows = int(getattr(policy, "noise_rows", actions.horizon))
    noise = torch.zeros(1, rows, len(actions.joints))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        policy(observation, noise)
    return int(counter.get_total_flops())


def measure(
    label: str,
    trained: TrainedPolicy,
    dataset: Dataset,
    *,
    episodes: int,
    first_seed: int,
    settings: dict[str, Any] | None = None,
) -> Cell:
    """Export and evaluate.

    Args:
        label: row of the table.
        trained: the policy.
        dataset: the one it was trained on.
        episodes: closed-loop episodes, at least 1.
        first_seed: of the episodes; held out from the demonstrations'.
        settings: of the cell, stored with it.

    Raises:
        BundleError: the exported graph does not compute what PyTorch does.
    """
    contract = trained.contract
    with tempfile.TemporaryDirectory() as directory:
        bundle = export_bundle(trained, dataset, Path(directory) / "cell.keel", name="cell")
        loop = ClosedLoop(bundle, contract.make_world())
        done = []
        for seed in range(first_seed, first_seed + episodes):
            done.append(loop.run(seed, contract.episode_s))
            done[-1].variant = contract.variant(seed)
        latency = measure_latency(Path(directory) / "cell.keel")
    total = sum(p.numel() for p in trained.policy.parameters())
    active = getattr(trained.policy, "active_parameters", None)
    return Cell(
        label=label,
        task=contract.name,
        settings=dict(settings or {}),
        episodes=episodes,
        successes=sum(episode.success for episode in done),
        variants=by_variant(done),
        first_seed=first_seed,
        parameters=total,
        active_parameters=int(active()) if callable(active) else total,
        flops=count_flops(trained.policy, contract),
        latency_ms=latency,
        steps_trained=int(trained.config["step"]),
    )


def measure_latency(bundle_path: Path, calls: int = LATENCY_CALLS) -> tuple[float, float]:
    """Median and 99th percentile (ms) of single calls of a bundle's graph on one thread of this machine."""
    bundle = load_bundle(bundle_path)
    session = PolicySession(bundle, provider="cpu", threads=1)
    session.warm_up()
    values = {f.name: np.zeros((f.history, f.size), np.float32) for f in bundle.manifest.observations}
    rng = np.random.default_rng(0)
    times = [session.sample(values, rng=rng).seconds * 1e3 for _ in range(calls)]
    return float(np.median(times)), float(np.quantile(times, 0.99))


def quality_table(cells: Sequence[Cell], confidence: float = 0.95) -> str:
    """Cells of one task as a Markdown table."""
    lines = [
        "| policy | success | 95 % interval | parameters | active | MFLOP per chunk | latency p50 / p99 |",
        "|---|---|---|---|---|---|---|",
    ]
    for cell in cells:
        low, high = wilson_interval(cell.successes, cell.episodes, confidence)
        lines.append(
            f"| {_name(cell)} | {cell.successes}/{cell.episodes} = {cell.successes / cell.episodes:.2f} "
            f"| {low:.2f} to {high:.2f} | {cell.parameters / 1e6:.2f} M | {cell.active_parameters / 1e6:.2f} M "
            f"| {cell.flops / 1e6:.1f} | {cell.latency_ms[0]:.2f} / {cell.latency_ms[1]:.2f} ms |"
        )
    return "\n".join(lines)


def variant_table(cells: Sequence[Cell]) -> str:
    """Success by variant, one column per cell, as a Markdown table; empty without variants."""
    names = list(dict.fromkeys(name for cell in cells for name in cell.variants))
    if not names:
        return ""
    lines = ["| task | " + " | ".join(_name(cell) for cell in cells) + " |", "|---" * (len(cells) + 1) + "|"]
    for name in names:
        counts = [cell.variants.get(name, (0, 0)) for cell in cells]
        lines.append(f"| {name} | " + " | ".join(f"{done}/{total}" for done, total in counts) + " |")
    return "\n".join(lines)


def _name(cell: Cell) -> str:
    settings = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in cell.settings.items())
    return f"{cell.label}, {settings}" if settings else cell.label
