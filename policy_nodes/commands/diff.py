"""Show what is different between two bundles, gravest first: what would change the robot's motion comes on top.

Both bundles are checked like any other before they are compared. Exit code 0 when they are the same, 1 when they
differ (or cannot be read, which is said on standard error).

Examples:
    keel diff old.keel new.keel
    keel diff old.keel new.keel --json | jq '.differences[] | select(.impact == "safety")'
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from rich.console import Console
from rich.table import Table
from rich.text import Text

from policy_nodes.bundle.diff import Difference, Impact, compare, same_behaviour
from policy_nodes.bundle.load import load_bundle

_STYLE = {Impact.MOTION: "bold red", Impact.SAFETY: "bold red", Impact.TIMING: "yellow", Impact.INPUT: "yellow"}
_MEANING = {
    Impact.MOTION: "the robot moves differently",
    Impact.SAFETY: "limits or reactions differ",
    Impact.TIMING: "rates, delays or deadlines differ",
    Impact.INPUT: "other topics, or other measurements are refused",
    Impact.MONITOR: "failure alarms differ",
    Impact.RECORD: "the robot does the same; names, proof or provenance differ",
}


@dataclass(frozen=True)
class Args:
    """Options of ``keel diff``."""

    first: tyro.conf.Positional[Path]
    """A NAME.keel directory."""
    second: tyro.conf.Positional[Path]
    """Another one."""
    json: bool = False
    """Print JSON instead of a table."""


def run(args: Args) -> int:
    """Compare and print; returns the exit code.

    Raises:
        BundleError: one of them would not load.
    """
    found = compare(*(load_bundle(path, require_signature=False) for path in (args.first, args.second)))
    if args.json:
        print(json.dumps(_value(args, found), indent=2))
    elif found:
        _print(args, found)
    else:
        print(f"{args.first} and {args.second} are the same")
    return 1 if found else 0


def _value(args: Args, found: list[Difference]) -> dict[str, Any]:
    rows = [
        {"impact": item.impact.name.lower(), "path": item.path, "before": item.before, "after": item.after}
        for item in found
    ]
    bundles = {"first": str(args.first), "second": str(args.second)}
    return bundles | {"same": not found, "same_behaviour": same_behaviour(found), "differences": rows}


def _print(args: Args, found: list[Difference]) -> None:
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, 160)
    for impact in Impact:
        rows = [item for item in found if item.impact is impact]
        if not rows:
            continue
        title = Text(f"{impact.name.lower()}: {_MEANING[impact]}", style=_STYLE.get(impact, "dim"))
        table = Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
        for column in ("what", args.first.name, args.second.name):
            table.add_column(Text(column), overflow="fold")
        for item in rows:
            table.add_row(Text(item.path), Text(_short(item.before)), Text(_short(item.after)))
        console.print(table)
        console.print()


def _short(value: Any) -> str:
    """One value on a line; hashes by their beginning."""
    text = value if isinstance(value, str) else json.dumps(value)
    if len(text) == 64 and all(char in "0123456789abcdef" for char in text):
        return f"{text[:16]}..."
    return text if len(text) <= 200 else f"{text[:200]}..."
