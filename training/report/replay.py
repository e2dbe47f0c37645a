"""A black box on one page: what the policy wanted, what was commanded, what the robot did, and why it stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from policy_nodes.safety.black_box_file import Recording
from policy_nodes.safety.reasons import REASONS, Reason
from training.report.svg import plot
from training.report.theme import color, css_variables, state_colors

JOINTS_SHOWN = 4
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>{title}</title><style>{variables}
:root{{color-scheme:light dark}}
body{{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--card);max-width:66rem;margin:2rem auto;
padding:0 1rem}}
h1{{font-size:1.5rem;margin-bottom:.2rem}}h2{{font-size:1.1rem;margin-top:2rem}}p,td small{{color:var(--muted)}}
table{{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}}
td,th{{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid var(--grid);vertical-align:top}}
svg{{width:100%;height:auto}}.narrow{{display:none}}
@media (max-width:40rem){{.wide{{display:none}}.narrow{{display:block}}}}
</style></head><body><h1>{title}</h1><p>{lead}</p>{figure}
<h2>Decisions</h2><table><tr><th>s</th><th>state</th><th>reason</th><th>found</th></tr>{decisions}</table>
<h2>Operator</h2><table>{events}</table><h2>Refused messages</h2>{refused}</body></html>
"""


def seconds(recording: Recording, times: NDArray[np.int64]) -> NDArray[np.float64]:
    """Times relative to the stop, or to the end when there was none."""
    decisions = recording.arrays["decision_t"]
    stop = recording.stop
    zero = 0 if not decisions.size else int(decisions[-1 if stop is None else stop])
    return np.asarray((times - zero) / 1e9, dtype=np.float64)


def busiest(recording: Recording) -> list[int]:
    """Columns of the joints that moved most, in command order."""
    travel = np.nansum(np.abs(np.diff(recording.arrays["joint_position"], axis=0)), axis=0)
    order = np.argsort(-travel, kind="stable")[:JOINTS_SHOWN]
    return sorted(int(column) for column in order)


def transitions(recording: Recording) -> list[int]:
    """Indices of decisions at which the state or its reason changed; limited and unlimited ticks are one."""
    arrays = recording.arrays
    reason = np.where(arrays["reason"] == Reason.LIMITED.value, "", arrays["reason"])
    changed = (arrays["state"][1:] != arrays["state"][:-1]) | (reason[1:] != reason[:-1])
    return [0, *(int(k) + 1 for k in np.flatnonzero(changed))] if arrays["state"].size else []


def draw(recording: Recording, width: float) -> Figure:
    """Wanted, commanded and measured position of the joints that moved most, over the supervisor's states."""
    arrays, shown = recording.arrays, busiest(recording)
    figure, axes = plt.subplots(
        len(shown) + 1,
        1,
        sharex=True,
        figsize=(width, 1.5 * len(shown) + 1.0),
        height_ratios=[*[3.0] * len(shown), 0.7],
        layout="constrained",
        squeeze=False,
    )
    t, measured_t = seconds(recording, arrays["decision_t"]), seconds(recording, arrays["joint_stamp"])
    for axis, joint in zip(axes[:-1, 0], shown, strict=True):
        axis.plot(measured_t, arrays["joint_position"][:, joint], color=color("blue"), label="robot did")
        axis.plot(t, arrays["command"][:, joint], color=color("ink"), linewidth=1.0, label="commanded")
        axis.plot(t, arrays["wanted"][:, joint], color=color("amber"), linestyle=(0, (4, 2)), label="policy wanted")
        axis.axvline(0.0, color=color("vermillion"), linewidth=1.0)
        axis.set_title(recording.joints[joint])
    axes[0, 0].legend(loc="upper left", ncols=3 if width > 5 else 1)
    band, marks = axes[-1, 0], [*transitions(recording), len(t)]
    for first, last in pairwise(marks):
        fill, _ = state_colors(str(arrays["state"][first]))
        band.axvspan(t[first], t[min(last, len(t) - 1)], color=fill, linewidth=0)
    band.set_yticks([])
    band.set_title("supervisor")
    band.set_xlabel("seconds from the stop")
    return figure


def replay_page(recording: Recording) -> str:
    """The page as HTML text: no script, nothing fetched."""
    arrays, stop = recording.arrays, recording.stop
    reason = "" if stop is None else str(arrays["reason"][stop])
    title = f"Stopped: {reason.replace('_', ' ')}" if reason else "Black box"
    length_s = len(arrays["decision_t"]) * recording.period_s
    lead = f"{recording.path.name}: {length_s:.1f} s, one decision every {1e3 * recording.period_s:g} ms."
    if reason in {known.value for known in Reason}:
        info = REASONS[Reason(reason)]
        lead = f"{info.description} {info.fix} ({lead})"
    t = seconds(recording, arrays["decision_t"])
    rows = [
        (f"{t[k]:.3f}", *(str(arrays[key][k]) for key in ("state", "reason", "detail"))) for k in transitions(recording)
    ]
    events = [(f"{float(seconds(recording, np.array([when]))[0]):.3f}", text) for when, text in recording.events]
    return PAGE.format(
        title=escape(title),
        variables=css_variables(),
        lead=escape(lead),
        figure=plot(lambda width: draw(recording, width), "positions of joints around the stop", "replay"),
        decisions=_rows(rows),
        events=_rows(events) or "<tr><td>nothing</td></tr>",
        refused=_refused(recording),
    )


def _refused(recording: Recording) -> str:
    counts = Counter(
        (key.removesuffix("refused").strip("/_").replace("term/", ""), str(reason))
        for key, values in recording.arrays.items()
        if key.endswith("refused")
        for reason in values
        if reason
    )
    rows = [(source, reason.replace("_", " "), str(count)) for (source, reason), count in sorted(counts.items())]
    return f"<table>{_rows(rows)}</table>" if rows else "<p>none</p>"


def _rows(rows: Sequence[tuple[str, ...]]) -> str:
    return "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
