"""Tables and plots of a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from training.monitors.benchmark.compare import ScoredRollout
from training.monitors.benchmark.methods import Result
from training.report.theme import COLORS


def metrics_table(results: Sequence[Result]) -> str:
    """Markdown: false alarms on clean successes, and the metrics over all test rollouts with bootstrap intervals."""
    columns = ("tpr", "tnr", "balanced_accuracy", "timestep_accuracy", "detection_time")
    lines = [
        "| method | false alarms, clean (95 %) | TPR | TNR | balanced accuracy | TWA | DT |",
        "|---|---|---|---|---|---|---|",
    ]
    for result in results:
        count, total, low, high = result.false_alarms
        cells = [result.method.name, f"{count}/{total} = {count / total:.3f} ({low:.3f}-{high:.3f})"]
        for name in columns:
            below, above = result.intervals[name]
            cells.append(f"{getattr(result.metrics, name):.2f} ({below:.2f}-{above:.2f})")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def cause_table(results: Sequence[Result]) -> str:
    """Markdown: by cause, share of failures found / alarms within 1 s of the onset / successes kept."""
    names = list(results[0].found)
    lines = ["| method | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for result in results:
        cells = [_cell(result.found[n], result.prompt[n], result.kept[n]) for n in names]
        lines.append(f"| {result.method.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(*values: float) -> str:
    return " / ".join("-" if np.isnan(v) else f"{v:.2f}" for v in values)


def plot_traces(
    rollouts: Sequence[ScoredRollout],
    thresholds: Mapping[str, float],
    window: int,
    seconds_per_call: float,
    path: Path,
    most: int = 12,
) -> None:
    """One row per score, one column per cause: normalised windowed scores against time from the onset, threshold 1.

    Args:
        rollouts: of the test set.
        thresholds: of the windowed scores.
        window: policy calls summed.
        seconds_per_call: period of policy calls.
        path: PNG.
        most: rollouts drawn per cause.
    """
    causes = list(dict.fromkeys(r.cause for r in rollouts))
    figure, axes = plt.subplots(
        len(thresholds), len(causes), figsize=(2.4 * len(causes), 1.9 * len(thresholds)), sharey="row", squeeze=False
    )
    for row, (name, threshold) in zip(axes, thresholds.items(), strict=True):
        for axis, cause in zip(row, causes, strict=True):
            for rollout in [r for r in rollouts if r.cause == cause][:most]:
                z = rollout.windowed(name, window) / threshold
                time = (np.arange(len(z)) - rollout.onset) * seconds_per_call
                colour = COLORS["blue" if rollout.success else "vermillion"][0]
                axis.plot(time, np.maximum(z, 1e-3), color=colour, linewidth=0.7, alpha=0.8)
            axis.axhline(1.0, color=COLORS["ink"][0], linewidth=0.8, linestyle="--")
            axis.axvline(0.0, color=COLORS["axis"][0], linewidth=0.6)
            axis.set_yscale("log")
            axis.set_ylim(0.05, 30)
        row[0].set_ylabel(f"{name} / threshold")
    for axis, cause in zip(axes[0], causes, strict=True):
        axis.set_title("nothing" if cause == "none" else cause, fontsize=9)
    for axis in axes[-1]:
        axis.set_xlabel("s from onset")
    figure.tight_layout()
    figure.savefig(path, dpi=75)
    plt.close(figure)
