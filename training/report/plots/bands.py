"""Coloured bands of supervisor states, and reason labels that do not collide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from training.report.plots.rows import bare
from training.report.signals import StateSpan
from training.report.theme import state_colors

CHARACTER_IN = 0.072
"""Generous width of one 9-point character, inches."""


def draw_states(
    axes: Axes, spans: Sequence[StateSpan], start: float, end: float, inches: float, offset: float = 0.0
) -> None:
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
        if (right - left) / (end - start) * inches > len(span.state) * CHARACTER_IN + 0.06:
            axes.text((left + right) / 2 - offset, 0.46, span.state, color=text, ha="center", va="center", fontsize=8.5)
    bare(axes)
    axes.set_ylim(0, 1)


@dataclass(frozen=True)
class Placed:
    """Where a label goes: row 0 is the top, -1 means no room; ``leftward`` labels end at their time."""

    row: int
    leftward: bool


def place_labels(times: Sequence[float], texts: Sequence[str], scale: float, width: float, rows: int) -> list[Placed]:
    """Give each label the first row in which it covers no other; labels that would leave the axes extend leftward.

    Filling from the top keeps the stems of later labels, which end at their own row, off the earlier labels.

    Args:
        times: s, increasing.
        texts: the labels.
        scale: inches per second.
        width: inches of the axes.
        rows: rows available.
    """
    taken: list[list[tuple[float, float]]] = [[] for _ in range(rows)]
    placed = []
    for time, text in zip(times, texts, strict=True):
        length = (len(text) + 1.5) * CHARACTER_IN
        leftward = time * scale + length > width and time * scale > length
        left = time * scale - (length if leftward else 0.0)
        row = next((row for row in range(rows) if _free(taken[row], left, left + length)), -1)
        if row >= 0:
            taken[row].append((left, left + length))
        placed.append(Placed(row, leftward))
    return placed


def _free(taken: Sequence[tuple[float, float]], left: float, right: float) -> bool:
    return all(left >= end or right <= start for start, end in taken)
