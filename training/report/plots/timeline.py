"""The whole live run: episodes, supervisor states and their reasons over joints, task progress and scores."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.report.arrays import Trace
from training.report.plots.bands import bare, draw_states, label_rows
from training.report.schema import LiveRun
from training.report.signals import busiest_joints, decimate, state_spans
from training.report.theme import SCORE_LABELS, color

_LEFT, _RIGHT = 0.72, 0.12
_BUCKETS = {True: 700, False: 350}


def _episodes(axes: Axes, live: LiveRun, inches_per_second: float) -> None:
    for episode in live.episodes:
        role = "green" if episode.success else "vermillion"
        span = episode.t_end - episode.t_start
        axes.plot([episode.t_start, episode.t_end], [0.1, 0.1], color=color(role), linewidth=2.5, solid_capstyle="butt")
        mark = "✓" if episode.success else "✗"
        text = f"{episode.index} {mark}" if span * inches_per_second > 0.35 else mark
        axes.text(episode.t_start + span / 2, 0.3, text, ha="center", va="bottom", fontsize=8.5, color=color("muted"))
    axes.set_ylim(0, 1)
    bare(axes)


def _reasons(axes: Axes, live: LiveRun, end: float, inches_per_second: float, rows: int) -> None:
    spans = [span for span in state_spans(live.events, end) if span.state.upper() in ("DEGRADED", "BACKUP") and span.reason]
    # One label per act: BACKUP usually follows DEGRADED within a few ticks, and the reader asks why it began.
    acts = [span for index, span in enumerate(spans) if index == 0 or span.start - spans[index - 1].end > 0.5]
    texts = [span.reason.lower().replace("_", " ") for span in acts]
    for span, text, row in zip(acts, texts, label_rows([one.start for one in acts], texts, inches_per_second, rows), strict=True):
        axes.axvline(span.start, ymax=(row + 0.8) / rows if row >= 0 else 0.2, color=color("axis"), linewidth=0.8)
        if row >= 0:
            axes.annotate(text, (span.start, row + 0.45), xytext=(3, 0), textcoords="offset points", va="center", fontsize=8.5)
    axes.set_ylim(0, rows)
    bare(axes)


def _progress(axes: Axes, trace: Trace, buckets: int) -> None:
    assert trace.cube is not None and trace.goal is not None
    distance = np.linalg.norm(trace.cube.value[:, :3] - trace.goal.value[:, :3], axis=1)
    axes.plot(*decimate(trace.cube.t, 100 * distance, buckets), color=color("green"), linewidth=1.2)
    axes.set_title("object to goal (cm)", fontsize=9)
    axes.set_ylim(bottom=0)


def _scores(axes: Axes, trace: Trace, buckets: int) -> None:
    roles = {"rnd": ("sky", 1.0), "entropy": ("purple", 1.0), "fiper": ("ink", 1.5)}
    for name, series in trace.scores.items():
        role, line = roles[name]
        axes.plot(*decimate(series.t, series.value, buckets), color=color(role), linewidth=line, label=SCORE_LABELS[name])
    axes.axhline(1.0, color=color("vermillion"), linestyle="--", linewidth=1.1)
    highest = max(float(np.nanmax(series.value)) for series in trace.scores.values())
    if highest > 4:
        axes.set_yscale("symlog", linthresh=2)
    axes.set_ylim(0, max(1.5, 1.1 * highest))
    axes.set_title("failure score / threshold", fontsize=9)
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.94), ncols=3, fontsize=8, handlelength=1.2, columnspacing=1.0)


def run_timeline(live: LiveRun, trace: Trace | None, units: dict[str, str], width: float) -> Figure:
    """Draw the run with a shared time axis.

    Args:
        live: states, episodes and faults.
        trace: recorded signals; rows without data are left out.
        units: joint name to unit of its position.
        width: inches.
    """
    end = max([trace.end_s if trace else 0.0, *(event.t for event in live.events), *(one.t_end for one in live.episodes), 1e-3])
    buckets = _BUCKETS[width > 6]
    inches = width - _LEFT - _RIGHT
    scale = inches / end
    reason_rows = 2 if width > 6 else 4
    rows: list[tuple[str, float]] = [("episodes", 0.26), ("reasons", 0.17 * reason_rows), ("states", 0.26)]
    joints: Sequence[int] = ()
    if trace is not None and trace.position is not None:
        joints = sorted(busiest_joints(trace.position, 3))
        rows += [(f"joint {joint}", 1.05) for joint in joints]
    if trace is not None and trace.cube is not None and trace.goal is not None:
        rows.append(("progress", 0.85))
    if trace is not None and trace.scores:
        rows.append(("scores", 1.2))
    gaps, bottom = 0.06 * 3 + 0.33 * (len(rows) - 3), 0.5
    height = sum(size for _, size in rows) + gaps + bottom + 0.1
    figure = plt.figure(figsize=(width, height))
    y, drawn = height - 0.1, {}
    for name, size in rows:
        y -= size
        axes = figure.add_axes((_LEFT / width, y / height, inches / width, size / height))
        axes.set_xlim(0, end)
        drawn[name] = axes
        y -= 0.33 if name == "states" or name not in ("episodes", "reasons") else 0.04
    _episodes(drawn["episodes"], live, scale)
    _reasons(drawn["reasons"], live, end, scale, reason_rows)
    draw_states(drawn["states"], state_spans(live.events, end), 0.0, end, inches)
    for name in ("episodes", "states"):
        drawn[name].text(-0.08 / inches, 0.4, name, transform=drawn[name].transAxes, ha="right", va="center", fontsize=9, color=color("muted"))
    for joint in joints:
        assert trace is not None and trace.position is not None
        axes = drawn[f"joint {joint}"]
        name = trace.joint_names[joint]
        if trace.command is not None:
            axes.plot(*decimate(trace.command.t, trace.command.value[:, joint], buckets), color=color("blue"), linewidth=2.4, alpha=0.55, label="command sent")
        axes.plot(*decimate(trace.position.t, trace.position.value[:, joint], buckets), color=color("ink"), linewidth=1.0, label="measured")
        axes.set_title(f"{name} ({units.get(name, 'rad')})", fontsize=9)
    if joints:
        drawn[f"joint {joints[0]}"].legend(loc="lower right", bbox_to_anchor=(1.0, 0.94), ncols=2, fontsize=8, handlelength=1.2)
    if trace is not None and "progress" in drawn:
        _progress(drawn["progress"], trace, buckets)
    if trace is not None and "scores" in drawn:
        _scores(drawn["scores"], trace, buckets)
    for name, axes in list(drawn.items())[3:]:
        for fault in live.faults:
            axes.axvline(fault.t_injected, color=color("vermillion"), linewidth=0.9, linestyle=(0, (2, 2)))
        axes.tick_params(labelbottom=False)
    last = list(drawn.values())[-1]
    last.tick_params(bottom=True, labelbottom=True)
    last.set_xlabel("time since start of the run (s)")
    return figure
