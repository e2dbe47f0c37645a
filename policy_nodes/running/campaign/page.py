"""The campaign's matrix as HTML: faults by row, phases of motion by column. Standard library only, nothing fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from policy_nodes.running.campaign.catalogue import CASES
from policy_nodes.running.campaign.reaction_chart import chart, quantile, reactions

STYLE = """
.campaign{border-collapse:collapse;width:100%;font-size:.86rem;font-variant-numeric:tabular-nums}
.campaign th,.campaign td{border-bottom:1px solid var(--grid,#e4e8ee);padding:.36rem .55rem;text-align:left}
.campaign td{vertical-align:top}
.campaign thead th{font-weight:600;color:var(--muted,#5c6878)}
.campaign .group th{background:var(--grid,#f2f4f7);font-weight:600}
.campaign td.pass::before{content:"\\2713 ";color:var(--green,#009e73);font-weight:700}
.campaign td.fail::before{content:"\\2717 ";color:var(--vermillion,#d55e00);font-weight:700}
.campaign td.none::before{content:"\\2013 ";color:var(--muted,#5c6878);font-weight:700}
.campaign td.none{color:var(--muted,#5c6878)}
.campaign small{display:block;color:var(--muted,#5c6878)}
.campaign .fail small{color:var(--vermillion,#d55e00)}
.reaction{width:100%;max-width:46rem;height:auto;display:block;margin:.6rem 0 1.2rem}
.reaction text{font-size:11px;fill:var(--muted,#5c6878)}.reaction .bar{fill:var(--blue,#0072b2)}
.reaction .late{fill:var(--vermillion,#d55e00)}.reaction .axis,.reaction .mark{stroke:var(--muted,#5c6878)}
.reaction .mark{stroke-dasharray:3 3}
.tiles{display:flex;flex-wrap:wrap;gap:.8rem;margin:1rem 0}
.tile{border:1px solid var(--grid,#e4e8ee);border-radius:8px;padding:.55rem .9rem;min-width:8rem}
.tile b{display:block;font-size:1.35rem;font-variant-numeric:tabular-nums}
.tile span{font-size:.8rem;color:var(--muted,#5c6878)}
"""
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>{title}</title><style>
:root{{color-scheme:light dark;--grid:#e4e8ee;--muted:#5c6878;--green:#00805d;--vermillion:#c04a00;--blue:#0072b2}}
@media (prefers-color-scheme:dark){{
:root{{--grid:#2a3441;--muted:#9aa7b8;--green:#2fc79b;--vermillion:#ff8a3c;--blue:#56b4e9}}}}
body{{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}}
h1{{font-size:1.5rem;margin-bottom:.2rem}}h2{{font-size:1.1rem;margin:1.4rem 0 .3rem}}
p{{color:var(--muted);margin:.3rem 0}}.scroll{{overflow-x:auto}}
{style}</style></head><body><h1>{title}</h1>{summary}{chart}<h2>Every fault</h2>
<div class="scroll">{table}</div></body></html>
"""


def summary(results: Mapping[str, Any]) -> str:
    """What the campaign found: a row of figures and a paragraph."""
    verdicts = results["verdicts"]
    done = [item for item in verdicts if item.get("carried_out", True)]
    passed = sum(item["passed"] for item in done)
    times = reactions(verdicts)
    stops = [item for item in done if item["seen"]["detected_s"] is not None]
    used = [max(item["seen"]["limit_use"].values()) for item in stops if item["seen"]["limit_use"]]
    tiles = [(f"{passed} of {len(done)}", "trials as declared"), (str(len({v["case"] for v in done})), "faults")]
    if len(done) < len(verdicts):
        tiles.append((str(len(verdicts) - len(done)), "not carried out"))
    tiles.append((f"{sum(item['seen']['recovered'] for item in stops)} of {len(stops)}", "stops recovered after reset"))
    if used:
        tiles.append((f"{100 * max(used):.1f} %", "largest share of a limit in a stop"))
    if times:
        tiles += [(f"{quantile(times, 0.5):.2f}", "median reaction, control periods")]
        tiles += [(f"{sum(t <= 1.0 for t in times)} of {len(times)}", "reactions within one period")]
    boxes = "".join(f'<div class="tile"><b>{escape(a)}</b><span>{escape(b)}</span></div>' for a, b in tiles)
    text = f"{passed} of {len(done)} trials as declared: {len({v['case'] for v in done})} faults, {results['mode']}."
    conditions = [results.get("conditions"), results.get("scheduling"), results.get("load_at_end")]
    said = "; ".join(
        f"{what} {value}"
        for what, value in zip(("begun with", "nodes at", "ended with"), conditions, strict=True)
        if value
    )
    text += f" {said[:1].upper()}{said[1:]}." if said else ""
    if repeated := sum(item.get("attempts", 1) > 1 for item in done):
        text += f" {repeated} of them were begun more than once, because an attempt said nothing about the fault."
    return f'<p>{escape(text)}</p><div class="tiles">{boxes}</div>'


def table(verdicts: Sequence[Mapping[str, Any]]) -> str:
    """The matrix; every cell says what was seen, a failed one what was missing."""
    phases = list(dict.fromkeys(item["phase"] for item in verdicts))
    cells = {(item["case"], item["phase"]): item for item in verdicts}
    head = "".join(f"<th>{escape(_words(phase))}</th>" for phase in phases)
    rows, group = [], ""
    order = list(CASES)
    names = sorted(
        dict.fromkeys(item["case"] for item in verdicts), key=lambda n: order.index(n) if n in CASES else len(order)
    )
    for name in names:
        case = CASES.get(name)
        description = case.description if case else ""
        title, _, rest = description.partition(": ")
        if rest and (case is None or not case.stream):  # an explanation, not the name of a stream
            title, rest = "", ""
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


def drawn_reactions(results: Mapping[str, Any]) -> str:
    """Histogram of the reaction times; empty without any."""
    times = reactions(results["verdicts"])
    return chart(times, results["allowed_periods"], 1e3 * results["period_s"]) if times else ""


def page(results: Mapping[str, Any]) -> str:
    """The whole page."""
    title = f"Fault campaign: {results['bundle']}"
    drawn, matrix = drawn_reactions(results), table(results["verdicts"])
    if drawn:
        drawn = f"<h2>From the moment a fault could be known to the decision to stop</h2>{drawn}"
    return PAGE.format(title=escape(title), style=STYLE, summary=summary(results), chart=drawn, table=matrix)


def _cell(item: Mapping[str, Any] | None) -> str:
    if item is None:
        return "<td></td>"
    if not item.get("carried_out", True):
        return f'<td class="none">not carried out<small>{escape("; ".join(item.get("notes", [])))}</small></td>'
    seen, reaction = item["seen"], item["reaction_periods"]
    if seen["detected_s"] is None:
        text = "went on"
        parts = [] if item["expected"] == "tolerated" else ["never became observable"]
    else:
        text = _words(seen["reason"] or seen["state"])
        parts = [_words(seen["backup"])] if seen["backup"] else []
        parts += [f"category {seen['category']}"] if seen["category"] is not None else []
        if reaction is not None:
            parts.append(f"{reaction:.2f} periods" if reaction >= 0.0 else "before it had to be known")
        parts += [f"{max(seen['limit_use'].values()):.0%} of limits"] if seen["limit_use"] else []
    if not item["passed"]:
        parts = item["problems"]
    elif item.get("attempts", 1) > 1:
        parts = [*parts, f"attempt {item['attempts']}"]
    detail = ("; " if not item["passed"] else ", ").join(parts)
    small = f"<small>{escape(detail)}</small>" if detail else ""
    return f'<td class="{"pass" if item["passed"] else "fail"}">{escape(text)}{small}</td>'


def _words(name: str) -> str:
    return name.replace("_", " ").replace("nan", "NaN")
