"""Matplotlib figure to inline SVG that follows the page's colours and fonts, at two widths.

Text stays text (selectable, searchable, in the page's font). A figure is drawn once for wide screens and paper and once
for phones, because a scaled-down plot has unreadable labels.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import matplotlib
import matplotlib.pyplot as plt
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from training.report.theme import COLORS, style

WIDE_IN = 9.8
NARROW_IN = 3.9

_ROLE_OF = {pair[0]: role for role, pair in COLORS.items()}
_COLOR = re.compile(r"(?<=: )#[0-9a-f]{6}")
_PATH = re.compile(r' d="([^"]+)"')
_NUMBER = re.compile(r"-?\d+\.\d+")
_ID = re.compile(r' id="|href="#|url\(#')


def _short_path(match: re.Match[str]) -> str:
    """Two decimals are a hundredth of a point; newlines between segments say nothing."""
    path = _NUMBER.sub(lambda number: f"{float(number.group()):.2f}".rstrip("0").rstrip("."), match.group(1))
    return f' d="{" ".join(path.split())}"'


def to_svg(figure: Figure, label: str, key: str) -> Markup:
    """Serialise a figure and close it.

    Args:
        figure: drawn under :func:`training.report.theme.style`.
        label: what the figure shows, for readers who cannot see it.
        key: unique on the page; prefixes every id so that two inlined figures do not share clip paths.

    Returns:
        An ``<svg>`` element without fixed size.
    """
    buffer = io.StringIO()
    with matplotlib.rc_context({**style(), "svg.hashsalt": key}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text, flags=re.S)
    text = _PATH.sub(_short_path, text)
    text = _COLOR.sub(lambda hit: f"var(--{_ROLE_OF[hit.group()]})" if hit.group() in _ROLE_OF else hit.group(), text)
    text = _ID.sub(lambda hit: f"{hit.group()}{key}-", text)
    text = re.sub(r'^<svg[^>]*?viewBox="([^"]+)"[^>]*>', r'<svg viewBox="\1" role="img">', text, count=1)
    text = text.replace(">", f"><title>{escape(label)}</title>", 1)
    return Markup(text)


def plot(draw: Callable[[float], Figure], label: str, key: str) -> Markup:
    """Draw a figure for wide and for narrow screens; CSS shows one of them.

    Args:
        draw: width in inches -> figure.
        label: as in :func:`to_svg`.
        key: as in :func:`to_svg`.
    """
    parts = []
    for kind, width in (("wide", WIDE_IN), ("narrow", NARROW_IN)):
        with matplotlib.rc_context(style()):
            figure = draw(width)
            parts.append(Markup('<div class="{}">{}</div>').format(kind, to_svg(figure, label, f"{key}-{kind}")))
    return Markup("").join(parts)
