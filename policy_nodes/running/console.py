"""What an operator sees of a run: changes of state, warnings and errors; everything else goes to the logs."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, redirect_stdout
from pathlib import Path
from typing import IO

from rich.console import Console

from policy_nodes.running.session import Session

STATE_COLOURS = {"ACTIVE": "green", "DEGRADED": "yellow", "BACKUP": "red", "STOPPED": "red"}
REPEATED = ("safety_node: BACKUP", "safety_node: STOPPED")
"""Lines of the safety node's log that only repeat a change of state."""


class RunConsole:
    """Prints whole lines, never wrapped, and only what is news.

    Args:
        console: where to; by default the standard output as it is now.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(file=sys.stdout, highlight=False, soft_wrap=True)
        self._events = self._warnings = 0

    def say(self, text: str, style: str | None = None) -> None:
        """Print one line as it is, without markup."""
        self._console.print(text, style=style, markup=False)

    def news(self, session: Session) -> None:
        """Print the changes of state and the warnings since the last call."""
        view = session.operator.view
        for event in view.events[self._events :]:
            backup = event.backup if event.state in ("DEGRADED", "BACKUP", "STOPPED") else ""
            parts = (event.state, event.reason, backup, event.detail)
            self.say(f"  safety: {' '.join(part for part in parts if part)}", STATE_COLOURS.get(event.state))
            self._events += 1
        for warning in view.warnings[self._warnings :]:
            self._warnings += 1
            if not warning.startswith(REPEATED):
                self.say(f"  {warning}", "yellow")


class LazyFile(io.TextIOBase):
    """Appends to a file that exists from the first line on.

    Args:
        path: of the file; its directory is made too.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def write(self, text: str) -> int:
        """Append ``text``."""
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a", encoding="utf-8")
        return self._file.write(text)

    def flush(self) -> None:
        """Hand what was written to the system."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Close the file if there is one."""
        if self._file is not None:
            self._file.close()
            self._file = None
        super().close()


@contextmanager
def quiet_launch(log: Path, verbose: bool) -> Iterator[None]:
    """Send the launcher's and the nodes' lines to ``log`` instead of the console, unless ``verbose``."""
    if verbose:
        yield
        return
    with closing(LazyFile(log)) as file, redirect_stdout(file):
        yield
