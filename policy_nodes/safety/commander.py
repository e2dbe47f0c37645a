"""Makes commands, from a chunk through limiter and filter or from a backup, and remembers what was commanded."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np

from policy_nodes.bundle.manifest import ObservationTerm
from policy_nodes.safety.backup import BACKUPS, Backup, BackupContext, DampedStop, JerkLimitedStop
from policy_nodes.safety.chunks import Wanted
from policy_nodes.safety.config import SECTIONS, SafetyConfig
from policy_nodes.safety.filter.model import FilterModel
from policy_nodes.safety.filter.safety_filter import Infeasible, SafetyFilter
from policy_nodes.safety.limits import Array, JointLimiter, Motion, ros2_control_window
from policy_nodes.safety.reasons import Reason
from policy_nodes.safety.recoverability import NotRecoverable, Recoverability
from policy_nodes.safety.slowdown import Slowdown

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
        self._terms: Mapping[str, Array] = {}
        trail: deque[Array] = deque(maxlen=max(2, round(config.backups.rewind_s / dt)))
        self._trail = trail
        self.measured: tuple[Array, Array] | None = None
        """Joint position and velocity (n,) while they are fresh; kept by the governor for backups that look."""
        self._filter: SafetyFilter | None = None
        self._adjusts = config.filter is None or config.filter.adjust
        self.recoverability: Recoverability | None = None
        self._slowdown: Slowdown | None = None
        self._filtered_ticks = self._slowed_ticks = 0
        limits, model = self._limiter.limits, None
        if config.filter is not None:
            model = FilterModel(config.filter, config.names, limits)
            goal = None if config.backups.stl_mpc is None else config.backups.stl_mpc.goal_term
            model.check_terms(terms, config.filter.frame_id, {} if goal is None else {"stl_mpc": goal})
            self._filter = SafetyFilter(config.filter, model, limits)
            if config.filter.slowdown is not None:
                self._slowdown = Slowdown(config.filter.slowdown, model, config.filter.pairs)
        context = BackupContext(
            config.joints, limits, config.backups, trail, self._clear, lambda: self.measured,
            model, self._places, lambda: self._terms,
        )  # fmt: skip
        unusable = [name for name, section in SECTIONS.items() if getattr(config.backups, section) is None]
        self._backups = {name: make(context) for name, make in BACKUPS.items() if name not in unusable}
        self._backup: Backup | None = None
        if config.recoverability is not None and model is not None:
            # Backups that go somewhere are given up for the jerk-limited stop: it is what must succeed.
            name = config.stop_reaction(Reason.NOT_RECOVERABLE).backup
            backup = BACKUPS[name if name == DampedStop.name else JerkLimitedStop.name](context)
            self.recoverability = Recoverability(config.recoverability, model, limits, backup)

    @property
    def counters(self) -> dict[str, int]:
        """Ticks in which the filter changed the command, in which speed was scaled down, and the backup simulated."""
        simulated = 0 if self.recoverability is None else self.recoverability.simulated_ticks
        found = {"filtered_ticks": self._filtered_ticks, "slowed_ticks": self._slowed_ticks}
        return found | {"simulated_stops": simulated}

    @property
    def backup_name(self) -> str | None:
        """Name of the backup in command, or None."""
        return None if self._backup is None else self._backup.name

    def begin(self, position: Array) -> None:
        """Start commanding from rest at ``position`` (n,), measured or held."""
        self.motion, self._backup = Motion.rest(position), None
        self._trail.clear()
        self._trail.append(self.motion.position)

    def follow(self, wanted: Wanted, terms: Mapping[str, Array] | None = None, speed: float = 1.0) -> Array:
        """Command (n,) towards what the policy wants, through limits and filter. Ends a backup.

        Args:
            wanted: what the policy asks for.
            terms: raw values of the observation terms, for the filter's moving obstacles.
            speed: share of the velocity limits that may be used, in (0, 1]; the direction is kept.

        Raises:
            Infeasible: the filter has no command; nothing was commanded.
            NotRecoverable: after the command the backup could not stop clear of everything; nothing was commanded.
            RuntimeError: :meth:`begin` was never called, or the command fails the envelope.
        """
        self._terms = terms or {}
        position, velocity = wanted.position, wanted.velocity
        scale = 1.0
        if self._slowdown is not None:
            start = self._moving.position
            scale = self._slowdown.scale(start, position - start, self._places())
            self._slowed_ticks += scale < 1.0
        if speed < 1.0 or scale < 1.0:
            position, velocity = self._slowed(position, speed, scale)
        command = self._limiter.next(self._moving, position, velocity)
        if self._filter is not None and self._adjusts:
            limited, command = command, self._filter.next(self._moving, command, self._places())
            self._filtered_ticks += command is not limited
        if self.recoverability is not None:
            problem = self.recoverability.why_not(self._moving.then(command, self._dt), self._places())
            if problem is not None:
                raise NotRecoverable(problem)
        self._backup = None
        return self._checked(command)

    def _slowed(self, wanted: Array, speed: float, scale: float) -> tuple[Array, Array]:
        """A target (n,) and its velocity towards ``wanted``: at most ``speed`` of all limits, then times ``scale``."""
        start = self._moving.position
        step = (wanted - start) / self._dt
        step = scale * step * min(1.0, speed / max(float(np.max(np.abs(step) / self._limiter.limits.velocity)), 1e-12))
        return start + step * self._dt, step

    def breach(self, position: Array, terms: Mapping[str, Array]) -> str | None:
        """The barrier of the filter that is violated at ``position`` (n,), or None."""
        self._terms = terms
        return None if self._filter is None else self._filter.breach(position, self._places())

    def _places(self) -> dict[str, Array]:
        """Positions of moving obstacles, from the last values of their terms."""
        assert self._filter is not None
        moving = self._filter.model.moving
        return {obstacle: self._terms[term][:3] for obstacle, term in moving.items()}

    def _clear(self, path: Sequence[Array]) -> bool:
        """Whether every configuration of a path is clear of everything the filter knows."""
        return self._filter is None or all(self._filter.breach(q, self._places()) is None for q in path)

    def _guarded(self, command: Array) -> bool:
        """Whether the filter would leave a backup's command as it is."""
        if self._filter is None:
            return True
        if not self._adjusts:
            return self.recoverability is None or self._stoppable(command)
        try:
            allowed = self._filter.next(self._moving, command, self._places())
        except Infeasible:
            return False
        return bool(np.all(np.abs(allowed - command) <= ROUNDING))

    def _stoppable(self, command: Array) -> bool:
        """Whether the stop begun after a backup's command would stay clear."""
        assert self.recoverability is not None
        return self.recoverability.why_not(self._moving.then(command, self._dt), self._places()) is None

    def cannot_begin(self, name: str, terms: Mapping[str, Array]) -> str | None:
        """Why a backup cannot be begun from the commanded motion, or None."""
        self._terms, motion, chosen = terms, self._moving, self._backups.get(name)
        if chosen is None:
            return f"safety.yaml configures no backup '{name}' (backups.{SECTIONS[name]})"
        if chosen.admissible(motion.position, motion.velocity, motion.acceleration):
            return None
        return f"the way of the backup '{name}' is not clear of everything the filter knows"

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

    @property
    def going_somewhere(self) -> bool:
        """Whether a backup is in command that does more than bring the robot to rest."""
        return self._backup is not None and self._backup.moves

    def back_up(self, now_ns: int, terms: Mapping[str, Array] | None = None) -> tuple[Array, bool]:
        """Command (n,) of the backup, and whether it has come to rest; see :meth:`follow` for ``terms``.

        A guarded backup whose command the filter would change is given up for the jerk-limited stop.

        Raises:
            RuntimeError: no backup was started, or its command fails the envelope.
        """
        if self._backup is None:
            raise RuntimeError("no backup was started")
        self._terms = terms or self._terms
        command = self._backup.command(now_ns)
        if self._backup.guarded and not self._guarded(command):
            self.start_backup(now_ns, JerkLimitedStop.name)
            command = self._backup.command(now_ns)
        return self._checked(command), self._backup.finished(now_ns)

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
        if not ((command >= low - ROUNDING) & (command <= high + ROUNDING)).all():
            raise RuntimeError("a command left the limits and was withheld")
        self.motion = motion.then(command, self._dt)
        # Standing still is no part of a path.
        if (command != motion.position).any():
            self._trail.append(command)
        return command
