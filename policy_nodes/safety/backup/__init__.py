"""Backup controllers: small classes (state, time) -> command, each with a precondition and a proof test."""

from __future__ import annotations

from collections.abc import Callable

from policy_nodes.safety.backup.base import Backup
from policy_nodes.safety.backup.context import BackupContext
from policy_nodes.safety.backup.damped_stop import DampedStop
from policy_nodes.safety.backup.damping import Damping
from policy_nodes.safety.backup.hold import Hold
from policy_nodes.safety.backup.home import Home
from policy_nodes.safety.backup.jerk_limited_stop import JerkLimitedStop
from policy_nodes.safety.backup.rewind import Rewind
from policy_nodes.safety.backup.sit_down import SitDown
from policy_nodes.safety.backup.stand import Stand
from policy_nodes.safety.backup.stl_mpc import StlMpc

BACKUPS: dict[str, Callable[[BackupContext], Backup]] = {
    Hold.name: lambda context: Hold(context.limits),
    JerkLimitedStop.name: lambda context: JerkLimitedStop(context.limits),
    DampedStop.name: lambda context: DampedStop(context.limits, context.settings.damping_s),
    Rewind.name: Rewind,
    Home.name: Home,
    Damping.name: Damping,
    SitDown.name: SitDown,
    Stand.name: Stand,
    StlMpc.name: StlMpc,
}
"""Constructors by the name used in ``safety.yaml``."""

__all__ = [
    "BACKUPS",
    "Backup",
    "BackupContext",
    "DampedStop",
    "Damping",
    "Hold",
    "Home",
    "JerkLimitedStop",
    "Rewind",
    "SitDown",
    "Stand",
    "StlMpc",
]
