"""A stack of rows of different heights on one time axis, laid out in inches so that phone and desktop look alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.report.arrays import Series
from training.report.theme import SCORE_LABELS, SCORE_LINES, SCORE_SHORT, color

_TOP, _RIGHT, _BOTTOM = 0.05, 0.15, 0.5


def is_wide(width: float) -> bool:
    """A figure for a desktop or paper rather than for a phone; width in inches."""
    return width > 6


def plot_inches(width: float) -> float:
    """Width of the axes of a stack that is ``width`` inches wide."""
    return width - (0.72 if is_wide(width) else 0.52) - _RIGHT


@dataclass(frozen=True)
class Row:
    """One row: its name, its height and the gap below it, inches."""

    name: str
    height: float
    gap: float = 0.36


def stack(rows: Sequence[Row], width: float, start: float, end: float) -> tuple[Figure, dict[str, Axes]]:
    """Create the axes of a stack, top to bottom; only the last row shows its time labels.

    Args:
        rows: from top to bottom; names are unique.
        width: inches.
        start: left end of every time axis, s.
        end: right end of every time axis, s.

    Returns:
        The figure, and its axes by row name.
    """
    height = _TOP + sum(row.height for row in rows) + sum(row.gap for row in rows[:-1]) + _BOTTOM
    figure = plt.figure(figsize=(width, height))
    inches, y, drawn = plot_inches(width), height - _TOP, {}
    left = width - inches - _RIGHT
    for row in rows:
        y -= row.height
        axes = figure.add_axes((left / width, y / height, inches / width, row.height / height))
        axes.set_xlim(start, end)
        axes.tick_params(labelbottom=row is rows[-1])
        drawn[row.name] = axes
        y -= row.gap
    return figure, drawn


def bare(axes: Axes) -> None:
    """Remove ticks, grid and spines of a row that is not a plot."""
    axes.grid(False)
    axes.set_yticks([])
    axes.tick_params(bottom=False, labelbottom=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def row_legend(axes: Axes, width: float) -> None:
    """Legend on the right of a row's title line."""
    wide = is_wide(width)
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        borderpad=0,
        borderaxespad=0.35,
        ncols=3,
        fontsize=8.5 if wide else 8,
        handlelength=1.5 if wide else 0.9,
        handletextpad=0.5,
        columnspacing=1.2 if wide else 0.7,
    )


def draw_scores(axes: Axes, scores: dict[str, Series], width: float, marker: str = "") -> None:
    """Failure scores with their threshold at 1; far above it the axis becomes logarithmic.

    Args:
        axes: the row.
        scores: name to (S,) normalised scores, already cut to the axis.
        width: inches of the figure.
        marker: matplotlib marker of single samples.
    """
    labels = SCORE_LABELS if is_wide(width) else SCORE_SHORT
    for name, series in scores.items():
        role, line = SCORE_LINES[name]
        axes.plot(
            series.t, series.value, color=color(role), linewidth=line, marker=marker, markersize=4, label=labels[name]
        )
    axes.axhline(1.0, color=color("vermillion"), linestyle="--", linewidth=1.1)
    highest = max((float(np.nanmax(one.value)) for one in scores.values() if np.isfinite(one.value).any()), default=0.0)
    if highest > 4:
        axes.set_yscale("symlog", linthresh=2)
    axes.set_ylim(0, max(1.4, 1.1 * highest))
    axes.set_title("failure score / threshold" if is_wide(width) else "score / threshold", fontsize=9)
    row_legend(axes, width)
