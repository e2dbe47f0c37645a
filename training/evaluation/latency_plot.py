"""Two panels: success with its interval, and the jump at the seam of chunks, both against delay."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from training.evaluation.latency_sweep import Point

COLOURS = {"naive": "#888888", "ensemble": "#c7762f", "rtc": "#2f6fc7", "rtc_blend": "#7a4fc7", "rti": "#2f9e57"}


def plot_points(points: Sequence[Point], path: Path, step_s: float) -> None:
    """Write a PNG.

    Args:
        points: of one sweep.
        path: to write.
        step_s: of the chunk, to mark delays in steps.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.0, 3.4), constrained_layout=True)
    for method in dict.fromkeys(point.method for point in points):
        rows = sorted((p for p in points if p.method == method), key=lambda p: p.delay_ms)
        delays, colour = [p.delay_ms for p in rows], COLOURS.get(method)
        rates = [p.successes / p.episodes for p in rows]
        left.plot(delays, rates, marker="o", label=method, color=colour)
        left.fill_between(delays, [p.low for p in rows], [p.high for p in rows], alpha=0.12, color=colour)
        right.plot(delays, [p.seam for p in rows], marker="o", label=method, color=colour)
    left.set(xlabel="inference delay (ms)", ylabel="success", ylim=(-0.03, 1.05), title="success, 95 % interval")
    right.set(xlabel="inference delay (ms)", ylabel="mean jump (contract units)", title="seam")
    right.set_ylim(bottom=0)
    steps = left.secondary_xaxis("top", functions=(lambda ms: ms / (1e3 * step_s), lambda n: n * 1e3 * step_s))
    steps.set_xlabel("in steps of the chunk", fontsize=8)
    left.legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    plt.close(figure)
