"""``rclpy.signals``: SIGINT and SIGTERM end every spin, also when the main thread is stuck.

The C-level signal handler of Python writes the signal number to a pipe at once, whatever the main thread does; a small
thread reads it and shuts the contexts down, which wakes every wait. SIGINT is handled even when it was inherited as
ignored (background jobs of a non-interactive shell), as rclpy does. If the process is still there after a deadline, it
is ended: a stuck callback must not keep a robot process alive that was told to stop.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import sys
import threading
from collections.abc import Callable
from enum import IntEnum
from typing import Any

from policy_nodes.rosless.context import interrupt_all

DEADLINE_VARIABLE = "KEEL_SHUTDOWN_DEADLINE_S"
DEFAULT_DEADLINE_S = 10.0


class SignalHandlerOptions(IntEnum):
    """Which handlers to install."""

    NO = 0
    SIGINT = 1
    SIGTERM = 2
    ALL = 3


def deadline_s(text: str | None) -> float:
    """Seconds between a signal and the forced end; 0 and inf mean never. Unreadable text gives the default."""
    try:
        seconds = float(text) if text else DEFAULT_DEADLINE_S
    except ValueError:
        return DEFAULT_DEADLINE_S
    if math.isnan(seconds):
        return DEFAULT_DEADLINE_S
    return 0.0 if seconds == math.inf else min(max(0.0, seconds), threading.TIMEOUT_MAX)


class _Handlers:
    """The installed handlers of the process, with what they replaced."""

    def __init__(self) -> None:
        self.options = SignalHandlerOptions.NO
        self._previous: dict[int, Any] = {}
        self._previous_fd = -1
        self._pipe: tuple[int, int] | None = None
        self._disarm = threading.Event()

    def install(self, options: SignalHandlerOptions) -> None:
        if options == SignalHandlerOptions.NO or threading.current_thread() is not threading.main_thread():
            return  # Python allows signal handlers in the main thread only; rclpy.init elsewhere leaves signals alone
        self.uninstall()
        self._disarm = threading.Event()
        read, write = os.pipe()
        os.set_blocking(write, False)
        self._pipe = (read, write)
        self._previous_fd = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            if options & (1 if number == signal.SIGINT else 2):
                self._previous[number] = signal.signal(number, self._on_signal)
        self.options = options
        watched = frozenset(self._previous)
        threading.Thread(target=_watch, args=(read, watched, self._disarm), name="rosless-signals", daemon=True).start()

    def _on_signal(self, number: int, frame: Any) -> None:
        interrupt_all()
        previous = self._previous.get(number)
        if callable(previous):
            previous(number, frame)  # for SIGINT normally Python's own, which raises KeyboardInterrupt

    def uninstall(self) -> None:
        if self._pipe is None or threading.current_thread() is not threading.main_thread():
            return
        self._disarm.set()
        for number, previous in self._previous.items():
            if signal.getsignal(number) == self._on_signal:
                signal.signal(number, previous if previous is not None else signal.SIG_DFL)
        self._previous.clear()
        signal.set_wakeup_fd(self._previous_fd)
        with contextlib.suppress(OSError):
            os.close(self._pipe[1])  # ends the watching thread
        self._pipe = None
        self.options = SignalHandlerOptions.NO


def _watch(read: int, watched: frozenset[int], disarm: threading.Event) -> None:
    armed = False
    with os.fdopen(read, "rb", buffering=0) as pipe:
        while data := pipe.read(1):
            if data[0] not in watched:
                continue
            interrupt_all()
            seconds = deadline_s(os.environ.get(DEADLINE_VARIABLE))
            if seconds and not armed:
                armed = True
                threading.Thread(target=_end_after, args=(seconds, data[0], disarm), daemon=True).start()


def _end_after(seconds: float, number: int, disarm: threading.Event, end: Callable[[int], Any] = os._exit) -> None:
    if disarm.wait(seconds):
        return
    print(
        f"[rosless] still running {seconds:g} s after signal {number}: ending the process. Fix: let callbacks "
        f"return, or raise {DEADLINE_VARIABLE}.",
        file=sys.stderr,
        flush=True,
    )
    end(128 + number)


_handlers = _Handlers()


def install_signal_handlers(options: SignalHandlerOptions = SignalHandlerOptions.ALL) -> None:
    """Install handlers; only the main thread can, elsewhere nothing is changed."""
    _handlers.install(options)


def uninstall_signal_handlers() -> None:
    """Restore the handlers that were replaced, and lift the deadline."""
    _handlers.uninstall()


def get_current_signal_handlers_options() -> SignalHandlerOptions:
    """Which handlers are installed."""
    return _handlers.options


__all__ = [
    "SignalHandlerOptions",
    "get_current_signal_handlers_options",
    "install_signal_handlers",
    "uninstall_signal_handlers",
]
