"""Makes commands, from a chunk through limiter and filter or from a backup, and remembers what was commanded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from policy_nodes.bundle.manifest import ObservationTerm
from policy_nodes.safety.backup import BACKUPS, Backup, JerkLimitedStop
from policy_nodes.safety.chunks import Wanted
from policy_nodes.safety.config import SafetyConfig
from policy_nodes.safety.filter.model import FilterModel
from policy_nodes.safety.filter.safety_filter import SafetyFilter
from policy_nodes.safety.limits import Array, JointLimiter, Motion, ros2_control_window

ROUNDING = 1e-9


class Commander:
    """Commanded motion and everything that may change it.

    Args:
        config: limits, filter and backups.
        dt: control period, s.
        terms: observation terms of the contract, where the filter's moving obstacles come from.

    Raises:
        ConfigError: the filter does not fit the joints or the terms, or contradicts itself.
    """

    def __init__(self, config: SafetyConfig, dt: float, terms: Sequence[ObservationTerm] = ()) -> None:
        self.motion: Motion | None = None
        """What was commanded last; None before the first command."""
        self.rest: Array | None = None
        """(n,) position held under power while nothing moves, or None: no command."""
        self._dt = dt
        self._limiter = JointLimiter(config.joints, dt, config.limit_jerk_in_motion)
        self._backups = {name: make(self._limiter.limits) for name, make in BACKUPS.items()}
        self._backup: Backup | None = None
        self._filter: SafetyFilter | None = None
        self.filtered_ticks = 0
        """Ticks in which the filter changed the limiter's command."""
        if config.filter is not None:
            model = FilterModel(config.filter, config.names, self._limiter.limits)
            model.check_terms(terms, config.filter.frame_id)
            self._filter = SafetyFilter(config.filter, model, self._limiter.limits)

    @property
    def backup_name(self) -> str | None:
        """Name of the backup in command, or None."""
        return None if self._backup is None else self._backup.name

    def begin(self, position: Array) -> None:
        """Start commanding from rest at ``position`` (n,), measured or held."""
        self.motion, self._backup = Motion.rest(position), None

    def follow(self, wanted: Wanted, terms: Mapping[str, Array] | None = None) -> Array:
        """Command (n,) towards what the policy wants, through limits and filter. Ends a backup.

        Args:
            wanted: what the policy asks for.
            terms: raw values of the observation terms, for the filter's moving obstacles.

        Raises:
            Infeasible: the filter has no command; nothing was commanded.
            RuntimeError: :meth:`begin` was never called, or the command fails the envelope.
        """
        command = self._limiter.next(self._moving, wanted.position, wanted.velocity)
        if self._filter is not None:
            limited, command = command, self._filter.next(self._moving, command, self._places(terms))
            self.filtered_ticks += command is not limited
        self._backup = None
        return self._checked(command)

    def breach(self, position: Array, terms: Mapping[str, Array]) -> str | None:
        """The barrier of the filter that is violated at ``position`` (n,), or None."""
        return None if self._filter is None else self._filter.breach(position, self._places(terms))

    def _places(self, terms: Mapping[str, Array] | None) -> dict[str, Array]:
        """Positions of moving obstacles from the values of their terms."""
        assert self._filter is not None
        values = terms or {}
        return {obstacle: values[term][:3] for obstacle, term in self._filter.model.moving.items() if term in values}

    def start_backup(self, now_ns: int, name: str) -> None:
        """Hand over to a backup; the jerk-limited stop replaces one whose precondition does not hold.

        Raises:
            RuntimeError: nothing was ever commanded, so there is nothing to stop.
        """
        motion = self._moving
        chosen = self._backups[name]
        if not chosen.admissible(motion.position, motion.velocity, motion.acceleration):
            chosen = self._backups[JerkLimitedStop.name]
        chosen.start(now_ns, motion.position, motion.velocity, motion.acceleration)
        self._backup = chosen

    def back_up(self, now_ns: int) -> tuple[Array, bool]:
        """Command (n,) of the backup, and whether it has come to rest.

        Raises:
            RuntimeError: no backup was started, or its command fails the envelope.
        """
        if self._backup is None:
            raise RuntimeError("no backup was started")
        command = self._checked(self._backup.command(now_ns))
        return command, self._backup.finished(now_ns)

    @property
    def _moving(self) -> Motion:
        if self.motion is None:
            raise RuntimeError("a command was asked for before a starting point was given")
        return self.motion

    def _checked(self, command: Array) -> Array:
        """Check against an envelope that shares no code with limiter and backups, then remember the command.

        Raises:
            RuntimeError: the command is not finite or leaves the envelope.
        """
        motion = self._moving
        low, high = ros2_control_window(motion.position, motion.velocity, self._limiter.limits)
        # Started outside a position limit, staying or returning is allowed, going further is not.
        low, high = np.minimum(low, motion.position), np.maximum(high, motion.position)
        if not np.all((command >= low - ROUNDING) & (command <= high + ROUNDING)):
            raise RuntimeError("a command left the limits and was withheld")
        self.motion = motion.then(command, self._dt)
        return command
