"""Backup controllers: small classes (state, time) -> command, each with a precondition and a proof test."""

from __future__ import annotations

from collections.abc import Callable

from policy_nodes.safety.backup.base import Backup
from policy_nodes.safety.backup.hold import Hold
from policy_nodes.safety.backup.jerk_limited_stop import JerkLimitedStop
from policy_nodes.safety.limits import Limits

BACKUPS: dict[str, Callable[[Limits], Backup]] = {Hold.name: Hold, JerkLimitedStop.name: JerkLimitedStop}
"""Constructors by the name used in ``safety.yaml``."""

__all__ = ["BACKUPS", "Backup", "Hold", "JerkLimitedStop"]
