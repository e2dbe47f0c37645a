"""``rclpy.utilities``: the default context and helpers around it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence

from policy_nodes.rosless.arguments import parse
from policy_nodes.rosless.context import Context

_lock = threading.RLock()
_default: Context | None = None


def get_default_context(*, shutting_down: bool = False) -> Context:
    """The process-wide context.

    Args:
        shutting_down: forget it, so that the next call makes a new one.
    """
    global _default
    with _lock:
        context = _default or Context()
        _default = None if shutting_down else context
        return context


def ok(*, context: Context | None = None) -> bool:
    """Whether the context (default: the process-wide one) is initialised and not shut down."""
    return (context or get_default_context()).ok()


def shutdown(*, context: Context | None = None) -> None:
    """Shut a context down.

    Raises:
        RuntimeError: never initialised.
        RCLError: already shut down.
    """
    (context or get_default_context(shutting_down=True)).shutdown()


def try_shutdown(*, context: Context | None = None) -> None:
    """Shut a context down unless that is past."""
    (context or get_default_context(shutting_down=True)).try_shutdown()


def remove_ros_args(args: Sequence[str] | None = None) -> list[str]:
    """The arguments that are not ROS's (``sys.argv`` when None)."""
    return parse(sys.argv if args is None else args).others


def get_rmw_implementation_identifier() -> str:
    """Name of the middleware; rclpy answers with the rmw package."""
    return "rosless_cyclonedds"


def timeout_sec_to_nsec(timeout_sec: float | None) -> int:
    """Seconds to nanoseconds; -1 for None and negative values, which wait for ever."""
    return -1 if timeout_sec is None or timeout_sec < 0 else int(float(timeout_sec) * 1e9)


__all__ = [
    "get_default_context",
    "get_rmw_implementation_identifier",
    "ok",
    "remove_ros_args",
    "shutdown",
    "timeout_sec_to_nsec",
    "try_shutdown",
]
