"""A control loop in a thread of its own, with absolute deadlines.

Deadline ``k`` is ``start + k * period`` on the monotonic clock, so that a late tick does not shift the following ones
(``time.sleep`` waits on an absolute ``clock_nanosleep`` from Python 3.11 on). A tick that overruns by more than a
period skips the missed deadlines instead of running them in a burst; both are counted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from policy_nodes.realtime.histogram import Histogram

NS = 1_000_000_000


class RateLoop:
    """Calls ``tick(now_ns)`` once per period until stopped.

    Args:
        tick: the work of one period; ``now_ns`` is the loop's clock at wake-up.
        period_s: seconds between deadlines.
        clock: monotonic nanoseconds; injectable for tests.
        sleep: waits for a number of seconds; injectable for tests.
        on_start: called first in the loop's thread, for example to set its scheduling.
        on_error: called with an exception of ``tick``; the loop then continues. Without it the loop ends and the
            exception is kept in :attr:`error` and raised by :meth:`stop`.
        name: thread name.

    Raises:
        ValueError: the period is not positive.
    """

    def __init__(
        self,
        tick: Callable[[int], object],
        period_s: float,
        *,
        clock: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], object] = time.sleep,
        on_start: Callable[[], object] | None = None,
        on_error: Callable[[Exception], object] | None = None,
        name: str = "rate_loop",
    ) -> None:
        if not period_s > 0.0:
            raise ValueError(f"period {period_s} s is not positive")
        self.period_ns = round(period_s * NS)
        self.histogram = Histogram()
        """Duration of the ticks."""
        self.lateness = Histogram()
        """Wake-up after the deadline."""
        self.ticks = 0
        self.overruns = 0
        """Ticks that ended after the next deadline."""
        self.skipped = 0
        """Deadlines that were missed altogether."""
        self.error: Exception | None = None
        self._tick, self._clock, self._sleep = tick, clock, sleep
        self._on_start, self._on_error = on_start, on_error
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.run, name=name, daemon=True)

    @property
    def running(self) -> bool:
        """Whether the loop's thread is alive."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start the thread; the first tick follows at once."""
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the loop after the tick in progress and wait for it; may be called repeatedly and from the tick.

        Raises:
            Exception: the one that ended the loop, once.
            TimeoutError: the tick in progress did not return in time.
        """
        self._stop.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)
            if self._thread.is_alive():
                raise TimeoutError(f"a tick of '{self._thread.name}' has not returned for {timeout_s} s")
        error, self.error = self.error, None
        if error is not None:
            raise error

    def run(self) -> None:
        """The loop itself, in the calling thread; returns when stopped."""
        if self._on_start is not None:
            self._on_start()
        deadline = self._clock()
        while not self._stop.is_set():
            now = self._clock()
            if now < deadline:
                self._sleep((deadline - now) / NS)
                continue
            self.lateness.add((now - deadline) / NS)
            if not self._once(now):
                return
            end = self._clock()
            self.histogram.add((end - now) / NS)
            self.ticks += 1
            deadline += self.period_ns
            if end > deadline:
                self.overruns += 1
                missed = (end - deadline) // self.period_ns
                self.skipped += missed
                deadline += missed * self.period_ns

    def _once(self, now: int) -> bool:
        try:
            self._tick(now)
        except Exception as error:
            if self._on_error is None:
                self.error = error
                return False
            self._on_error(error)
        return True
