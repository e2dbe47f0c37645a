"""The life of a node process: signals, parameters, start, spin, stop, exit code.

rclpy's own signal handlers invalidate the context at once, after which nothing can be published any more, so that a
robot could not be stopped. Here SIGINT and SIGTERM only end the spin; the node then stops the robot with everything
still working, and the context goes last.
"""

from __future__ import annotations

import math
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import rclpy
from rclpy._rclpy_pybind11 import RCLError
from rclpy.exceptions import NameValidationException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from policy_nodes.errors import ConfigError, KeelError

POLL_S = 0.1
"""Longest stay in a wait: Python runs signal handlers between waits only."""
HEALTH_S = 0.05
"""Shortest time between two questions whether the node can go on; a message is no reason to ask."""
SWITCH_S = 0.0002
"""How long a thread waits for the interpreter before the one that has it must let go. Python's 5 ms is half of a
control period at 100 Hz: a callback of the executor would hold the control loop, or a finished inference, as long."""


class Runnable(Protocol):
    """What a node offers beside being an rclpy node."""

    def start(self) -> None:
        """Begin; raises KeelError to refuse."""

    def failed(self) -> str:
        """Why the node cannot go on, or an empty text."""

    def stop(self) -> None:
        """Bring everything to its declared stop state; publishing still works."""


def run_node(factory: Callable[[], Any]) -> int:
    """Run one node until SIGINT, SIGTERM, the end of its context, or its own failure.

    Args:
        factory: makes a node that is :class:`Runnable`.

    Returns:
        0 after a signal, 1 after a failure, which has been logged.

    Raises:
        KeelError: the node refuses to start.
    """
    ended = threading.Event()
    sys.setswitchinterval(SWITCH_S)
    with _signals_set(ended):
        try:
            rclpy.init(args=sys.argv, signal_handler_options=SignalHandlerOptions.NO)
        except KeelError:
            raise
        except Exception as error:
            raise ConfigError(f"cannot read the ROS arguments: {error}.", "see: ros2 run --help.") from error
        node = None
        try:
            try:
                node = factory()
            except NameValidationException as error:
                raise ConfigError(str(error), "correct the remapping __node or __ns.") from error
            return _spin(node, ended)
        finally:
            if node is not None:
                node.destroy_node()
            rclpy.try_shutdown()


def _spin(node: Any, ended: threading.Event) -> int:
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        node.start()
        asked = -math.inf
        while rclpy.ok() and not ended.is_set():
            _spin_once(executor, node)
            if (now := time.monotonic()) - asked < HEALTH_S:
                continue
            asked = now
            if reason := node.failed():
                node.get_logger().fatal(reason)
                return 1
    except ExternalShutdownException:
        pass
    except KeelError:
        raise
    except Exception:
        node.get_logger().fatal(f"unexpected error, ending:\n{traceback.format_exc()}")
        return 1
    finally:
        node.stop()
        executor.shutdown(timeout_sec=1.0)
    return 0


def _spin_once(executor: SingleThreadedExecutor, node: Any) -> None:
    try:
        executor.spin_once(timeout_sec=POLL_S)
    except RCLError as error:
        # rclpy 7.1 lets the error of an impossible lifecycle transition out of the spin; anybody may ask for one
        if "transition" not in str(error):
            raise
        node.get_logger().error(f"refused a lifecycle transition: {error}")


@contextmanager
def _signals_set(event: threading.Event) -> Iterator[None]:
    """SIGINT and SIGTERM set ``event`` while the block runs (main thread only; elsewhere signals are left alone)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    saved = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in saved:
        signal.signal(number, lambda *_: event.set())
    try:
        yield
    finally:
        for number, handler in saved.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
