"""Stop, then move to the home position along the straight line in joint space."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from policy_nodes.errors import ConfigError
from policy_nodes.safety.backup.context import BackupContext
from policy_nodes.safety.backup.guided import Guided
from policy_nodes.safety.backup.pose import checked_pose, straight
from policy_nodes.safety.backup.rest import stop_fits
from policy_nodes.safety.limits import Array, carry

CHECKED = 32
"""Configurations along the way that the precondition looks at."""


class Home:
    """All joints start and arrive together, by the minimum-jerk law, at a share of every limit.

    Precondition: the stop fits inside the limits, and sampled configurations of the line from where the stop ends to
    the home position are clear of everything the filter knows; without a filter the line must be known to be free. The
    commander also checks the filter in every period and stops at once.

    Args:
        context: limits, settings and the filter's check.

    Raises:
        ConfigError: no home position is configured, it does not fit the joints and their limits, or it violates a
            barrier of the filter, whatever moving obstacles do.
    """

    name = "home"
    moves = guarded = True

    def __init__(self, context: BackupContext) -> None:
        self._context = context
        self._home = checked_pose(context, self.name, "home", context.settings.home)
        blocked = None if context.model is None else context.model.blocked(self._home)
        if blocked is not None:
            raise ConfigError(f"backups.home can never be reached: {blocked}.", "move it, or correct the geometry.")
        self._guided = Guided(context, self._plan)

    def admissible(self, position: NDArray, velocity: NDArray, acceleration: NDArray) -> bool:
        """Whether stop and line from this state, arrays (n,), are possible and clear."""
        limits = self._context.limits
        if not stop_fits(limits, position, velocity, acceleration):
            return False
        up, down = carry(velocity, acceleration, limits)
        start = position + up - down
        return self._context.clear([start + share * (self._home - start) for share in np.linspace(0.0, 1.0, CHECKED)])

    def start(self, now_ns: int, position: NDArray, velocity: NDArray, acceleration: NDArray) -> None:
        """Take over from the commanded motion (n,), (n,), (n,)."""
        self._guided.start(now_ns, position, velocity, acceleration)

    def command(self, now_ns: int) -> Array:
        """Next position (n,)."""
        return self._guided.command(now_ns)

    def finished(self, now_ns: int) -> bool:
        """Whether the robot stands at home."""
        return self._guided.finished(now_ns)

    def _plan(self, stopped: list[Array]) -> tuple[Callable[[float], Array], int]:
        context = self._context
        return straight(context.limits, stopped[-1], self._home, share=context.settings.home_speed)
