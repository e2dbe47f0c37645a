"""``rclpy`` itself: init, shutdown, spin."""

from __future__ import annotations

import threading
from typing import Any

from policy_nodes.rosless.context import Context
from policy_nodes.rosless.executors import Executor, SingleThreadedExecutor
from policy_nodes.rosless.node import Node
from policy_nodes.rosless.parameters import Parameter
from policy_nodes.rosless.signals import SignalHandlerOptions, install_signal_handlers, uninstall_signal_handlers
from policy_nodes.rosless.task import Future
from policy_nodes.rosless.utilities import get_default_context, get_rmw_implementation_identifier, ok
from policy_nodes.rosless.utilities import shutdown as _shutdown
from policy_nodes.rosless.utilities import try_shutdown as _try_shutdown

_lock = threading.Lock()
_executor: SingleThreadedExecutor | None = None


def init(
    *,
    args: list[str] | None = None,
    context: Context | None = None,
    domain_id: int | None = None,
    signal_handler_options: SignalHandlerOptions | None = None,
) -> None:
    """Initialise a context. Not a context manager: that came after Jazzy's first releases (rclpy 7.4).

    Args:
        args: command line; ``sys.argv`` when None.
        context: default when None.
        domain_id: DDS domain; ``ROS_DOMAIN_ID`` when None.
        signal_handler_options: when None, SIGINT and SIGTERM for the default context, else none.
    """
    default = context is None or context is get_default_context()
    context = get_default_context() if context is None else context
    if signal_handler_options is None:
        signal_handler_options = SignalHandlerOptions.ALL if default else SignalHandlerOptions.NO
    context.init(args, domain_id=domain_id)
    install_signal_handlers(signal_handler_options)


def get_global_executor() -> SingleThreadedExecutor:
    """The executor of the functions below, made on first use in the default context."""
    global _executor
    with _lock:
        if _executor is None or not _executor.context.ok():
            _executor = SingleThreadedExecutor()
        return _executor


def _close_global_executor() -> None:
    global _executor
    with _lock:
        if _executor is not None and not _executor.context.ok():
            _executor.shutdown(0)
            _executor = None


def shutdown(*, context: Context | None = None, uninstall_handlers: bool | None = None) -> None:
    """Shut a context down.

    Args:
        context: default when None.
        uninstall_handlers: restore signal handlers; when None, for the default context.

    Raises:
        RuntimeError: never initialised.
        RCLError: already shut down, also by a signal; ``try_shutdown`` does not mind.
    """
    default = context is None or context is get_default_context()
    try:
        _shutdown(context=context)
    finally:
        _close_global_executor()
        if uninstall_handlers or (uninstall_handlers is None and default):
            uninstall_signal_handlers()


def try_shutdown(*, context: Context | None = None) -> None:
    """Shut a context down unless that is past.

    Args:
        context: default when None.
    """
    default = context is None or context is get_default_context()
    _try_shutdown(context=context)
    _close_global_executor()
    if default:
        uninstall_signal_handlers()


def create_node(node_name: str, **options: Any) -> Node:
    """Create a node; options as in :class:`Node`."""
    return Node(node_name, **options)


def spin_once(node: Node, *, executor: Executor | None = None, timeout_sec: float | None = None) -> None:
    """Run one callback of the node; arguments as in ``Executor.spin_once``."""
    executor = executor or get_global_executor()
    added = executor.add_node(node)
    try:
        executor.spin_once(timeout_sec=timeout_sec)
    finally:
        if added:
            executor.remove_node(node)


def spin(node: Node, executor: Executor | None = None) -> None:
    """Run the node's callbacks until its context is shut down.

    Raises:
        ExternalShutdownException: a signal or another thread shut the context down.
        KeyboardInterrupt: SIGINT.
    """
    executor = executor or get_global_executor()
    added = executor.add_node(node)
    try:
        while executor.context.ok():
            executor.spin_once()
    finally:
        if added:
            executor.remove_node(node)


def spin_until_future_complete(
    node: Node, future: Future, executor: Executor | None = None, timeout_sec: float | None = None
) -> None:
    """Run the node's callbacks until the future is done; arguments as in ``Executor.spin_until_future_complete``."""
    executor = executor or get_global_executor()
    added = executor.add_node(node)
    try:
        executor.spin_until_future_complete(future, timeout_sec)
    finally:
        if added:
            executor.remove_node(node)


__all__ = [
    "Context",
    "Future",
    "Parameter",
    "SignalHandlerOptions",
    "create_node",
    "get_default_context",
    "get_global_executor",
    "get_rmw_implementation_identifier",
    "init",
    "ok",
    "shutdown",
    "spin",
    "spin_once",
    "spin_until_future_complete",
    "try_shutdown",
]
