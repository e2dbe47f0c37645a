"""Failure scores of every evaluation episode against the calibrated threshold."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

from training.report.arrays import SCORES, Series
from training.report.plots.rows import is_wide
from training.report.signals import decimate
from training.report.theme import SCORE_LABELS, color


def score_traces(episodes: Sequence[dict[str, Series]], success: Sequence[bool], width: float) -> Figure:
    """Draw one panel per score: successes thin, failures bold, the threshold at 1.

    Args:
        episodes: score name to (S,) normalised scores, 1.0 is the threshold; at least one is not empty.
        success: outcome of each episode.
        width: inches; panels stand side by side when there is room.
    """
    names = [name for name in SCORES if any(name in episode for episode in episodes)]
    wide = is_wide(width)
    shape = (1, len(names)) if wide else (len(names), 1)
    height = 2.9 if wide else 1.9 * len(names) + 0.4
    figure, grid = plt.subplots(
        *shape, figsize=(width, height), sharex=True, sharey=True, squeeze=False, layout="constrained"
    )
    values = np.concatenate([series.value for episode in episodes for series in episode.values()])
    finite = values[np.isfinite(values)]
    # Scores of a failure may be orders of magnitude above the threshold.
    logarithmic = bool(finite.size and finite.max() > 4 and finite.min() > 0)
    for axes, name in zip(grid.flat, names, strict=True):
        for wanted in (True, False):
            for episode, outcome in zip(episodes, success, strict=True):
                if outcome is wanted and name in episode:
                    t, value = decimate(episode[name].t, episode[name].value, 120)
                    axes.plot(
                        t,
                        value,
                        color=color("blue" if outcome else "vermillion"),
                        alpha=0.35 if outcome else 1.0,
                        linewidth=0.8 if outcome else 1.6,
                    )
        axes.axhline(1.0, color=color("ink"), linestyle="--", linewidth=1.2)
        axes.set_title(SCORE_LABELS[name], fontsize=9.5)
        if logarithmic:
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.yaxis.set_minor_formatter(NullFormatter())
        else:
            axes.set_ylim(
                bottom=min(0.0, float(finite.min(initial=0.0))), top=max(1.3, float(finite.max(initial=0)) * 1.05)
            )
        axes.margins(x=0.01)
    for axes in grid[-1] if wide else grid[-1:, 0]:
        axes.set_xlabel("time in episode (s)")
    for axes in grid[:, 0]:
        axes.set_ylabel("score / threshold")
    handles = [Line2D([], [], color=color("blue"), linewidth=1, label=f"success ({sum(success)})")]
    if not all(success):
        label = f"failure ({len(success) - sum(success)})"
        handles.append(Line2D([], [], color=color("vermillion"), linewidth=1.8, label=label))
    handles.append(Line2D([], [], color=color("ink"), linestyle="--", linewidth=1.2, label="threshold"))
    figure.legend(handles=handles, loc="outside upper right", ncols=3)
    return figure
