"""A worker thread that always works on the newest request: a queue of one, in which a newer request replaces an older.

Work that takes longer than its requests are apart is thereby late but never queues up: what is begun is never older
than the last request. Results come in the order of their requests.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from policy_nodes.realtime.histogram import Histogram

Request = TypeVar("Request")


class NewestWorker(Generic[Request]):
    """Calls ``work(request)`` in a thread of its own.

    Args:
        work: called with one request at a time; what it raises goes to ``on_error``.
        on_error: called in the worker's thread; the worker goes on.
        on_start: called first in the thread, for example to set its scheduling.
        name: of the thread.
        clock: seconds; injectable for tests.
    """

    def __init__(
        self,
        work: Callable[[Request], object],
        *,
        on_error: Callable[[Exception], object],
        on_start: Callable[[], object] | None = None,
        name: str = "worker",
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.durations = Histogram()
        """Of the work."""
        self.waits = Histogram()
        """From a request to the beginning of its work."""
        self.replaced = 0
        """Requests that a newer one replaced before they were begun."""
        self.completed = 0
        self._work, self._on_error, self._on_start, self._clock = work, on_error, on_start, clock
        self._condition = threading.Condition()
        self._pending: tuple[Request, float] | None = None
        self._busy_since: float | None = None
        self._ending = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether the thread is alive."""
        return self._thread.is_alive()

    @property
    def busy(self) -> bool:
        """Whether something is being worked on or waits."""
        with self._condition:
            return self._busy_since is not None or self._pending is not None

    def busy_s(self) -> float:
        """For how long the present work has been going on, 0 when idle."""
        with self._condition:
            return 0.0 if self._busy_since is None else self._clock() - self._busy_since

    def submit(self, request: Request) -> bool:
        """Ask for work without waiting; False when an older request that was still waiting is dropped for it."""
        with self._condition:
            kept = self._pending is None
            self.replaced += not kept
            self._pending = (request, self._clock())
            self._condition.notify()
        return kept

    def cancel(self) -> None:
        """Drop the waiting request, if any; what has begun is finished."""
        with self._condition:
            self._pending = None

    def stop(self, timeout_s: float = 5.0) -> bool:
        """End after the present work; whether the thread ended in time."""
        with self._condition:
            self._ending, self._pending = True, None
            self._condition.notify()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until nothing is waiting or worked on; whether that came true in time."""
        with self._condition:
            return self._condition.wait_for(lambda: self._pending is None and self._busy_since is None, timeout_s)

    def _run(self) -> None:
        if self._on_start is not None:
            self._on_start()
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._ending or self._pending is not None)
                if self._ending:
                    return
                assert self._pending is not None
                (request, asked), self._pending = self._pending, None
                began = self._busy_since = self._clock()
            self.waits.add(began - asked)
            try:
                self._work(request)
            except Exception as error:
                self._on_error(error)
            with self._condition:
                self.durations.add(self._clock() - began)
                self.completed += 1
                self._busy_since = None
                self._condition.notify_all()
