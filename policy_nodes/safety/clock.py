"""The governor's view of time: jumps are faults, jitter of the control loop is not motion."""

from __future__ import annotations

from policy_nodes.safety.reasons import Reason
from policy_nodes.safety.watch import NS, Fault

GAIN = 0.05
MAX_SLEW = 0.02
"""The lookup time follows the clock by at most this share of a period per tick."""


class TickClock:
    """Turns jittering tick times into an even grid of lookup times.

    A chunk looked up at jittering instants would move jerkily although the commands leave at a steady rate; the grid
    advances by one period per tick and is slewed slowly towards the clock (a phase-locked loop).

    With ``use_sim_time`` the clock is as coarse as /clock, and stands while the simulator pauses. Between two readings
    of the same time ``steady_ns`` goes on by one period per tick, so that a stop begun in a pause comes to its end and
    what has not arrived since gets old.

    Args:
        period_s: nominal time between ticks.
        jump_s: a longer gap, any step back, or a clock that stands still for longer, is a CLOCK_JUMP.
    """

    def __init__(self, period_s: float, jump_s: float) -> None:
        self.last_ns: int | None = None
        self.lookup_ns = self.steady_ns = 0
        self._still = 0
        self._period_ns = round(period_s * NS)
        self._jump_ns = max(round(jump_s * NS), 2 * self._period_ns)

    def advance(self, now_ns: int) -> Fault | None:
        """Note a tick at ``now_ns``; returns CLOCK_JUMP if the clock stepped or stands, or the loop stalled."""
        last, self.last_ns = self.last_ns, now_ns
        self._still = self._still + 1 if now_ns == last else 0
        self.steady_ns = now_ns + self._still * self._period_ns
        expected = self.lookup_ns + self._period_ns
        error = self.steady_ns - expected
        if last is None or abs(error) > self._period_ns:
            self.lookup_ns = self.steady_ns
        else:
            slew = MAX_SLEW * self._period_ns
            self.lookup_ns = expected + round(min(max(GAIN * error, -slew), slew))
        if last is None:
            return None
        gap = now_ns - last
        if gap < 0:
            return Fault(Reason.CLOCK_JUMP, f"the clock went back {-gap / NS:.3f} s")
        if gap > self._jump_ns:
            return Fault(Reason.CLOCK_JUMP, f"{gap / NS:.3f} s between two ticks")
        if (still_ns := self._still * self._period_ns) > self._jump_ns:
            return Fault(Reason.CLOCK_JUMP, f"the clock has stood still for {still_ns / NS:.3f} s")
        return None
