"""The whole live run: episodes, supervisor states and their reasons over joints, task progress and scores."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.report.arrays import Series, Trace
from training.report.plots.bands import draw_states, place_labels
from training.report.plots.rows import Row, bare, draw_scores, is_wide, plot_inches, row_legend, stack
from training.report.schema import LiveRun
from training.report.signals import busiest_joints, decimate, state_spans
from training.report.theme import color

_HEADER = ("episodes", "reasons", "states")


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


def _reasons(axes: Axes, live: LiveRun, end: float, inches: float, rows: int) -> None:
    troubled = ("DEGRADED", "BACKUP")
    spans = [span for span in state_spans(live.events, end) if span.state.upper() in troubled and span.reason]
    # One label per act: BACKUP usually follows DEGRADED within a few ticks, and the reader asks why it began.
    acts = [span for index, span in enumerate(spans) if index == 0 or span.start - spans[index - 1].end > 0.5]
    texts = [span.reason.lower().replace("_", " ") for span in acts]
    places = place_labels([span.start for span in acts], texts, inches / end, inches, rows)
    for span, text, place in zip(acts, texts, places, strict=True):
        height = rows - place.row - 0.5 if place.row >= 0 else 0.2
        axes.plot([span.start, span.start], [0, height + 0.3], color=color("axis"), linewidth=0.8)
        if place.row >= 0:
            axes.annotate(
                text,
                (span.start, height),
                xytext=(-3 if place.leftward else 3, 0),
                textcoords="offset points",
                ha="right" if place.leftward else "left",
                va="center",
                fontsize=8.5,
                bbox={"facecolor": color("card"), "linewidth": 0, "pad": 0.6},
            )
    axes.set_ylim(0, rows)
    bare(axes)


def _joint(axes: Axes, trace: Trace, joint: int, unit: str, buckets: int) -> None:
    if trace.command is not None:
        t, sent = decimate(trace.command.t, trace.command.value[:, joint], buckets)
        axes.plot(t, sent, color=color("blue"), linewidth=2.8, alpha=0.6, label="sent")
    if trace.position is not None:
        t, measured = decimate(trace.position.t, trace.position.value[:, joint], buckets)
        axes.plot(t, measured, color=color("ink"), linewidth=1.0, label="measured")
    axes.set_title(f"{trace.joint_names[joint]} ({unit})", fontsize=9)


def _progress(axes: Axes, cube: Series, goal: Series, buckets: int) -> None:
    distance = np.linalg.norm(cube.value[:, :3] - goal.value[:, :3], axis=1)
    axes.plot(*decimate(cube.t, 100 * distance, buckets), color=color("green"), linewidth=1.2)
    axes.set_title("object to goal (cm)", fontsize=9)
    axes.set_ylim(bottom=0)


def run_end(live: LiveRun, trace: Trace | None) -> float:
    """Time of the last thing recorded, s; never zero, so that an axis can be drawn."""
    times = [event.t for event in live.events] + [episode.t_end for episode in live.episodes]
    return max([trace.end_s if trace else 0.0, *times, 1e-3])


def run_timeline(live: LiveRun, trace: Trace | None, units: dict[str, str], width: float) -> Figure:
    """Draw the run with a shared time axis.

    Args:
        live: states, episodes and faults.
        trace: recorded signals; rows without data are left out.
        units: joint name to unit of its position.
        width: inches.
    """
    end, inches = run_end(live, trace), plot_inches(width)
    buckets, reason_rows = (700, 2) if is_wide(width) else (350, 4)
    rows = [Row("episodes", 0.26, 0.04), Row("reasons", 0.17 * reason_rows, 0.04), Row("states", 0.26)]
    joints = sorted(busiest_joints(trace.position, 3)) if trace is not None and trace.position is not None else []
    rows += [Row(f"joint {joint}", 1.05) for joint in joints]
    if trace is not None and trace.cube is not None and trace.goal is not None:
        rows.append(Row("progress", 0.85))
    if trace is not None and trace.scores:
        rows.append(Row("scores", 1.2))
    figure, drawn = stack(rows, width, 0.0, end)
    _episodes(drawn["episodes"], live, inches / end)
    _reasons(drawn["reasons"], live, end, inches, reason_rows)
    draw_states(drawn["states"], state_spans(live.events, end), 0.0, end, inches)
    for name in ("episodes", "states") if is_wide(width) else ():
        drawn[name].annotate(
            name, (0, 0.4), (-6, 0), "axes fraction", "offset points", ha="right", va="center", color=color("muted")
        )
    if trace is not None:
        for joint in joints:
            _joint(drawn[f"joint {joint}"], trace, joint, units.get(trace.joint_names[joint], "rad"), buckets)
        if joints:
            row_legend(drawn[f"joint {joints[0]}"], width)
        if trace.cube is not None and trace.goal is not None:
            _progress(drawn["progress"], trace.cube, trace.goal, buckets)
        if trace.scores:
            thinned = {name: Series(*decimate(one.t, one.value, buckets)) for name, one in trace.scores.items()}
            draw_scores(drawn["scores"], thinned, width)
    for name, axes in drawn.items():
        for fault in live.faults if name not in _HEADER else ():
            axes.axvline(fault.t_injected, color=color("vermillion"), linewidth=0.9, linestyle=(0, (2, 2)))
    last = drawn[rows[-1].name]
    last.tick_params(bottom=True, labelbottom=True)
    last.set_xlabel("time since start of the run (s)")
    return figure
