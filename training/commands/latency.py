"""The part of `keel evaluate` that charges inference to simulated time: one latency, or curves over several."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from policy_nodes.bundle.load import Bundle
from policy_nodes.cli.progress import ProgressBar
from policy_nodes.errors import ConfigError
from training.atomic import write_file
from training.evaluation.latency import LONGEST_MS
from training.evaluation.latency_plot import plot_points
from training.evaluation.latency_sweep import Point, against_naive, check_methods, seam_of_naive, sweep
from training.evaluation.machine import machine
from training.suites.interface import TaskWorld

SWEEP_JSON, SWEEP_IMAGE = "latency.json", "latency.png"
PRINTED_WIDTH = 160
"""Of the table in a file or a pipe, where nobody can make the window wider."""


def run_sweep(
    bundle: Bundle,
    world: TaskWorld,
    delays_ms: Sequence[float],
    methods: Sequence[str],
    *,
    episodes: int,
    seed: int,
    seconds: float,
    confidence: float,
    output: Path | None,
) -> int:
    """Run, print and, with ``output``, write ``latency.json`` and ``latency.png``; returns the exit code.

    Raises:
        ConfigError: a delay is negative or above ten seconds, or a method unknown or without its graph in the bundle.
    """
    wrong = [delay for delay in delays_ms if not 0.0 <= delay <= LONGEST_MS]
    if wrong:
        raise ConfigError(f"--latency-sweep holds {wrong[0]}.", f"give milliseconds between 0 and {LONGEST_MS:g}.")
    check_methods(methods, bundle)
    points: list[Point] = []
    with ProgressBar("latency", total=len(delays_ms) * len(methods) * episodes) as bar:

        def note(point: Point | None) -> None:
            if point is None:
                bar.advance()

        for point in sweep(
            bundle, world, methods, delays_ms, episodes=episodes, seed=seed, seconds=seconds,
            confidence=confidence, progress=note,
        ):  # fmt: skip
            points.append(point)
            if output is not None:  # after every point: a long run that ends early keeps what it has
                content = {
                    "bundle": bundle.manifest.name,
                    "machine": machine(),
                    "points": [
                        p.as_dict() | {"seam_of_naive": share, "against_naive": gap}
                        for p, share, gap in zip(
                            points, seam_of_naive(points), against_naive(points, confidence), strict=True
                        )
                    ],
                }
                write_file(output / SWEEP_JSON, json.dumps(content, indent=1))
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PRINTED_WIDTH
    console.print(table(points, confidence))
    if output is not None:
        plot_points(points, output / SWEEP_IMAGE, bundle.manifest.actions.step_s)
    return 0


def table(points: Sequence[Point], confidence: float = 0.95) -> Table:
    """The points, one row each; *to naive* is the paired difference of success on the same seeds."""
    found = Table(title="success and smoothness against delay")
    columns = ["delay ms", "success", "interval", "to naive", "seam", "of naive", "kick", "smooth"]
    columns += ["evaluations/call", "per tick", "time s"]
    for name in ("method", *columns):
        found.add_column(name, justify="left" if name == "method" else "right", no_wrap=name == "method")
    gaps = against_naive(points, confidence)
    for p, share, gap in zip(points, seam_of_naive(points), gaps, strict=True):
        apart = "" if gap is None else f"{gap[0]:+.2f} ({gap[1]:.2f}..{gap[2]:.2f})"
        found.add_row(
            p.method, f"{p.delay_ms:g}", f"{p.successes}/{p.episodes}", f"{p.low:.2f}..{p.high:.2f}", apart,
            f"{p.seam:.4f}",
            f"{share:.2f}", f"{p.kick:.4f}", f"{p.smooth:.4f}",
            f"{p.evaluations_per_call:.1f}", f"{p.evaluations_per_tick:.2f}", f"{p.seconds:.1f}",
        )  # fmt: skip
    return found
