"""Coloured bands of supervisor states, and reason labels that do not collide."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from training.report.signals import StateSpan
from training.report.theme import state_colors

_CHARACTER_IN = 0.072
"""Generous width of one 9-point character, inches."""


def draw_states(axes: Axes, spans: Sequence[StateSpan], start: float, end: float, inches: float, offset: float = 0.0) -> None:
    """Fill an axes with one bar per span and write the state into those that are wide enough.

    Args:
        axes: an empty row; its ticks and spines are removed.
        spans: states over time, s.
        start: left edge, s of the run.
        end: right edge, s of the run.
        inches: drawn width of the axes, to decide which labels fit.
        offset: subtracted from every time, for axes relative to an event.
    """
    for span in spans:
        left, right = max(span.start, start), min(span.end, end)
        if right <= left:
            continue
        fill, text = state_colors(span.state)
        axes.broken_barh([(left - offset, right - left)], (0, 1), facecolor=fill, linewidth=0)
        if (right - left) / (end - start) * inches > len(span.state) * _CHARACTER_IN + 0.06:
            axes.text((left + right) / 2 - offset, 0.46, span.state, color=text, ha="center", va="center", fontsize=8.5)
    bare(axes)
    axes.set_ylim(0, 1)


def bare(axes: Axes) -> None:
    """Remove ticks, grid and spines of a row that is not a plot."""
    axes.grid(False)
    axes.set_yticks([])
    axes.tick_params(bottom=False, labelbottom=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def label_rows(lefts: Sequence[float], texts: Sequence[str], inches_per_second: float, rows: int) -> list[int]:
    """Assign each left-aligned label the first row where it is free of its predecessors; -1 when there is none.

    Args:
        lefts: label positions, s, increasing.
        texts: the labels.
        inches_per_second: scale of the axis.
        rows: rows available.
    """
    free_from = [float("-inf")] * rows
    result = []
    for left, text in zip(lefts, texts, strict=True):
        position = left * inches_per_second
        row = next((index for index in range(rows) if free_from[index] <= position), -1)
        if row >= 0:
            free_from[row] = position + (len(text) + 1.5) * _CHARACTER_IN
        result.append(row)
    return result
