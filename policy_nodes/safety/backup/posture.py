"""Stop, then move all joints to a fixed pose in a given time: what a legged robot's stop consists of.

Open loop: the target follows from the last command and the clock alone, so that it works while sensors are dead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from policy_nodes.errors import ConfigError
from policy_nodes.safety.backup.context import BackupContext
from policy_nodes.safety.backup.guided import PEAK_CURVATURE, PEAK_JERK, PEAK_RATE, Guided
from policy_nodes.safety.limits import Array, Motion, viable


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
        limits = context.limits
        if pose is None:
            raise ConfigError(f"backups: '{name}' is used but no pose is given.", f"set backups.{section}.")
        self.name = name
        self._limits, self._seconds, self._pose = limits, seconds, np.array(pose, dtype=np.float64)
        if self._pose.shape != limits.low.shape:
            raise ConfigError(f"backups.{section} has {self._pose.size} values.", "give one for every joint.")
        outside = (self._pose < limits.low) | (self._pose > limits.high)
        if outside.any():
            joint = context.joints[int(outside.argmax())].name
            raise ConfigError(f"backups.{section} is outside the position limits of '{joint}'.", "move it inside.")
        self._guided = Guided(context, self._plan)

    def admissible(self, position: NDArray, velocity: NDArray, acceleration: NDArray) -> bool:
        """Whether the stop from this state, arrays (n,), respects every limit."""
        limits = self._limits
        return bool(np.all(viable(Motion(position, velocity, acceleration), limits, limits.low, limits.high)))

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
        limits, start = self._limits, stopped[-1]
        way = self._pose - start
        size = np.abs(way)
        seconds = max(
            self._seconds,
            float((PEAK_RATE * size / limits.velocity).max()),
            float(np.sqrt(PEAK_CURVATURE * size / limits.acceleration).max()),
            float(np.cbrt(PEAK_JERK * size / limits.jerk).max()),
        )
        return lambda part: start + part * way, int(np.ceil(seconds / limits.dt))
