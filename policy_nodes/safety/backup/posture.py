"""Stop, then move all joints to a fixed pose in a given time: what a legged robot's stop consists of.

Open loop: the target follows from the last command and the clock alone, so that it works while sensors are dead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from numpy.typing import NDArray

from policy_nodes.safety.backup.context import BackupContext
from policy_nodes.safety.backup.guided import Guided
from policy_nodes.safety.backup.pose import checked_pose, straight
from policy_nodes.safety.backup.rest import stop_fits
from policy_nodes.safety.limits import Array


class Posture:
    """Minimum-jerk move from where the stop ends to ``pose``; all joints arrive together.

    Precondition: the stop fits inside the limits (always true behind the limiter).

    Args:
        context: limits and limiter.
        name: of the backup, as in ``safety.yaml``; ``section``: of the pose there.
        pose: (n,) rad, in command order.
        seconds: duration of the move; longer where the limits ask for it.

    Raises:
        ConfigError: the pose does not fit the joints and their limits.
    """

    # Not given up for a plain stop at the next fault: frozen in mid-stride a legged robot falls.
    moves = guarded = False

    def __init__(
        self, context: BackupContext, name: str, section: str, pose: Sequence[float] | None, seconds: float
    ) -> None:
        self.name, self._limits, self._seconds = name, context.limits, seconds
        self._pose = checked_pose(context, name, section, pose)
        self._guided = Guided(context, self._plan)

    def admissible(self, position: NDArray, velocity: NDArray, acceleration: NDArray) -> bool:
        """Whether the stop from this state, arrays (n,), respects every limit."""
        return stop_fits(self._limits, position, velocity, acceleration)

    def start(self, now_ns: int, position: NDArray, velocity: NDArray, acceleration: NDArray) -> None:
        """Take over from the commanded motion (n,), (n,), (n,)."""
        self._guided.start(now_ns, position, velocity, acceleration)

    def command(self, now_ns: int) -> Array:
        """Next position (n,)."""
        return self._guided.command(now_ns)

    def finished(self, now_ns: int) -> bool:
        """Whether the pose is commanded and at rest."""
        return self._guided.finished(now_ns)

    def _plan(self, stopped: list[Array]) -> tuple[Callable[[float], Array], int]:
        return straight(self._limits, stopped[-1], self._pose, least_s=self._seconds)
