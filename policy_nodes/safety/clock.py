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

    Args:
        period_s: nominal time between ticks.
        jump_s: a longer gap, or any step back, is a CLOCK_JUMP.
    """

    def __init__(self, period_s: float, jump_s: float) -> None:
        self.last_ns: int | None = None
        self.lookup_ns = 0
        self._period_ns = round(period_s * NS)
        self._jump_ns = max(round(jump_s * NS), 2 * self._period_ns)

    def advance(self, now_ns: int) -> Fault | None:
        """Note a tick at ``now_ns``; returns CLOCK_JUMP if the clock stepped or the loop stalled."""
        last, self.last_ns = self.last_ns, now_ns
        expected = self.lookup_ns + self._period_ns
        error = now_ns - expected
        if last is None or abs(error) > self._period_ns:
            self.lookup_ns = now_ns
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
        return None
