"""Stand: stop and return to the pose in which the robot stands on its legs."""

from __future__ import annotations

from policy_nodes.safety.backup.context import BackupContext
from policy_nodes.safety.backup.posture import Posture


class Stand(Posture):
    """See :class:`Posture`; the pose is ``backups.stand`` and the time ``backups.stand_s``.

    Args:
        context: limits, limiter and settings.

    Raises:
        ConfigError: the pose is missing or does not fit the joints and their limits.
    """

    name = "stand"

    def __init__(self, context: BackupContext) -> None:
        super().__init__(context, self.name, "stand", context.settings.stand, context.settings.stand_s)
