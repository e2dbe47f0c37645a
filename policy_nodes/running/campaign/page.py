"""The campaign's matrix as HTML: faults by row, phases of motion by column. Standard library only, nothing fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from policy_nodes.running.campaign.catalogue import CASES

STYLE = """
.campaign{border-collapse:collapse;width:100%;font-size:.86rem;font-variant-numeric:tabular-nums}
.campaign th,.campaign td{border-bottom:1px solid var(--grid,#e4e8ee);padding:.36rem .55rem;text-align:left}
.campaign td{vertical-align:top}
.campaign thead th{font-weight:600;color:var(--muted,#5c6878)}
.campaign .group th{background:var(--grid,#f2f4f7);font-weight:600}
.campaign td.pass::before{content:"\\2713 ";color:var(--green,#009e73);font-weight:700}
.campaign td.fail::before{content:"\\2717 ";color:var(--vermillion,#d55e00);font-weight:700}
.campaign small{display:block;color:var(--muted,#5c6878)}
.campaign .fail small{color:var(--vermillion,#d55e00)}
"""
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>{title}</title><style>
:root{{color-scheme:light dark;--grid:#e4e8ee;--muted:#5c6878;--green:#00805d;--vermillion:#c04a00}}
@media (prefers-color-scheme:dark){{:root{{--grid:#2a3441;--muted:#9aa7b8;--green:#2fc79b;--vermillion:#ff8a3c}}}}
body{{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}}
h1{{font-size:1.5rem;margin-bottom:.2rem}}p{{color:var(--muted)}}.scroll{{overflow-x:auto}}
{style}</style></head><body><h1>{title}</h1>{summary}<div class="scroll">{table}</div></body></html>
"""


def summary(results: Mapping[str, Any]) -> str:
    """What the campaign found, in a paragraph."""
    verdicts = results["verdicts"]
    passed = sum(item["passed"] for item in verdicts)
    faults = len({item["case"] for item in verdicts})
    reactions = sorted(item["reaction_periods"] for item in verdicts if item["reaction_periods"] is not None)
    text = f"{passed} of {len(verdicts)} trials as declared: {faults} faults, {results['mode']}."
    if reactions:
        middle, tail = reactions[len(reactions) // 2], reactions[min(len(reactions) - 1, int(0.95 * len(reactions)))]
        text += (
            f" From the moment a fault could be known to the decision to stop: median {middle:.2f}, 95th percentile "
        )
        text += f"{tail:.2f}, longest {reactions[-1]:.2f} control periods of {1e3 * results['period_s']:.0f} ms"
        text += f" (allowed {results['allowed_periods']:g})."
    if results.get("conditions"):
        text += f" {results['conditions']}."
    return f"<p>{escape(text)}</p>"


def table(verdicts: Sequence[Mapping[str, Any]]) -> str:
    """The matrix; every cell says what was seen, a failed one what was missing."""
    phases = list(dict.fromkeys(item["phase"] for item in verdicts))
    cells = {(item["case"], item["phase"]): item for item in verdicts}
    head = "".join(f"<th>{escape(_words(phase))}</th>" for phase in phases)
    rows, group = [], ""
    for name in dict.fromkeys(item["case"] for item in verdicts):
        case = CASES.get(name)
        description = case.description if case else ""
        title, _, rest = description.partition(": ")
        if rest and title != group:
            group = title
            rows.append(f'<tr class="group"><th colspan="{len(phases) + 2}">{escape(title)}</th></tr>')
        elif not rest and group != "machine and operator":
            group = "machine and operator"
            rows.append(f'<tr class="group"><th colspan="{len(phases) + 2}">{group}</th></tr>')
        declared = next(item["expected"] for item in verdicts if item["case"] == name)
        found = "".join(_cell(cells.get((name, phase))) for phase in phases)
        rows.append(
            f"<tr><td>{escape(rest or description)}<small>{escape(name)}</small></td>"
            f"<td>{escape(_words(declared))}</td>{found}</tr>"
        )
    return (
        f'<table class="campaign"><thead><tr><th>Fault</th><th>Declared</th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def page(results: Mapping[str, Any]) -> str:
    """The whole page."""
    title = f"Fault campaign: {results['bundle']}"
    return PAGE.format(title=escape(title), style=STYLE, summary=summary(results), table=table(results["verdicts"]))


def _cell(item: Mapping[str, Any] | None) -> str:
    if item is None:
        return "<td></td>"
    seen, reaction = item["seen"], item["reaction_periods"]
    if seen["detected_s"] is None:
        text, detail = "went on", ""
    else:
        text = _words(seen["reason"] or seen["state"])
        parts = [f"category {seen['category']}"] if seen["category"] is not None else []
        parts += [] if reaction is None else [f"{reaction:.2f} periods"]
        parts += [f"{max(seen['limit_use'].values()):.0%} of limits"] if seen["limit_use"] else []
        detail = ", ".join(parts)
    if not item["passed"]:
        detail = "; ".join(item["problems"])
    small = f"<small>{escape(detail)}</small>" if detail else ""
    return f'<td class="{"pass" if item["passed"] else "fail"}">{escape(text)}{small}</td>'


def _words(name: str) -> str:
    return name.replace("_", " ").replace("nan", "NaN")
