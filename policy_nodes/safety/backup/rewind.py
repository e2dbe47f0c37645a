"""Go back along the travelled path: where the robot has just been there was room for it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from policy_nodes.safety.backup.context import BackupContext
from policy_nodes.safety.backup.guided import PEAK_RATE, Guided
from policy_nodes.safety.backup.rest import stop_fits
from policy_nodes.safety.limits import Array


class Rewind:
    """Stops, then follows the commanded positions of the last seconds backwards, slowly, from rest to rest.

    Precondition: the stop fits inside the limits, and the newest position of the trail is the one commanded last, so
    that the path is really the one just travelled. Only what has moved in the scene meanwhile can be in the way; the
    commander checks the filter in every period and stops at once.

    Args:
        context: limits, trail and settings.
    """

    name = "rewind"
    moves = guarded = True

    def __init__(self, context: BackupContext) -> None:
        self._context = context
        self._travelled: list[Array] = []
        self._guided = Guided(context, self._plan)

    def admissible(self, position: NDArray, velocity: NDArray, acceleration: NDArray) -> bool:
        """Whether the stop from this state, arrays (n,), respects every limit and a path leads here."""
        trail = self._context.trail
        if len(trail) < 2 or not np.array_equal(trail[-1], position):
            return False
        return stop_fits(self._context.limits, position, velocity, acceleration)

    def start(self, now_ns: int, position: NDArray, velocity: NDArray, acceleration: NDArray) -> None:
        """Take over from the commanded motion (n,), (n,), (n,)."""
        self._travelled = list(self._context.trail)
        self._guided.start(now_ns, position, velocity, acceleration)

    def command(self, now_ns: int) -> Array:
        """Next position (n,)."""
        return self._guided.command(now_ns)

    def finished(self, now_ns: int) -> bool:
        """Whether the robot stands at the far end of the path."""
        return self._guided.finished(now_ns)

    def _plan(self, stopped: list[Array]) -> tuple[Callable[[float], Array], int]:
        # The stop's own positions belong to the travelled path; its first is the trail's last.
        points = np.stack([*self._travelled, *stopped[1:]])[::-1]
        steps = len(points) - 1
        return lambda share: _smooth(points, share * steps), int(np.ceil(PEAK_RATE * steps / self._rate))

    @property
    def _rate(self) -> float:
        return self._context.settings.rewind_speed


def _smooth(points: Array, index: float) -> Array:
    """Position (n,) at a fractional index, by the Catmull-Rom cubic: continuous velocity, through every point."""
    last = len(points) - 1
    k = min(int(index), last - 1)
    x = index - k
    before, start, end, after = (points[min(max(k + i, 0), last)] for i in (-1, 0, 1, 2))
    slope, slope_end = 0.5 * (end - before), 0.5 * (after - start)
    a, b = 2.0 * (start - end) + slope + slope_end, 3.0 * (end - start) - 2.0 * slope - slope_end
    found: Array = start + x * (slope + x * (b + x * a))
    return found
