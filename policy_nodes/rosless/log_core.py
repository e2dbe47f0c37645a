"""Where log records go: levels by dotted logger name, the console in rclpy's format, and /rosout."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from policy_nodes.rosless.arguments import RosArguments

DEFAULT_FORMAT = "[{severity}] [{time}] [{name}]: {message}"
_COLOURS = {10: "\x1b[32m", 20: "", 30: "\x1b[33m", 40: "\x1b[31m", 50: "\x1b[31m"}


class LoggingSeverity(IntEnum):
    """Severities, numbered as in rcutils."""

    UNSET = 0
    DEBUG = 10
    INFO = 20
    WARN = 30
    ERROR = 40
    FATAL = 50


@dataclass(frozen=True)
class Record:
    """One log line: when (ns since 1970), how severe, who, what, and the call site."""

    stamp_ns: int
    severity: LoggingSeverity
    name: str
    message: str
    file: str
    function: str
    line: int


Sink = Callable[[Record], None]
_lock = threading.Lock()
_levels: dict[str, LoggingSeverity] = {}
_default_level = LoggingSeverity.INFO
_sinks: dict[str, Sink] = {}
_console = True
_reentrant = threading.local()


def set_level(name: str, level: LoggingSeverity) -> None:
    """Set a logger's level; the empty name is the default of all."""
    global _default_level
    with _lock:
        if name:
            _levels[name] = level
        else:
            _default_level = level


def own_level(name: str) -> LoggingSeverity:
    """Level set for exactly this logger, UNSET when none."""
    return _levels.get(name, LoggingSeverity.UNSET) if name else _default_level


def effective_level(name: str) -> LoggingSeverity:
    """Level of the nearest ancestor (dotted names) that has one."""
    while name:
        level = _levels.get(name, LoggingSeverity.UNSET)
        if level != LoggingSeverity.UNSET:
            return level
        name = name.rpartition(".")[0]
    return _default_level


def reset() -> None:
    """Forget all levels."""
    global _default_level, _console
    with _lock:
        _levels.clear()
        _default_level = LoggingSeverity.INFO
        _console = True


def configure(arguments: RosArguments) -> None:
    """Apply ``--log-level`` and ``--disable-stdout-logs``."""
    global _console
    _console = arguments.stdout
    for name, level in arguments.log_levels:
        set_level(name or "", LoggingSeverity[level.upper()])


def add_sink(name: str, sink: Sink) -> None:
    """Also give records of the logger ``name`` and its children to ``sink`` (the node's /rosout publisher)."""
    with _lock:
        _sinks[name] = sink


def remove_sink(name: str, sink: Sink) -> None:
    """Stop giving records to the sink."""
    with _lock:
        if _sinks.get(name) == sink:
            del _sinks[name]


def format_record(record: Record, template: str = DEFAULT_FORMAT) -> str:
    """Fill a ``RCUTILS_CONSOLE_OUTPUT_FORMAT`` template; unknown ``{fields}`` stay as they are."""
    seconds, nanoseconds = divmod(record.stamp_ns, 1_000_000_000)
    values = {
        "severity": record.severity.name,
        "name": record.name,
        "message": record.message,
        "time": f"{seconds}.{nanoseconds:09d}",
        "time_as_nanoseconds": str(record.stamp_ns),
        "file_name": record.file,
        "function_name": record.function,
        "line_number": str(record.line),
    }
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), template)


def _colourful() -> bool:
    choice = os.environ.get("RCUTILS_COLORIZED_OUTPUT", "")
    return choice == "1" or (choice != "0" and sys.stderr.isatty())


def emit(record: Record) -> None:
    """Print the record on stderr and hand it to the sink of its logger or of the nearest ancestor."""
    if _console:
        line = format_record(record, os.environ.get("RCUTILS_CONSOLE_OUTPUT_FORMAT") or DEFAULT_FORMAT)
        colour = _COLOURS[record.severity] if _colourful() else ""
        with contextlib.suppress(OSError, ValueError):  # a console that is gone must not end a node
            sys.stderr.write(f"{colour}{line}\x1b[0m\n" if colour else line + "\n")
            sys.stderr.flush()
    name = record.name
    while name and name not in _sinks:
        name = name.rpartition(".")[0]
    sink = _sinks.get(name)
    if sink is None or getattr(_reentrant, "busy", False):
        return
    _reentrant.busy = True  # a failure while publishing a log must not log itself again
    try:
        sink(record)
    finally:
        _reentrant.busy = False


def now_ns() -> int:
    """Wall clock of log stamps."""
    return time.time_ns()
