"""Ctrl-C at the wrong moment: postpone it until a child that was just started is known."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def deferred_interrupts() -> Iterator[None]:
    """Deliver SIGINT and SIGTERM that arrive inside the block right after it (main thread; elsewhere no effect)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pending: list[int] = []
    saved = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    # an ignored or default SIGTERM stays as it is: only Python handlers can be postponed and replayed faithfully
    postponed = [number for number, handler in saved.items() if callable(handler)]
    try:
        for number in postponed:
            signal.signal(number, lambda received, _: pending.append(received))
        yield
    finally:
        for number in postponed:
            signal.signal(number, saved[number])
        for received in pending:
            signal.raise_signal(received)
