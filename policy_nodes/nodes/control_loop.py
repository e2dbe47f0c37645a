"""The control loop around the governor: errors outside the governor stop the robot too, and a dead loop is noticed.

No ROS here: time and publishing are given.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from policy_nodes.realtime.histogram import timing_values
from policy_nodes.realtime.rate_loop import RateLoop
from policy_nodes.safety.governor import Decision, Governor

GIVE_UP_S = 1.0
"""After so long without a published command, or without the end of a tick, the loop counts as dead."""


ABSENT_S = 0.5
"""Longest time between two questions for the loop's health in a process that runs."""


class ControlLoop:
    """Ticks a governor at the control rate and hands every decision to ``publish``.

    Args:
        governor: decides.
        period_s: control period, s.
        now_ns: ROS time.
        publish: sends a decision; may raise, which stops the robot with INTERNAL_ERROR and is retried at every tick.
        report: logs the text of an error.
        configure: called first in the loop's thread, to set its scheduling.
        listen: hands to the governor what has been measured since the last tick; before every decision.
    """

    def __init__(
        self,
        governor: Governor,
        period_s: float,
        now_ns: Callable[[], int],
        publish: Callable[[Decision], None],
        report: Callable[[str], object],
        configure: Callable[[], object] | None = None,
        listen: Callable[[], object] = lambda: None,
    ) -> None:
        self.errors = 0
        """Ticks that could not read the topics, or whose decision could not be published."""
        self._governor, self._period_s = governor, period_s
        self._now_ns, self._publish, self._report = now_ns, publish, report
        self._listen = listen
        self._in_a_row = 0
        self._last_error = ""
        self._seen = (-1, time.monotonic())
        self._asked = time.monotonic()
        self.timing = RateLoop(
            self._tick,
            period_s,
            on_start=configure,
            on_error=self._on_error,
            name="safety loop",
        )

    def start(self) -> None:
        """Start ticking in a thread of its own."""
        self.timing.start()

    def failed(self) -> str:
        """Why the loop cannot be relied on any more, or an empty text. To be asked every now and then."""
        if not self.timing.running:
            return f"the control loop has ended{self._cause()}"
        if self._in_a_row * self._period_s >= GIVE_UP_S:
            return f"no command could be published for {GIVE_UP_S:g} s{self._cause()}"
        ticks, now = self.timing.ticks, time.monotonic()
        # Nobody asked for a while: the whole process did not run, which says nothing about the loop. It stops the
        # robot by CLOCK_JUMP when it runs again; ending the node would leave nothing that can be reset.
        absent, self._asked = now - self._asked > ABSENT_S, now
        if ticks != self._seen[0] or absent:
            self._seen = (ticks, now)
        elif now - self._seen[1] > GIVE_UP_S + self._period_s:
            return f"the control loop has been stuck for {now - self._seen[1]:.1f} s{self._cause()}"
        return ""

    def values(self) -> dict[str, str]:
        """Duration and lateness of ticks, overruns and errors, for ``/diagnostics``."""
        timing = self.timing
        counts = {"loop ticks": timing.ticks, "loop overruns": timing.overruns, "loop errors": self.errors}
        values = timing_values("tick", timing.histogram) | timing_values("wake-up", timing.lateness)
        return values | {name: str(count) for name, count in counts.items()}

    def stop(self, timeout_s: float) -> bool:
        """Bring the robot to rest, then end the loop; whether standstill was commanded in time.

        A loop that has died is replaced by ticks in the calling thread, so that its death does not leave the robot
        with its last command.
        """
        self._governor.shutdown(self._now_ns())
        deadline = time.monotonic() + timeout_s
        while self._governor.moving and time.monotonic() < deadline:
            if self.timing.running:
                time.sleep(0.005)
                continue
            try:
                self._tick(0)
            except Exception as error:
                self._on_error(error)
            time.sleep(self._period_s)
        rested = not self._governor.moving
        try:
            self.timing.stop(timeout_s=1.0)
        except Exception as error:
            self._say(f"the control loop did not end well: {error}")
        return rested

    def _tick(self, _now: int) -> None:
        try:
            self._listen()
        except Exception as error:  # deaf, it must still be brought to rest
            self._fail(error, "reading the topics")
        self._publish(self._governor.tick(self._now_ns()))
        self._in_a_row = 0

    def _on_error(self, error: Exception) -> None:
        self._in_a_row += 1
        self._fail(error, "publishing")

    def _fail(self, error: Exception, doing: str) -> None:
        self.errors += 1
        self._last_error = f"{type(error).__name__}: {error}"
        self._governor.fail(self._now_ns(), f"{doing} failed: {self._last_error}")
        self._say(f"{doing} failed: {self._last_error}")

    def _say(self, text: str) -> None:
        with suppress(Exception):  # the log may be what is broken; the loop must go on
            self._report(text)

    def _cause(self) -> str:
        return f" ({self._last_error})" if self._last_error else ""
