"""``keel evaluate --shifted``: the sim-to-sim gate, world by world."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from policy_nodes.bundle.load import Bundle
from policy_nodes.bundle.sim2sim import ShiftRow, Sim2Sim
from policy_nodes.bundle.write import update_manifest
from policy_nodes.cli.progress import ProgressBar
from policy_nodes.errors import ConfigError
from training.atomic import write_file
from training.evaluation.shifted.gate import chosen, gate_of, result, row_of
from training.evaluation.statistics import wilson_interval

RESULTS_NAME = "sim2sim.json"


def run_shifted(
    bundle: Bundle,
    *,
    episodes: int,
    seed: int,
    confidence: float,
    names: Sequence[str] = (),
    output: Path | None = None,
    record: bool = False,
    provider: str = "cpu",
) -> int:
    """Run the gate and print it; returns 0 when every world is within its thresholds, 1 otherwise.

    Args:
        bundle: verified bundle.
        episodes: per changed world.
        seed: of the first episode of every world.
        confidence: level of the printed intervals.
        names: worlds to try; all when empty.
        output: directory for ``sim2sim.json``.
        record: write thresholds and results into the bundle's manifest.
        provider: execution provider.

    Raises:
        ConfigError: a name is unknown, or only a part of the worlds was tried and is to be recorded.
    """
    gate = gate_of(bundle, provider)
    shifts = chosen(gate, names)
    if record and len(shifts) < len(gate.shifts):
        raise ConfigError("--record with --shifts would leave worlds untried.", "record the whole gate, or nothing.")
    rows: list[ShiftRow] = []
    causes: list[str] = []
    with ProgressBar("shifted", total=len(shifts)) as bar:
        for shift in shifts:
            row, cause = row_of(shift, gate.run(shift, range(seed, seed + episodes)))
            rows.append(row)
            causes.append(cause)
            bar.advance(world=shift.name, passed=f"{sum(r.passed for r in rows)}/{len(rows)}")
    found = result(bundle, seed, rows)
    print_gate(found, causes, confidence)
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        write_file(output / RESULTS_NAME, json.dumps(found.model_dump(mode="json"), indent=2) + "\n")
    if record:
        update_manifest(bundle, sim2sim=found)
    return 1 if found.failed else 0


def print_gate(found: Sim2Sim, causes: Sequence[str], confidence: float) -> None:
    """One line per changed world, then what went wrong."""
    table = Table("world", "success", f"{confidence:.0%} interval", "at least", "error", "at most", "verdict")
    for row in found.rows:
        low, high = wilson_interval(row.successes, row.episodes, confidence)
        error = "-" if row.error is None else f"{row.error:.3f}"
        bound = "-" if row.max_error is None else f"{row.max_error:g}"
        table.add_row(
            row.shift, f"{row.successes}/{row.episodes}", f"{low:.2f}..{high:.2f}", f"{row.min_success:g}", error,
            bound, "pass" if row.passed else "FAIL",
        )  # fmt: skip
    console = Console(highlight=False)
    console.print(table)
    for row, cause in zip(found.rows, causes, strict=True):
        if cause or not row.passed:
            console.print(f"{row.shift} ({row.description}): {cause or 'the error is too large'}")
    failed = found.failed
    console.print(f"FAILED in {', '.join(failed)}" if failed else f"passed in all {len(found.rows)} worlds")
