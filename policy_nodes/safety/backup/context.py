"""What a backup is made from."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from policy_nodes.safety.backup_config import BackupConfig
from policy_nodes.safety.config import JointLimit
from policy_nodes.safety.filter.model import FilterModel
from policy_nodes.safety.filter.points import Places
from policy_nodes.safety.limits import Array, JointLimiter, Limits


def _always(path: Sequence[Array]) -> bool:
    return True


def _unknown() -> tuple[Array, Array] | None:
    return None


def _nothing() -> Mapping[str, Array]:
    return {}


@dataclass
class BackupContext:
    """Shared by all backups of one robot.

    Attributes:
        joints: limits in command order.
        limits: the same as arrays, with the control period.
        settings: section ``backups``.
        trail: commanded positions (n,), one per control period of motion, newest last: the travelled path.
        measured: joint position and velocity (n,) if they are fresh, else None.
        clear: whether every configuration of a path is clear of everything the filter knows.
        model: the arm and what it must stay clear of, where a filter is configured.
        places: present positions of moving obstacles.
        terms: last good value of every observation term.
    """

    joints: Sequence[JointLimit]
    limits: Limits
    settings: BackupConfig = field(default_factory=BackupConfig)
    trail: deque[Array] = field(default_factory=deque)
    clear: Callable[[Sequence[Array]], bool] = _always
    measured: Callable[[], tuple[Array, Array] | None] = _unknown
    model: FilterModel | None = None
    places: Callable[[], Places] = _nothing
    terms: Callable[[], Mapping[str, Array]] = _nothing

    def limiter(self) -> JointLimiter:
        """A limiter with bounded jerk for backups that move."""
        return JointLimiter(self.joints, self.limits.dt)
