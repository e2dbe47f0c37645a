"""``rclpy.timer``: periodic callbacks that keep their phase, and ``Rate``."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from policy_nodes.rosless.clock import Clock, ClockChange
from policy_nodes.rosless.context import Context
from policy_nodes.rosless.exceptions import InvalidHandle, ROSInterruptException
from policy_nodes.rosless.utilities import get_default_context


class Timer:
    """A timer; ``Node.create_timer`` makes it.

    Args:
        callback: called at each expiry.
        callback_group: of the callback.
        timer_period_ns: period, ns.
        clock: the clock it counts on.
        context: default when None.
        autostart: False leaves it cancelled until :meth:`reset`.

    Raises:
        ValueError: negative period.
    """

    def __init__(
        self,
        callback: Callable[[], Any] | None,
        callback_group: Any,
        timer_period_ns: int,
        clock: Clock,
        *,
        context: Context | None = None,
        autostart: bool = True,
    ) -> None:
        self._context = context or get_default_context()
        if timer_period_ns < 0:
            raise ValueError("timer period must not be negative")
        self.callback = callback
        self.callback_group = callback_group
        self._clock = clock
        self._period_ns = int(timer_period_ns)
        self._cancelled = not autostart
        self._destroyed = False
        self._last_ns = clock._now_ns()
        self._next_ns = self._last_ns + self._period_ns
        self._wake: Callable[[], None] = lambda: None  # set by the node: a waiting executor must reconsider
        clock._timers.add(self)

    @property
    def clock(self) -> Clock:
        """The clock it counts on."""
        return self._clock

    @property
    def handle(self) -> Timer:
        """The timer itself, in place of rclpy's C object.

        Raises:
            InvalidHandle: destroyed.
        """
        self._check()
        return self

    @property
    def timer_period_ns(self) -> int:
        """Period in ns; a new one counts from the last expiry, as in rcl."""
        return self._period_ns

    @timer_period_ns.setter
    def timer_period_ns(self, value: int) -> None:
        self._check()
        self._period_ns = int(value)
        self._wake()

    def _check(self) -> None:
        if self._destroyed:
            raise InvalidHandle("cannot use Destroyable because destruction was requested")

    def is_ready(self) -> bool:
        """Whether it is due."""
        return not self._cancelled and not self._destroyed and self._clock._now_ns() >= self._next_ns

    def is_canceled(self) -> bool:
        """Whether it is cancelled."""
        self._check()
        return self._cancelled

    def cancel(self) -> None:
        """Stop it until :meth:`reset`."""
        self._check()
        self._cancelled = True

    def reset(self) -> None:
        """Start it, one full period from now."""
        self._check()
        self._next_ns = self._clock._now_ns() + self._period_ns
        self._cancelled = False
        self._wake()

    def time_since_last_call(self) -> int:
        """Nanoseconds since the last expiry, or since creation."""
        self._check()
        return self._clock._now_ns() - self._last_ns

    def time_until_next_call(self) -> int | None:
        """Nanoseconds until the next expiry, negative when overdue; None when cancelled."""
        self._check()
        return None if self._cancelled else self._next_ns - self._clock._now_ns()

    def destroy(self) -> None:
        """Never call back again; ``Node.destroy_timer`` is the way for users."""
        self._destroyed = True
        self._clock._timers.discard(self)

    def _conditions(self) -> tuple[int, ...]:
        return ()

    def _wait_ns(self) -> int | None:
        """Wall time until it is due; None when only an event (a reset, /clock) can make it due."""
        if self._cancelled or self._destroyed:
            return None
        left = self._next_ns - self._clock._now_ns()
        return max(0, left) if left <= 0 or not self._clock._active else None

    def _take(self) -> Callable[[], Any] | None:
        if not self.is_ready():
            return None
        now = self._clock._now_ns()
        self._last_ns = now
        self._next_ns = next_expiry(self._next_ns, self._period_ns, now)
        return self.callback

    def _clock_moved(self, change: ClockChange) -> None:
        now = self._clock._now_ns()
        backwards = now < self._last_ns
        if change != ClockChange.ROS_TIME_NO_CHANGE or backwards:
            self._last_ns, self._next_ns = now, now + self._period_ns
        self._wake()


def next_expiry(due_ns: int, period_ns: int, now_ns: int) -> int:
    """The expiry after ``due_ns`` that keeps the phase; missed ones are skipped, not made up for.

    Args:
        due_ns: the expiry being served.
        period_ns: period.
        now_ns: current time.
    """
    due_ns += period_ns
    if due_ns < now_ns:
        due_ns = now_ns if period_ns == 0 else due_ns + ((now_ns - due_ns - 1) // period_ns + 1) * period_ns
    return due_ns


class Rate:
    """Sleeps to a fixed rate while another thread spins; ``Node.create_rate`` makes it.

    Args:
        timer: its clockwork.
        context: its shutdown ends every sleep.
    """

    def __init__(self, timer: Timer, *, context: Context) -> None:
        self._timer = timer
        self._context = context
        self._condition = threading.Condition()
        self._ticks = 0
        self._destroyed = False
        timer.callback = self._tick
        context.on_shutdown(self.destroy)

    def _tick(self) -> None:
        with self._condition:
            self._ticks += 1
            self._condition.notify_all()

    def destroy(self) -> None:
        """End every sleep; ``Node.destroy_rate`` is the way for users."""
        self._destroyed = True
        with self._condition:
            self._condition.notify_all()

    def sleep(self) -> None:
        """Sleep until the timer's next expiry. In a callback of the executor that runs the timer this never ends.

        Raises:
            ROSInterruptException: the context was shut down.
            RuntimeError: the rate was destroyed.
        """
        with self._condition:
            start = self._ticks
            while True:
                if not self._context.ok():
                    raise ROSInterruptException()
                if self._destroyed:
                    raise RuntimeError("Rate cannot sleep because it has been destroyed")
                if self._ticks != start:
                    return
                self._condition.wait(0.1)


__all__ = ["Rate", "Timer"]
