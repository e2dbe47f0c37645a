"""Two seconds around a fault: what the policy wanted, what was sent, what the robot did, and when it was noticed."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.report.arrays import Series, Trace
from training.report.plots.bands import CHARACTER_IN, draw_states
from training.report.plots.rows import Row, bare, draw_scores, is_wide, plot_inches, row_legend, stack
from training.report.schema import Fault, LiveRun
from training.report.signals import busiest_joints, fault_window, planned, state_spans
from training.report.theme import color


def moments(fault: Fault) -> list[tuple[str, float, str]]:
    """Known moments of a fault in order: name, seconds after the injection, colour role."""
    named = [
        ("injected", fault.t_injected, "muted"),
        ("observable", fault.t_observable, "green"),
        ("detected", fault.t_detected, "amber"),
        ("first backup command", fault.t_first_backup_command, "vermillion"),
    ]
    return [(name, t - fault.t_injected, role) for name, t, role in named if t is not None]


def _line(moment: str) -> str:
    return "-" if moment.startswith("first") else ":"


def _ladder(axes: Axes, fault: Fault, inches: float) -> None:
    """One line per moment, so that moments a few milliseconds apart stay readable."""
    rows = moments(fault)
    left, right = axes.get_xlim()
    for index, (name, t, role) in enumerate(rows):
        y = len(rows) - index - 0.5
        text = name if index == 0 else f"{name}  +{1e3 * t:.0f} ms"
        axes.plot([t, t], [0, y], color=color(role), linewidth=1.0, linestyle=_line(name), zorder=1)
        axes.plot([t], [y], marker="o", markersize=4.5, color=color(role))
        leftward = (right - t) / (right - left) * inches < len(text) * CHARACTER_IN
        axes.annotate(
            text,
            (t, y),
            (-7 if leftward else 7, 0),
            textcoords="offset points",
            ha="right" if leftward else "left",
            va="center",
            fontsize=9,
            bbox={"facecolor": color("card"), "linewidth": 0, "pad": 0.4},
        )
    axes.set_ylim(0, len(rows))
    bare(axes)


def _positions(axes: Axes, trace: Trace, joint: int, start: float, end: float, zero: float, wanted: str) -> None:
    if trace.chunk is not None:
        horizon = trace.chunk.value.shape[1] * trace.chunk_step_s
        shown = trace.chunk.window(start - horizon, end)
        ahead = np.arange(shown.value.shape[1]) * trace.chunk_step_s
        for stamp, chunk in zip(shown.t, shown.value, strict=True):
            axes.plot(stamp + ahead - zero, chunk[:, joint], color=color("purple"), linewidth=0.6, alpha=0.3)
        t = np.arange(start, end, 0.01)
        want = planned(trace.chunk, trace.chunk_step_s, t, joint)
        axes.plot(t - zero, want, color=color("purple"), linestyle="--", linewidth=1.4, label=wanted)
    if trace.command is not None:
        sent = trace.command.window(start, end)
        value = sent.value[:, joint]
        axes.plot(
            sent.t - zero, value, color=color("blue"), drawstyle="steps-post", linewidth=2.2, alpha=0.8, label="sent"
        )
    if trace.position is not None:
        seen = trace.position.window(start, end)
        axes.plot(seen.t - zero, seen.value[:, joint], color=color("ink"), linewidth=1.1, label="measured")


def _speed(axes: Axes, trace: Trace, seen: Series, units: dict[str, str], zero: float) -> None:
    arm = [index for index, name in enumerate(trace.joint_names) if units.get(name, "rad") == "rad"]
    if arm:
        axes.plot(seen.t - zero, np.abs(seen.value[:, arm]).max(axis=1), color=color("ink"), linewidth=1.2)
    axes.set_title("fastest joint (rad/s)", fontsize=9)
    axes.set_ylim(bottom=0)


def fault_plot(live: LiveRun, trace: Trace | None, fault: Fault, units: dict[str, str], width: float) -> Figure:
    """Draw one fault on a time axis relative to its injection.

    Args:
        live: supervisor transitions.
        trace: recorded signals; rows without data are left out.
        fault: the fault.
        units: joint name to unit of its position.
        width: inches.
    """
    start, end = fault_window(fault)
    zero = fault.t_injected
    rows = [Row("ladder", 0.19 * len(moments(fault)), 0.06), Row("states", 0.26)]
    position = trace.position.window(start, end) if trace is not None and trace.position is not None else None
    velocity = trace.velocity.window(start, end) if trace is not None and trace.velocity is not None else None
    scores = {name: one.window(start, end) for name, one in trace.scores.items()} if trace is not None else {}
    scores = {name: Series(one.t - zero, one.value) for name, one in scores.items() if len(one)}
    if position is not None and len(position):
        rows.append(Row("position", 1.75))
    if velocity is not None and len(velocity):
        rows.append(Row("speed", 0.95))
    if scores:
        rows.append(Row("scores", 0.95))
    figure, drawn = stack(rows, width, start - zero, end - zero)
    _ladder(drawn["ladder"], fault, plot_inches(width))
    draw_states(drawn["states"], state_spans(live.events, end), start, end, plot_inches(width), offset=zero)
    if trace is not None and position is not None and "position" in drawn:
        joint = busiest_joints(position, 1)[0]
        wanted = "wanted by the policy" if is_wide(width) else "wanted"
        _positions(drawn["position"], trace, joint, start, end, zero, wanted)
        name = trace.joint_names[joint]
        drawn["position"].set_title(f"{name} ({units.get(name, 'rad')})", fontsize=9)
        row_legend(drawn["position"], width)
    if trace is not None and velocity is not None and "speed" in drawn:
        _speed(drawn["speed"], trace, velocity, units, zero)
    if scores:
        draw_scores(drawn["scores"], scores, width, marker=".")
    for row in rows[2:]:
        for name, t, role in moments(fault):
            drawn[row.name].axvline(t, color=color(role), linewidth=1.0, linestyle=_line(name), zorder=1)
    last = drawn[rows[-1].name]
    last.tick_params(bottom=True, labelbottom=True)
    last.set_xlabel("time since the fault was injected (s)")
    return figure
