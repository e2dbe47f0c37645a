"""Sit down: put all feet on the ground, lower the trunk to a pose from which nothing can fall, and rest there."""

from __future__ import annotations

from numpy.typing import NDArray

from policy_nodes.safety.backup.context import BackupContext
from policy_nodes.safety.backup.posture import Posture
from policy_nodes.safety.limits import Array, Motion


class SitDown:
    """Through ``backups.stand``, where it is given, to ``backups.sit``; open loop. Directly from mid-stride it would
    sit down on the legs that happen to be on the ground, and topple. Precondition and limits as :class:`Posture`.

    Args:
        context: limits, limiter and settings.

    Raises:
        ConfigError: the sit pose is missing, or a pose does not fit the joints and their limits.
    """

    name = "sit_down"
    moves = guarded = False

    def __init__(self, context: BackupContext) -> None:
        settings = context.settings
        sit = Posture(context, self.name, "sit", settings.sit, settings.sit_s)
        stand = [] if settings.stand is None else [Posture(context, "stand", "stand", settings.stand, settings.stand_s)]
        self._parts = [*stand, sit]
        self._dt = context.limits.dt
        self._index = 0
        self._motion = Motion.rest(context.limits.low)
        self._last_ns: int | None = None

    def admissible(self, position: NDArray, velocity: NDArray, acceleration: NDArray) -> bool:
        """Whether the stop from this state, arrays (n,), respects every limit."""
        return self._parts[0].admissible(position, velocity, acceleration)

    def start(self, now_ns: int, position: NDArray, velocity: NDArray, acceleration: NDArray) -> None:
        """Take over from the commanded motion (n,), (n,), (n,)."""
        self._index, self._last_ns = 0, None
        self._motion = Motion(position, velocity, acceleration)
        self._parts[0].start(now_ns, position, velocity, acceleration)

    def command(self, now_ns: int) -> Array:
        """Next position (n,)."""
        if now_ns == self._last_ns:
            return self._motion.position
        self._last_ns = now_ns
        command = self._parts[self._index].command(now_ns)
        self._motion = self._motion.then(command, self._dt)
        if self._parts[self._index].finished(now_ns) and self._index + 1 < len(self._parts):
            self._index += 1
            motion = self._motion
            self._parts[self._index].start(now_ns, motion.position, motion.velocity, motion.acceleration)
        return command

    def finished(self, now_ns: int) -> bool:
        """Whether the sit pose is commanded and at rest."""
        return self._index + 1 == len(self._parts) and self._parts[-1].finished(now_ns)
