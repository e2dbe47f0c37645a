"""Colours by role, in light and dark, and the matplotlib style.

Figures are drawn in the light colours; :mod:`training.report.svg` replaces each by its CSS variable so that a page
follows the reader's colour scheme. Hues follow Okabe and Ito, "Color Universal Design" (2008), which stays apart for
the common forms of colour blindness; no meaning is carried by colour alone.
"""

from __future__ import annotations

from typing import Any

import matplotlib

matplotlib.use("Agg")

COLORS: dict[str, tuple[str, str]] = {
    "ink": ("#1b2430", "#e6eaf0"),
    "muted": ("#5c6878", "#9aa7b8"),
    "axis": ("#a7b0bd", "#566374"),
    "grid": ("#e4e8ee", "#2a3441"),
    "blue": ("#0072b2", "#58aee6"),
    "sky": ("#56b4e8", "#56b4e9"),
    "green": ("#009e73", "#2fc79b"),
    "amber": ("#b87a00", "#f0b429"),
    "vermillion": ("#d55e00", "#ff8a3c"),
    "purple": ("#b0548b", "#e49ac4"),
    "state-init": ("#c3cad4", "#4b5767"),
    "state-ready": ("#9fcdee", "#3f7fae"),
    "state-active": ("#1a9a78", "#1b8a6c"),
    "state-degraded": ("#f0b93a", "#d9a21f"),
    "state-backup": ("#d45a00", "#e06a12"),
    "state-stopped": ("#4b3f72", "#7465a8"),
    "card": ("#ffffff", "#171f29"),
    "on-dark": ("#fefefe", "#fdfdfd"),
    "on-light": ("#101620", "#f4f6f9"),
    "on-amber": ("#111722", "#11161f"),
}
"""Role to (light, dark); light values are distinct because they identify the role in a drawn figure."""

STATES: dict[str, tuple[str, str]] = {
    "INIT": ("state-init", "on-light"),
    "READY": ("state-ready", "on-light"),
    "ACTIVE": ("state-active", "on-dark"),
    "DEGRADED": ("state-degraded", "on-amber"),
    "BACKUP": ("state-backup", "on-dark"),
    "STOPPED": ("state-stopped", "on-dark"),
}
"""Supervisor state to the roles of its fill and of text on it."""

SCORE_LABELS = {
    "rnd": "embedding novelty (RND)",
    "mahalanobis": "embedding novelty (Mahalanobis)",
    "knn": "embedding novelty (nearest neighbours)",
    "logpzo": "embedding novelty (flow)",
    "entropy": "action-chunk entropy",
    "variance": "spread of the samples",
    "stac": "change of plan (STAC)",
    "stac_floor": "change of plan (STAC, 5 mm)",
    "consistency": "change of plan (one sample)",
    "duration": "expected duration",
    "fiper": "verdict (combined)",
}
"""What each score of the failure monitor looks at, in the order of legends; the verdict comes last."""
SCORE_SHORT = {
    **{name: name for name in SCORE_LABELS},
    "rnd": "RND",
    "mahalanobis": "Mahalan.",
    "stac": "STAC",
    "stac_floor": "STAC",
    "fiper": "verdict",
}
SCORE_LINES = {
    **dict.fromkeys(("rnd", "mahalanobis"), ("sky", 1.0)),
    **dict.fromkeys(("knn", "logpzo"), ("blue", 1.0)),
    **dict.fromkeys(("entropy", "variance"), ("purple", 1.0)),
    **dict.fromkeys(("stac", "stac_floor"), ("green", 1.0)),
    "consistency": ("amber", 1.0),
    "duration": ("vermillion", 1.0),
    "fiper": ("ink", 1.5),
}
"""Colour role and line width of each score."""


def color(role: str) -> str:
    """Light colour of a role, as matplotlib draws it."""
    return COLORS[role][0]


def state_colors(state: str) -> tuple[str, str]:
    """Fill and text colour of a supervisor state; unknown states are grey."""
    fill, text = STATES.get(state.upper(), ("state-init", "on-light"))
    return color(fill), color(text)


def css_variables() -> str:
    """The palette as CSS: light by default and in print, dark when the reader prefers it."""
    light = "".join(f"--{role}:{pair[0]};" for role, pair in COLORS.items())
    dark = "".join(f"--{role}:{pair[1]};" for role, pair in COLORS.items())
    return f":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"


def style() -> dict[str, Any]:
    """Matplotlib parameters of every figure."""
    return {
        "svg.fonttype": "none",
        "font.size": 9.5,
        "axes.labelsize": 9.5,
        "axes.titlesize": 10,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titlecolor": color("ink"),
        "axes.labelcolor": color("muted"),
        "axes.edgecolor": color("axis"),
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": color("grid"),
        "grid.linewidth": 0.8,
        "xtick.color": color("axis"),
        "ytick.color": color("axis"),
        "xtick.labelcolor": color("muted"),
        "ytick.labelcolor": color("muted"),
        "xtick.labelsize": 9,
        "ytick.labelsize": 9,
        "xtick.major.size": 3,
        "ytick.major.size": 0,
        "text.color": color("ink"),
        "legend.frameon": False,
        "legend.fontsize": 9,
        "lines.linewidth": 1.5,
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "savefig.facecolor": "none",
        "path.simplify_threshold": 0.3,
    }
