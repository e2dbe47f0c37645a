"""Reaction times of a campaign as a histogram: from the moment a fault could be known to the decision to stop."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 720, 170, 34, 34, 16
BIN = 0.1
"""Width of a bar, control periods."""


def reactions(verdicts: Sequence[Mapping[str, Any]]) -> list[float]:
    """Reaction times (control periods, ascending) of declared stops.

    Left out are reactions before the fault had to be known: another layer was first, or a look at the graph came
    earlier than the next one that was due. They are no reaction times.
    """
    times = (item["reaction_periods"] for item in verdicts if item.get("carried_out", True))
    return sorted(time for time in times if time is not None and time >= 0.0)


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest of ``ordered`` (ascending, not empty) with at least ``share`` of all at or below it."""
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def counts(times: Sequence[float], width: float = BIN) -> list[int]:
    """Number of values in ``[k * width, (k + 1) * width)`` for k = 0, 1, ... up to the largest."""
    bins = [0] * (int(max(times, default=0.0) / width + 1e-9) + 1)
    for time in times:
        bins[int(time / width + 1e-9)] += 1
    return bins


def chart(times: Sequence[float], allowed: float, period_ms: float) -> str:
    """The histogram as SVG, below a sentence.

    Args:
        times: reaction times, control periods, ascending, not empty.
        allowed: longest reaction, control periods.
        period_ms: control period.
    """
    bars = counts(times)
    right = 1.1 * max(len(bars) * BIN, allowed, 1.0)
    scale, tallest = (WIDTH - LEFT - 8) / right, max(bars)
    base, height = HEIGHT - BOTTOM, HEIGHT - BOTTOM - TOP

    def x(value: float) -> float:
        return LEFT + value * scale

    parts = [f'<line class="axis" x1="{LEFT}" y1="{base}" x2="{WIDTH - 8}" y2="{base}"/>']
    for k, count in enumerate(bars):
        if count:
            tall = height * count / tallest
            kind = "bar late" if k * BIN >= allowed else "bar"
            parts.append(
                f'<rect class="{kind}" x="{x(k * BIN) + 0.5:.1f}" y="{base - tall:.1f}" '
                f'width="{BIN * scale - 1:.1f}" height="{tall:.1f}"><title>{count} from {k * BIN:.1f} to '
                f"{(k + 1) * BIN:.1f}</title></rect>"
            )
    step = 0.5 if right < 4.0 else 1.0
    for k in range(int(right / step) + 1):
        parts.append(f'<text x="{x(k * step):.1f}" y="{base + 14}" text-anchor="middle">{k * step:g}</text>')
    for value, label in {1.0: "one period", allowed: "allowed"}.items():
        parts.append(f'<line class="mark" x1="{x(value):.1f}" y1="{TOP - 4}" x2="{x(value):.1f}" y2="{base}"/>')
        parts.append(f'<text x="{x(value) + 4:.1f}" y="{TOP + 4}">{label}</text>')
    parts.append(f'<text x="{LEFT - 4}" y="{TOP + 8}" text-anchor="end">{tallest}</text>')
    parts.append(
        f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 4}" text-anchor="middle">'
        f"control periods of {period_ms:.0f} ms</text>"
    )
    within = sum(time <= 1.0 for time in times)
    text = (
        f"{len(times)} reactions: median {quantile(times, 0.5):.2f}, 95th percentile {quantile(times, 0.95):.2f}, "
        f"longest {times[-1]:.2f} control periods; {within} within one, allowed {allowed:g}."
    )
    return (
        f"<p>{text}</p>"
        f'<svg class="reaction" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{text}">{"".join(parts)}</svg>'
    )
