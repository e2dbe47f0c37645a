"""Put a run directory on one page."""

from __future__ import annotations

from datetime import datetime, timezone
from importlib import resources
from pathlib import Path

import jinja2
from markupsafe import Markup

from policy_nodes.running.campaign import page as campaign_page
from training.report.chain import chain, versions
from training.report.figures import build_figures
from training.report.files import ReportError, write_text_atomically
from training.report.inputs import RunInputs, load_inputs
from training.report.notes import conditions, machine, warnings
from training.report.theme import STATES, css_variables
from training.report.tiles import NOT_MEASURED, headline, words


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("training.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["words"] = words
    environment.filters["sentence"] = lambda text: text[:1].upper() + text[1:]
    environment.filters["short_hash"] = _short_hash
    environment.filters["ms"] = lambda seconds: "—" if seconds is None else f"{1e3 * seconds:.0f} ms"
    return environment


def _short_hash(text: str) -> Markup:
    """Break a long digest down to its head, keeping the whole in a tooltip; other text is untouched."""
    if len(text) >= 32 and all(character in "0123456789abcdef" for character in text):
        return Markup('<code title="{0}">{1}…</code>').format(text, text[:12])
    return Markup("{}").format(text)


def _interval(inputs: RunInputs) -> dict[str, float] | None:
    """Geometry of the interval bar in percent of its width; the axis starts at a ten below the interval."""
    if inputs.evaluation is None:
        return None
    low, high = inputs.evaluation.interval
    rate = inputs.evaluation.successes / len(inputs.evaluation.episodes)
    start = max(0.0, (int(10 * low) - 1) / 10)
    scale = 100 / (1 - start)
    return {
        "start": 100 * start,
        "middle": 50 * (1 + start),
        "left": (low - start) * scale,
        "width": max((high - low) * scale, 0.6),
        "mark": (rate - start) * scale,
    }


def _campaign(inputs: RunInputs) -> dict[str, Markup] | None:
    """The fault campaign's figures, histogram and matrix; its renderer escapes everything that it was given."""
    if inputs.campaign is None:
        return None
    results = inputs.campaign.model_dump()
    return {
        "summary": Markup(campaign_page.summary(results)),
        "chart": Markup(campaign_page.drawn_reactions(results)),
        "table": Markup(campaign_page.table(results["verdicts"])),
    }


def render(inputs: RunInputs, created: datetime) -> str:
    """The page as HTML text: no script, and nothing fetched from anywhere.

    Args:
        inputs: what was recorded.
        created: time written on the page.

    Raises:
        ReportError: a clip is damaged.
    """
    css = resources.files("training.report").joinpath("style.css").read_text(encoding="utf-8")
    return (
        _environment()
        .get_template("page.html")
        .render(
            inputs=inputs,
            name=inputs.directory.resolve().name,
            created=created.strftime("%Y-%m-%d %H:%M UTC"),
            css=Markup(css_variables() + css + (campaign_page.STYLE if inputs.campaign else "")),
            campaign=_campaign(inputs),
            tiles=headline(inputs),
            warnings=warnings(inputs),
            links=chain(inputs),
            versions=versions(inputs),
            interval=_interval(inputs),
            figures=build_figures(inputs),
            states=STATES,
            conditions=conditions(inputs),
            machine=machine(inputs),
            absent=NOT_MEASURED,
        )
    )


def build_report(directory: Path, output: Path | None = None) -> Path:
    """Read a run directory and write its page.

    Args:
        directory: what ``keel demo`` or the single commands wrote.
        output: the page; ``report.html`` in the run directory by default.

    Returns:
        Where the page is.

    Raises:
        ReportError: nothing to report, a damaged input, or an output that cannot be written.
    """
    target = output if output is not None else directory / "report.html"
    if target.is_dir():
        raise ReportError(f"{target} is a directory.", "name the page, for example report.html, in --output.")
    page = render(load_inputs(directory), datetime.now(timezone.utc))
    write_text_atomically(target, page)
    return target
