"""Show how a world of a batched simulation diverged, from the file that the warning named.

Prints the last control steps, steps the world again from the last good state, and names the first quantity that is not
finite or beyond 1e10. Exit code 0 when it diverges again, 1 when it does not.

Examples:
    keel replay /tmp/keel-unstable/Go1-Velocity-Flat-0.npz
    keel replay dump.npz --last 30
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro
from rich.console import Console
from rich.table import Table

from sim.vector.replay import deviations, fastest, find_divergence, load_dump


@dataclass(frozen=True)
class Args:
    """Options of ``keel replay``."""

    dump: tyro.conf.Positional[Path]
    """The .npz; its model (.mjb) must lie beside it."""
    last: int = 10
    """Recorded control steps to print."""


def run(args: Args) -> int:
    """Prints the story; returns the exit code.

    Raises:
        DumpError: the file or its model cannot be read.
    """
    dump = load_dump(args.dump)
    console = Console()
    console.print(f"{dump.task}, world {dump.world}: {len(dump.states)} control steps before it diverged")
    table = Table("time [s]", "fastest joint", "speed", "largest control", "differs from stepping again by")
    again = [*deviations(dump), None]
    for k in range(max(len(dump.states) - max(args.last, 1), 0), len(dump.states)):
        joint, speed = fastest(dump, k)
        control = f"{abs(dump.controls[k]).max():.4g}" if dump.controls.shape[1] else "-"
        difference = "" if again[k] is None else f"{again[k]:.1e}"
        table.add_row(f"{dump.states[k, 0]:.3f}", joint, f"{speed:.4g}", control, difference)
    console.print(table)
    found = find_divergence(dump)
    if found is None:
        console.print("it does not diverge again: something outside the physics acted (an edited state, a force)")
        return 1
    where = "in the last recorded state" if found.substep == 0 else f"{found.substep} physics steps after it"
    console.print(f"first bad quantity: {found.quantity}[{found.index}] ({found.name}) = {found.value:.4g}, {where}")
    return 0
