"""One cell of a quality table: a trained policy, exported, run in closed loop, with what it costs.

Success is measured through the bundle, that is through the code that runs on the robot. Latency is that of the exported
graph on one thread, in calls of its own after the episodes, so that the simulator's load on the caches does not enter.
A cell can be extended by more episodes; cells of several training seeds are pooled in one row of the table.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from policy_nodes.bundle.load import load_bundle
from policy_nodes.errors import ConfigError
from training.atomic import write_file
from training.datasets.lerobot_v3.reader import Dataset
from training.evaluation.closed_loop import ClosedLoop, open_policy
from training.evaluation.modes import count_modes, evenness
from training.evaluation.operations import count_operations
from training.evaluation.results import by_variant
from training.evaluation.statistics import wilson_interval
from training.export.bundle import export_bundle
from training.export.stepwise import add_step_graph
from training.imitation.build import TrainedPolicy, build_policy
from training.policies.combinations import sampler_info
from training.samplers.recurrence import recurrence

LATENCY_CALLS = 100


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
        parameters: of the whole policy.
        active_parameters: used by one evaluation of the network; fewer where experts are routed.
        evaluations: of the network per chunk.
        flops_per_evaluation: floating-point operations of one of them.
        flops: of one chunk, sampler included.
        latency_ms: median and 99th percentile of a call.
        steps_trained: optimiser steps.
        training_seed: of weights and batches.
        modes: way of doing the task -> successful episodes that took it, where the world tells ways apart.
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
    evaluations: int
    flops_per_evaluation: int
    flops: int
    latency_ms: tuple[float, float]
    steps_trained: int
    training_seed: int = 0
    modes: dict[str, int] = field(default_factory=dict)

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


def measure(
    label: str,
    trained: TrainedPolicy,
    dataset: Dataset,
    bundle_path: Path,
    *,
    episodes: int,
    first_seed: int,
    settings: dict[str, Any] | None = None,
    known: Cell | None = None,
    execution_horizon: int | None = None,
    offered: Sequence[int] = (),
) -> Cell:
    """Export, unless that was done, and evaluate.

    Args:
        label: row of the table.
        trained: the policy.
        dataset: the one it was trained on.
        bundle_path: where its bundle is, or is to be written.
        episodes: closed-loop episodes of the cell, at least 1.
        first_seed: of the episodes; held out from the demonstrations'.
        settings: of the cell, stored with it.
        known: the cell as it was measured before; only the episodes that it lacks are run.
        execution_horizon: steps of a chunk that are executed, if not the contract's.
        offered: numbers of sampler steps, the policy's among them; given these the bundle has one graph for all of them
            (:func:`stepwise`), instead of one with the whole sampler.

    Raises:
        BundleError: the exported graph does not compute what PyTorch does.
    """
    contract = trained.contract
    steps = trained.policy.config.sampling_steps if offered else None
    if not bundle_path.exists():
        _export(label, trained, dataset, bundle_path, offered)
    loop = ClosedLoop(load_bundle(bundle_path), contract.make_world(), execution_horizon=execution_horizon, steps=steps)
    done = []
    start = 0 if known is None else known.episodes
    for seed in range(first_seed + start, first_seed + episodes):
        done.append(loop.run(seed, contract.episode_s))
        done[-1].variant = contract.variant(seed)
    counted = count_operations(trained.policy, contract.observations)
    cell = Cell(
        label=label,
        task=contract.name,
        settings=dict(settings or {}),
        episodes=len(done),
        successes=sum(episode.success for episode in done),
        variants=by_variant(done),
        first_seed=first_seed,
        parameters=counted.parameters,
        active_parameters=counted.active_parameters,
        evaluations=counted.evaluations,
        flops_per_evaluation=counted.per_evaluation,
        flops=counted.per_chunk,
        latency_ms=measure_latency(bundle_path, steps=steps) if known is None else known.latency_ms,
        steps_trained=int(trained.config["step"]),
        training_seed=trained.train.seed,
        modes=count_modes(done, getattr(loop.world, "modes", ())),
    )
    return cell if known is None else together([known, cell])


def _export(label: str, trained: TrainedPolicy, dataset: Dataset, path: Path, offered: Sequence[int]) -> None:
    if not offered:
        export_bundle(trained, dataset, path, name=label)
        return
    fewest = with_policy_options(trained, {"sampling_steps": min(offered)})  # its whole sampler is a small graph
    partial = path.with_name(f"partial.{path.name}")
    shutil.rmtree(partial, ignore_errors=True)
    add_step_graph(export_bundle(fewest, dataset, partial, name=label), fewest, offered)
    partial.rename(path)


def stepwise(trained: TrainedPolicy, counts: Sequence[int], **options: Any) -> tuple[int, ...]:
    """Of some numbers of sampler steps those that one step graph can run; none where the sampler cannot be so run.

    Args:
        trained: the policy.
        counts: numbers of steps.
        options: of the policy, in place of its own, such as the sampler.
    """
    able = []
    for count in counts:
        try:
            config = dataclasses.replace(trained.policy.config, **options, sampling_steps=count)
            recurrence(sampler_info(config), trained.policy.objective, count, config.time_grid)
        except ConfigError:
            continue
        able.append(count)
    return tuple(able)


def together(cells: Sequence[Cell]) -> Cell:
    """One cell of the episodes of all: the same policy on more seeds, or policies of several training seeds.

    What is not counted in episodes is the first cell's, but latencies are averaged.
    """
    variants: dict[str, tuple[int, int]] = {}
    for cell in cells:
        for name, (done, total) in cell.variants.items():
            before = variants.get(name, (0, 0))
            variants[name] = (before[0] + done, before[1] + total)
    median, late = (float(np.mean([cell.latency_ms[i] for cell in cells])) for i in (0, 1))
    return dataclasses.replace(
        cells[0],
        episodes=sum(cell.episodes for cell in cells),
        successes=sum(cell.successes for cell in cells),
        variants=variants,
        modes={name: sum(cell.modes.get(name, 0) for cell in cells) for name in cells[0].modes},
        latency_ms=(median, late),
    )


def pooled(cells: Sequence[Cell]) -> list[Cell]:
    """One cell per label and settings, in the order of their first appearance; ``settings`` name the training seeds."""
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(f"{cell.label} {json.dumps(cell.settings)}", []).append(cell)
    rows = []
    for group in groups.values():
        seeds = len({cell.training_seed for cell in group})
        settings = {**group[0].settings, **({"training seeds": seeds} if seeds > 1 else {})}
        rows.append(dataclasses.replace(together(group), settings=settings))
    return rows


def measure_latency(bundle_path: Path, calls: int = LATENCY_CALLS, steps: int | None = None) -> tuple[float, float]:
    """Median and 99th percentile (ms) of single calls on one thread of this machine: of a bundle's graph, or of
    ``steps`` calls of its step graph."""
    bundle = load_bundle(bundle_path)
    session = open_policy(bundle, steps=steps)
    session.warm_up()
    values = {f.name: np.zeros((f.history, f.size), np.float32) for f in bundle.manifest.observations}
    rng = np.random.default_rng(0)
    times = [session.sample(values, rng=rng).seconds * 1e3 for _ in range(calls)]
    return float(np.median(times)), float(np.quantile(times, 0.99))


def quality_table(cells: Sequence[Cell], confidence: float = 0.95) -> str:
    """Cells of one task as a Markdown table."""
    lines = [
        f"| policy | success | {confidence * 100:g} % interval | parameters | active | evaluations | MFLOP each | "
        "chunk | latency p50 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for cell in cells:
        low, high = wilson_interval(cell.successes, cell.episodes, confidence)
        lines.append(
            f"| {_name(cell)} | {cell.successes}/{cell.episodes} = {cell.successes / cell.episodes:.2f} "
            f"| {low:.2f} to {high:.2f} | {cell.parameters / 1e3:.0f} k | {cell.active_parameters / 1e3:.0f} k "
            f"| {cell.evaluations} | {cell.flops_per_evaluation / 1e6:.2f} | {cell.flops / 1e6:.1f} "
            f"| {cell.latency_ms[0]:.2f} ms |"
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


def mode_table(cells: Sequence[Cell]) -> str:
    """Ways taken by successful episodes, as a Markdown table; empty where worlds do not tell them apart."""
    rows = [cell for cell in cells if cell.modes]
    if not rows:
        return ""
    lines = [f"| policy | {' | '.join(rows[0].modes)} | evenness |", "|---" * (len(rows[0].modes) + 2) + "|"]
    for cell in rows:
        counts = " | ".join(str(count) for count in cell.modes.values())
        lines.append(f"| {_name(cell)} | {counts} | {evenness(cell.modes):.2f} |")
    return "\n".join(lines)


def _name(cell: Cell) -> str:
    settings = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in cell.settings.items())
    return f"{cell.label}, {settings}" if settings else cell.label


def replaced_between(text: str, name: str, content: str) -> str:
    """A Markdown text whose part between ``<!-- NAME: begin -->`` and ``<!-- NAME: end -->`` is replaced.

    Raises:
        ConfigError: the marks are missing.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    head, found, rest = text.partition(begin)
    _, closed, tail = rest.partition(end)
    if not (found and closed):
        raise ConfigError(f"the file has no marks '{begin}' and '{end}'.", "put them where the tables belong.")
    return f"{head}{begin}\n\n{content}\n\n{end}{tail}"
