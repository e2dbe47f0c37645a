"""Distribution of inference time against its budget."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from training.report.schema import Histogram, InferenceTimes
from training.report.theme import color


def _occupied(histogram: Histogram) -> tuple[np.ndarray, np.ndarray]:
    """Edges and counts without the empty bins at both ends."""
    counts, edges = np.array(histogram.counts), np.array(histogram.edges)
    used = np.flatnonzero(counts)
    if not len(used):
        return edges, counts
    return edges[used[0] : used[-1] + 2], counts[used[0] : used[-1] + 1]


def latency_histogram(
    histogram: Histogram, times: InferenceTimes | None, budget_ms: float | None, width: float
) -> Figure:
    """Draw counts per bin with p50, p99 and the budget.

    Args:
        histogram: milliseconds.
        times: percentiles to mark, milliseconds.
        budget_ms: the contract's inference budget; not drawn when None.
        width: inches.
    """
    edges, counts = _occupied(histogram)
    figure, axes = plt.subplots(figsize=(width, 2.7), layout="constrained")
    # The longest call is usually alone; a logarithmic count keeps it visible beside thousands of quick ones.
    axes.set_yscale("symlog", linthresh=1, linscale=0.4)
    axes.stairs(counts, edges, fill=True, color=color("blue"), alpha=0.85, linewidth=0)
    highest = max(float(edges[-1]), budget_ms or 0.0)
    lowest = float(edges[0])
    if lowest > 0 and highest / lowest > 12:
        axes.set_xscale("log")
        axes.set_xlim(lowest / 1.8, highest * 1.15)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    marks = [("p50", times.p50, "ink", ":"), ("p99", times.p99, "ink", "--")] if times else []
    if budget_ms is not None:
        marks.append(("budget", budget_ms, "vermillion", "-"))
    top = float(counts.max(initial=1))
    for name, value, role, line in marks:
        axes.axvline(value, color=color(role), linestyle=line, linewidth=1.4)
        left = name != "p99"
        axes.annotate(
            f"{name} {value:.3g} ms",
            (value, 1.0),
            xycoords=axes.get_xaxis_transform(),
            xytext=(-4 if left else 4, -2),
            textcoords="offset points",
            ha="right" if left else "left",
            va="top",
            color=color(role),
            fontsize=9,
        )
    axes.set_ylim(0, top * 6)
    axes.set_xlabel("time of one policy call (ms)")
    axes.set_ylabel("calls per bin")
    return figure
