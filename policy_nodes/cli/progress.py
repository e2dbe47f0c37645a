"""A progress bar on a terminal, a plain line now and then elsewhere (CI logs, ``nohup``)."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text


class _ValuesColumn(TextColumn):
    """The figures given to ``advance``, printed as they are."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Any) -> Text:
        return Text(task.fields.get("values", ""), style="dim")


class ProgressBar:
    """Counts towards a total, with figures beside it.

    Example::

        with ProgressBar("collect", total=300) as bar:
            for episode in range(300):
                bar.advance(success=0.98)

    Args:
        label: what is being done.
        total: steps to go.
        console: where to; standard error by default, so that results on standard output can be piped.
        every_s: seconds between plain lines when ``console`` is no terminal.
        clock: seconds, for tests.
    """

    def __init__(
        self,
        label: str,
        total: int,
        console: Console | None = None,
        every_s: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._label = label
        self._total = total
        self._console = console or Console(stderr=True)
        self._every_s = every_s
        self._clock = clock
        self._done = 0
        self._values = ""
        self._printed = -1
        self._started = self._last = clock()
        self._bar: Progress | None = None
        if self._console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, TimeRemainingColumn(), _ValuesColumn(), console=self._console)
            self._task = self._bar.add_task(label, total=total)

    def __enter__(self) -> ProgressBar:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif self._printed != self._done:
            self._line()

    def advance(self, steps: int = 1, **values: float | str) -> None:
        """Count ``steps`` more and show ``values`` (floats with four significant digits)."""
        self._done += steps
        if values:
            self._values = " ".join(f"{key}={_show(value)}" for key, value in values.items())
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, values=self._values)
        elif self._clock() - self._last >= self._every_s or self._done == self._total:
            self._line()

    def _line(self) -> None:
        self._last = self._clock()
        self._printed = self._done
        elapsed = self._last - self._started
        line = f"{self._label}: {self._done}/{self._total} in {elapsed:.0f} s {self._values}".rstrip()
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)


def _show(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"
