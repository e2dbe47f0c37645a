"""Runs the sim-to-sim gate of a bundle and keeps thresholds and results in its manifest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from policy_nodes.bundle.limits import POLICY_NAME
from policy_nodes.bundle.load import Bundle
from policy_nodes.bundle.sim2sim import ShiftRow, Sim2Sim
from policy_nodes.errors import ConfigError
from training.contracts.registry import task_contract
from training.evaluation.shifted import gait, manipulation
from training.evaluation.shifted.shift import Shift, Trial
from training.evaluation.walkers import is_gait


@dataclass(frozen=True)
class Gate:
    """What a bundle is tried in, and how an episode of it is run."""

    shifts: tuple[Shift, ...]
    run: Callable[[Shift, range], list[Trial]]


def gate_of(bundle: Bundle, provider: str = "cpu") -> Gate:
    """The gate of a bundle's robot or task, with the thresholds that the bundle carries, if it carries any.

    Raises:
        ConfigError: a gait of a robot without a simulator, or not a task of ``keel collect``.
    """
    manifest = bundle.manifest
    if is_gait(manifest):
        gate = Gate(gait.SHIFTS, lambda shift, seeds: [gait.walk(bundle, shift, seed) for seed in seeds])
    else:
        contract = task_contract(manifest.task)
        gate = Gate(
            manipulation.SHIFTS, lambda shift, seeds: manipulation.attempt(bundle, contract, shift, seeds, provider)
        )
    kept = {row.shift: row for row in manifest.sim2sim.rows} if manifest.sim2sim else {}
    shifts = (
        replace(shift, min_success=kept[shift.name].min_success, max_error=kept[shift.name].max_error)
        if shift.name in kept
        else shift
        for shift in gate.shifts
    )
    return replace(gate, shifts=tuple(shifts))


def chosen(gate: Gate, names: Sequence[str]) -> tuple[Shift, ...]:
    """The named shifts in the gate's order; all when none is named.

    Raises:
        ConfigError: a name is unknown.
    """
    known = [shift.name for shift in gate.shifts]
    if unknown := [name for name in names if name not in known]:
        raise ConfigError(f"unknown shift '{unknown[0]}'.", f"use some of {', '.join(known)}.")
    return tuple(shift for shift in gate.shifts if not names or shift.name in names)


def row_of(shift: Shift, trials: Sequence[Trial]) -> tuple[ShiftRow, str]:
    """A changed world's row, and the causes of its failures in words."""
    errors = [trial.error for trial in trials if trial.success and trial.error is not None]
    row = ShiftRow(
        shift=shift.name,
        description=shift.description,
        min_success=shift.min_success,
        max_error=shift.max_error,
        episodes=len(trials),
        successes=sum(trial.success for trial in trials),
        error=float(np.sqrt(np.mean(np.square(errors)))) if errors else None,
    )
    causes = Counter(trial.cause for trial in trials if not trial.success)
    return row, "; ".join(f"{count} x {cause}" for cause, count in causes.most_common(3))


def result(bundle: Bundle, first_seed: int, rows: Sequence[ShiftRow]) -> Sim2Sim:
    """What goes into the manifest."""
    return Sim2Sim(first_seed=first_seed, policy_sha256=bundle.manifest.files[POLICY_NAME], rows=list(rows))
