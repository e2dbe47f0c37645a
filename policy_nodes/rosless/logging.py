"""``rclpy.logging``: named loggers with levels, children and the throttle, skip_first and once filters."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from policy_nodes.rosless import log_core
from policy_nodes.rosless.log_core import LoggingSeverity, Record

_FILTERS = ("throttle_duration_sec", "throttle_time_source_type", "skip_first", "once")
_Site = tuple[str, int, int]


class RcutilsLogger:
    """A logger.

    Args:
        name: dotted name; children inherit the level of their parents.
    """

    def __init__(self, name: str = "") -> None:
        self.name = name
        self._throttled: dict[_Site, int] = {}
        self._seen: dict[_Site, set[str]] = {}
        self._severity_of_site: dict[_Site, LoggingSeverity] = {}

    def get_child(self, name: str) -> RcutilsLogger:
        """The logger ``<this>.<name>``.

        Raises:
            ValueError: empty name.
        """
        if not name:
            raise ValueError("Child logger name must not be empty.")
        return RcutilsLogger(f"{self.name}.{name}" if self.name else name)

    def set_level(self, level: LoggingSeverity | int) -> None:
        """Set the level of this logger and of its children that have none."""
        log_core.set_level(self.name, LoggingSeverity(level))

    def get_effective_level(self) -> LoggingSeverity:
        """The level that applies."""
        return log_core.effective_level(self.name)

    def is_enabled_for(self, severity: LoggingSeverity | int) -> bool:
        """Whether a record of this severity would be printed."""
        return LoggingSeverity(severity) >= self.get_effective_level()

    def log(self, message: Any, severity: LoggingSeverity | int, name: str | None = None, **filters: Any) -> bool:
        """Log a message.

        Args:
            message: printed with ``str``.
            severity: its severity.
            name: logger name in the output; this logger's when None.
            filters: ``throttle_duration_sec`` (s), ``throttle_time_source_type`` (a Clock), ``skip_first``, ``once``;
            state is
                kept per call site.

        Returns:
            Whether it was logged.

        Raises:
            TypeError: unknown filter.
            ValueError: the same call site changes its severity, which rclpy forbids.
        """
        severity = LoggingSeverity(severity)
        if unknown := filters.keys() - set(_FILTERS):
            raise TypeError(f"parameter(s) {sorted(unknown)} are not recognized logging options {_FILTERS}")
        frame = _caller()
        site = (frame.f_code.co_filename, frame.f_lineno, frame.f_lasti)
        if self._severity_of_site.setdefault(site, severity) != severity:
            raise ValueError("Logger severity cannot be changed between calls.")
        if not self.is_enabled_for(severity) or not self._passes(site, filters):
            return False
        code = frame.f_code
        log_core.emit(
            Record(
                log_core.now_ns(),
                severity,
                name or self.name,
                str(message),
                code.co_filename,
                code.co_name,
                frame.f_lineno,
            )
        )
        return True

    def _passes(self, site: _Site, filters: dict[str, Any]) -> bool:
        period = filters.get("throttle_duration_sec")
        if period:
            clock = filters.get("throttle_time_source_type")
            now = log_core.now_ns() if clock is None else clock.now().nanoseconds
            if now < self._throttled.get(site, -(1 << 62)) + int(period * 1e9):
                return False
            self._throttled[site] = now
        seen = self._seen.setdefault(site, set()) if filters else set()
        if filters.get("skip_first") and "skip_first" not in seen:
            seen.add("skip_first")
            return False
        if filters.get("once"):
            if "once" in seen:
                return False
            seen.add("once")
        return True

    def debug(self, message: Any, **filters: Any) -> bool:
        """Log with severity DEBUG; see :meth:`log`."""
        return self.log(message, LoggingSeverity.DEBUG, **filters)

    def info(self, message: Any, **filters: Any) -> bool:
        """Log with severity INFO; see :meth:`log`."""
        return self.log(message, LoggingSeverity.INFO, **filters)

    def warning(self, message: Any, **filters: Any) -> bool:
        """Log with severity WARN; see :meth:`log`."""
        return self.log(message, LoggingSeverity.WARN, **filters)

    warn = warning

    def error(self, message: Any, **filters: Any) -> bool:
        """Log with severity ERROR; see :meth:`log`."""
        return self.log(message, LoggingSeverity.ERROR, **filters)

    def fatal(self, message: Any, **filters: Any) -> bool:
        """Log with severity FATAL; see :meth:`log`."""
        return self.log(message, LoggingSeverity.FATAL, **filters)


def _caller() -> FrameType:
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return frame


def get_logger(name: str) -> RcutilsLogger:
    """The logger with this name.

    Raises:
        ValueError: empty name.
    """
    if not name:
        raise ValueError("Logger name must not be empty.")
    return RcutilsLogger(name)


def initialize() -> None:
    """Start with default levels."""
    log_core.reset()


def shutdown() -> None:
    """Forget all levels."""
    log_core.reset()


def clear_config() -> None:
    """Forget all levels."""
    log_core.reset()


def set_logger_level(name: str, level: LoggingSeverity | int, detailed_error: bool = False) -> None:
    """Set a logger's level."""
    log_core.set_level(name, LoggingSeverity(level))


def get_logger_effective_level(name: str) -> LoggingSeverity:
    """The level that applies to a logger."""
    return log_core.effective_level(name)


def get_logger_level(name: str) -> LoggingSeverity:
    """The level set for exactly this logger."""
    return log_core.own_level(name)


def get_logging_severity_from_string(log_severity: str) -> LoggingSeverity:
    """Severity of a name in any case.

    Raises:
        RuntimeError: unknown name.
    """
    try:
        return LoggingSeverity[log_severity.upper()]
    except KeyError as error:
        raise RuntimeError(f"Failed to get log severity from name {log_severity!r}") from error


__all__ = [
    "LoggingSeverity",
    "RcutilsLogger",
    "clear_config",
    "get_logger",
    "get_logger_effective_level",
    "get_logger_level",
    "get_logging_severity_from_string",
    "initialize",
    "set_logger_level",
    "shutdown",
]
