"""Two seconds around a fault: what the policy wanted, what was sent, what the robot did, and when it was noticed."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.report.arrays import Trace
from training.report.plots.bands import bare, draw_states
from training.report.schema import Fault, LiveRun
from training.report.signals import busiest_joints, fault_window, planned, state_spans
from training.report.theme import SCORE_LABELS, color

_LEFT, _RIGHT = 0.72, 0.15


def moments(fault: Fault) -> list[tuple[str, float, str]]:
    """Known moments of a fault in order: name, seconds after the injection, colour role."""
    named = [
        ("injected", fault.t_injected, "muted"),
        ("observable", fault.t_observable, "purple"),
        ("detected", fault.t_detected, "amber"),
        ("first backup command", fault.t_first_backup_command, "vermillion"),
    ]
    return [(name, t - fault.t_injected, role) for name, t, role in named if t is not None]


def _ladder(axes: Axes, fault: Fault) -> None:
    """One line per moment, so that moments a few milliseconds apart stay readable."""
    rows = moments(fault)
    for index, (name, t, role) in enumerate(rows):
        y = len(rows) - index - 0.5
        text = name if index == 0 else f"{name}  +{1e3 * t:.0f} ms"
        axes.plot([t], [y], marker="o", markersize=4.5, color=color(role))
        axes.annotate(text, (t, y), xytext=(7, 0), textcoords="offset points", va="center", fontsize=9, color=color("ink"))
    axes.set_ylim(0, max(len(rows), 1))
    bare(axes)


def _positions(axes: Axes, trace: Trace, joint: int, start: float, end: float, offset: float) -> None:
    if trace.chunk is not None:
        horizon = trace.chunk.value.shape[1] * trace.chunk_step_s
        shown = trace.chunk.window(start - horizon, end)
        ahead = np.arange(shown.value.shape[1]) * trace.chunk_step_s
        for stamp, chunk in zip(shown.t, shown.value, strict=True):
            axes.plot(stamp + ahead - offset, chunk[:, joint], color=color("purple"), linewidth=0.6, alpha=0.3)
        t = np.arange(start, end, 0.01)
        want = planned(trace.chunk, trace.chunk_step_s, t, joint)
        axes.plot(t - offset, want, color=color("purple"), linestyle="--", linewidth=1.4, label="wanted by the policy")
    if trace.command is not None:
        sent = trace.command.window(start, end)
        axes.plot(sent.t - offset, sent.value[:, joint], color=color("blue"), drawstyle="steps-post", linewidth=2.2, alpha=0.8, label="command sent")
    if trace.position is not None:
        seen = trace.position.window(start, end)
        axes.plot(seen.t - offset, seen.value[:, joint], color=color("ink"), linewidth=1.1, label="measured")


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
    zero, inches = fault.t_injected, width - _LEFT - _RIGHT
    rows = [("ladder", 0.19 * max(len(moments(fault)), 1)), ("states", 0.26)]
    joint = 0
    if trace is not None and trace.position is not None and len(trace.position.window(start, end)):
        joint = busiest_joints(trace.position, 1, start, end)[0]
        rows.append(("position", 1.75))
    if trace is not None and trace.velocity is not None and len(trace.velocity.window(start, end)):
        rows.append(("speed", 0.95))
    if trace is not None and any(len(series.window(start, end)) for series in trace.scores.values()):
        rows.append(("scores", 0.95))
    height = sum(size for _, size in rows) + 0.06 + 0.38 * (len(rows) - 2) + 0.6
    figure = plt.figure(figsize=(width, height))
    y, drawn = height - 0.05, {}
    for name, size in rows:
        y -= size
        drawn[name] = figure.add_axes((_LEFT / width, y / height, inches / width, size / height))
        drawn[name].set_xlim(start - zero, end - zero)
        y -= 0.06 if name == "ladder" else 0.38
    _ladder(drawn["ladder"], fault)
    draw_states(drawn["states"], state_spans(live.events, end), start, end, inches, offset=zero)
    if trace is not None and "position" in drawn:
        axes = drawn["position"]
        _positions(axes, trace, joint, start, end, zero)
        name = trace.joint_names[joint]
        axes.set_title(f"{name} ({units.get(name, 'rad')})", fontsize=9)
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.96), ncols=3, fontsize=8, handlelength=1.6, columnspacing=1.0)
    if trace is not None and trace.velocity is not None and "speed" in drawn:
        seen = trace.velocity.window(start, end)
        arm = [index for index, joint_name in enumerate(trace.joint_names) if units.get(joint_name, "rad") == "rad"]
        if arm:
            drawn["speed"].plot(seen.t - zero, np.abs(seen.value[:, arm]).max(axis=1), color=color("ink"), linewidth=1.2)
        drawn["speed"].set_title("fastest joint (rad/s)", fontsize=9)
        drawn["speed"].set_ylim(bottom=0)
    if trace is not None and "scores" in drawn:
        axes = drawn["scores"]
        for name, role in (("rnd", "sky"), ("entropy", "purple"), ("fiper", "ink")):
            if name in trace.scores:
                seen = trace.scores[name].window(start, end)
                axes.plot(seen.t - zero, seen.value, color=color(role), linewidth=1.3, marker=".", markersize=4, label=SCORE_LABELS[name])
        axes.axhline(1.0, color=color("vermillion"), linestyle="--", linewidth=1.1)
        axes.set_ylim(0, max(1.4, axes.get_ylim()[1]))
        axes.set_title("failure score / threshold", fontsize=9)
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.94), ncols=3, fontsize=8, handlelength=1.2, columnspacing=1.0)
    for name, axes in drawn.items():
        for index, (_, t, role) in enumerate(moments(fault)):
            if name != "states":
                axes.axvline(t, color=color(role), linewidth=1.0, linestyle="-" if index == 3 else ":", zorder=1)
        if name not in ("ladder", "states"):
            axes.tick_params(labelbottom=False)
    last = list(drawn.values())[-1]
    last.tick_params(bottom=True, labelbottom=True)
    last.set_xlabel("time since the fault was injected (s)")
    return figure
