"""Verdicts of ``keel verify`` and ``keel doctor``: one line per item, as a table or as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from policy_nodes.errors import KeelError

Status = Literal["ok", "warn", "fail", "skip"]
_STYLE = {"ok": "green", "warn": "yellow", "fail": "bold red", "skip": "dim"}


@dataclass(frozen=True)
class Check:
    """One verdict.

    Attributes:
        item: what was looked at.
        status: ``fail`` decides the exit code; ``warn`` works with a drawback; ``skip`` was not looked at.
        detail: what was found.
        fix: what to do about it, empty for ``ok``.
    """

    item: str
    status: Status
    detail: str
    fix: str = ""


def guarded(item: str, probe: Callable[[], Check | str]) -> Check:
    """Run a probe; a string is the detail of an ``ok``, an expected error a ``fail`` with its fix."""
    try:
        result = probe()
    except KeelError as error:
        return Check(item, "fail", error.cause, error.fix)
    except OSError as error:
        return Check(item, "fail", str(error), "check the path and its permissions")
    return Check(item, "ok", result) if isinstance(result, str) else result


def passed(checks: Iterable[Check]) -> bool:
    """Whether nothing failed."""
    return all(check.status != "fail" for check in checks)


def print_table(checks: Iterable[Check], title: str, console: Console | None = None) -> None:
    """Print one row per check, fixes below their finding."""
    console = console or Console()
    if not console.is_terminal:
        console.width = max(console.width, 160)
    table = Table(title=Text(title), title_justify="left", show_edge=False, pad_edge=False)
    for column in ("item", "status", "finding"):
        table.add_column(column, overflow="fold")
    for check in checks:
        finding = Text(check.detail)
        if check.fix:
            finding.append(f"\nfix: {check.fix}", style="italic")
        table.add_row(Text(check.item), Text(check.status, style=_STYLE[check.status]), finding)
    console.print(table)


def print_json(subject: str, checks: Iterable[Check]) -> None:
    """Print ``{"subject", "passed", "checks": [...]}`` on standard output."""
    rows = list(checks)
    value = {"subject": subject, "passed": passed(rows), "checks": [asdict(row) for row in rows]}
    print(json.dumps(value, indent=2))
