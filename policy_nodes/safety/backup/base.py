"""What every backup controller offers."""

from __future__ import annotations

from typing import Protocol

from numpy.typing import NDArray

from policy_nodes.safety.limits import Array


class Backup(Protocol):
    """A controller that needs nothing but the last commanded motion and can take over in any tick.

    One call of :meth:`command` per control period: a late tick advances the motion by one period, so that the driver
    never sees a position step larger than the limits allow. All arrays are (n,), SI units, float64.
    """

    name: str
    moves: bool
    """Whether it goes anywhere but to rest. Such a backup is given up for the stop at the first further fault."""
    guarded: bool
    """Whether it goes further than the jerk-limited stop, for which alone the filter has made sure that it stays clear.
    Such a backup is given up for the stop as soon as the filter would change its command."""

    def admissible(self, position: NDArray, velocity: NDArray, acceleration: NDArray) -> bool:
        """Whether the precondition holds, so that the limits will be respected from this state."""

    def start(self, now_ns: int, position: NDArray, velocity: NDArray, acceleration: NDArray) -> None:
        """Take over from the last command at ``now_ns``; the first :meth:`command` may follow in the same tick."""

    def command(self, now_ns: int) -> Array:
        """Next position; the same again when asked twice for one instant."""

    def finished(self, now_ns: int) -> bool:
        """Whether the robot is commanded to rest."""
