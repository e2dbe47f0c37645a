"""The supervisor: an explicit table (state, reason) -> (state, action), and nothing else.

Follows the minimal-risk-manoeuvre pattern of Autoware and the failsafe rule of PX4: among simultaneous reasons the
most severe wins, stops are latched, and only an operator's reset leads out. A reason that has no row in a state has
no effect there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from policy_nodes.safety.config import SafetyConfig
from policy_nodes.safety.reasons import REASONS, Reaction, Reason


class State(str, Enum):
    """States of design section 7."""

    INIT = "INIT"
    """Signals of the contract are missing; no motion."""
    READY = "READY"
    """Everything is fresh and in range; waiting for the operator."""
    ACTIVE = "ACTIVE"
    """The policy commands."""
    DEGRADED = "DEGRADED"
    """The policy's last chunk continues, or motion pauses, until the cause is gone."""
    BACKUP = "BACKUP"
    """A backup commands."""
    STOPPED = "STOPPED"
    """At rest, latched until reset."""


class Action(str, Enum):
    """Where the command of a tick comes from."""

    REST = "rest"
    """The rest position where the robot is held under power, otherwise no command."""
    FOLLOW = "follow"
    """The chunk at this instant, through the limits."""
    PAUSE = "pause"
    """Brake to rest and wait, through the jerk-limited stop."""
    BACKUP = "backup"
    """The backup controller."""


@dataclass(frozen=True)
class Row:
    """Right-hand side of the table."""

    state: State
    action: Action


@dataclass(frozen=True)
class Transition:
    """One line of the supervisor's history: a change of state or of the cause, at ``stamp_ns``."""

    stamp_ns: int
    before: State
    reason: Reason
    after: State
    detail: str = ""


Table = dict[tuple[State, Reason], Row]

MOVING = (State.ACTIVE, State.DEGRADED)
STOP_AT_ONCE = frozenset({Reason.ESTOP, Reason.SHUTDOWN, Reason.INTERNAL_ERROR})
"""Latched from any state, also before motion was ever enabled."""
_EVENTS: Table = {
    (State.INIT, Reason.SIGNALS_READY): Row(State.READY, Action.REST),
    (State.READY, Reason.OPERATOR_ENABLE): Row(State.ACTIVE, Action.FOLLOW),
    (State.DEGRADED, Reason.POLICY_RECOVERED): Row(State.ACTIVE, Action.FOLLOW),
    (State.BACKUP, Reason.BACKUP_FINISHED): Row(State.STOPPED, Action.REST),
    (State.BACKUP, Reason.DISABLED_AT_REST): Row(State.READY, Action.REST),
    (State.STOPPED, Reason.OPERATOR_RESET): Row(State.READY, Action.REST),
}

_ALARM_REACTIONS = {
    "warn": Reaction.DEGRADE,
    "slow": Reaction.DEGRADE,
    "hold": Reaction.PAUSE,
    "ask": Reaction.PAUSE,
    "stop": Reaction.STOP,
}


def reaction_of(reason: Reason, config: SafetyConfig) -> Reaction:
    """Reaction of a reason under a configuration; only the failure alarm's can be changed."""
    if reason is Reason.FAILURE_PREDICTED:
        return _ALARM_REACTIONS[config.alarm_reaction]
    return REASONS[reason].reaction


def build_table(config: SafetyConfig) -> Table:
    """Write out the whole table for one configuration."""
    table: Table = dict(_EVENTS)
    for reason in Reason:
        reaction = reaction_of(reason, config)
        if reaction is Reaction.DEGRADE:
            table.update({(state, reason): Row(State.DEGRADED, Action.FOLLOW) for state in MOVING})
        elif reaction is Reaction.PAUSE:
            table.update({(state, reason): Row(State.DEGRADED, Action.PAUSE) for state in MOVING})
        elif reaction is Reaction.STOP:
            cut = config.stop_reaction(reason).stop_category == 0
            stop = Row(State.STOPPED, Action.REST) if cut else Row(State.BACKUP, Action.BACKUP)
            if reason is Reason.OPERATOR_HOME:
                table[State.READY, reason] = stop
                continue
            table.update({(state, reason): stop for state in MOVING})
            if reason is Reason.OPERATOR_DISABLE:
                continue
            table[State.BACKUP, reason] = stop
            table[State.STOPPED, reason] = Row(State.STOPPED, Action.REST)
            waiting = State.STOPPED if reason in STOP_AT_ONCE else State.INIT
            table.update({(state, reason): Row(waiting, Action.REST) for state in (State.INIT, State.READY)})
    return table


class Supervisor:
    """Current state, action and cause.

    Args:
        config: reactions and overrides.
    """

    def __init__(self, config: SafetyConfig) -> None:
        self._config = config
        self.table = build_table(config)
        self.state = State.INIT
        self.action = Action.REST
        self.reason: Reason | None = None
        """Cause of the present state; None in READY and ACTIVE."""
        self.detail = ""
        """What exactly was found: joint, term, value."""
        self.history: deque[Transition] = deque(maxlen=64)

    @property
    def stop_category(self) -> int | None:
        """IEC 60204-1 category of the stop under way or latched, else None."""
        if self.state in (State.BACKUP, State.STOPPED) and self.reason is not None:
            return self._config.stop_reaction(self.reason).stop_category
        return None

    @property
    def not_ready(self) -> list[str]:
        """Why motion cannot begin in the present state, in words; empty in READY."""
        if self.state is State.STOPPED:
            return [f"stopped by {self.reason.value if self.reason else '?'}, reset first"]
        return [] if self.state is State.READY else [f"state is {self.state.value}, not READY"]

    @property
    def latched(self) -> bool:
        """Whether the present cause needs an operator's reset."""
        return self.reason is not None and REASONS[self.reason].latched

    def severity(self, reason: Reason) -> tuple[int, int, int]:
        """Sort key: reaction, then stop category (0 is worst), then whether it latches."""
        reaction = reaction_of(reason, self._config)
        rank = (Reaction.EVENT, Reaction.NOTE, Reaction.DEGRADE, Reaction.PAUSE, Reaction.STOP).index(reaction)
        category = 2 - self._config.stop_reaction(reason).stop_category if reaction is Reaction.STOP else 0
        return rank, category, int(REASONS[reason].latched)

    def worst(self, reasons: Iterable[Reason]) -> Reason:
        """The most severe of one or more reasons; the first of equals."""
        return max(reasons, key=self.severity)

    def apply(self, now_ns: int, reason: Reason, detail: str = "") -> bool:
        """Follow the row of (state, reason), if there is one.

        In BACKUP and STOPPED a further fault becomes the cause only if it is more severe than the present one.

        Returns:
            Whether state, action or cause changed.
        """
        row = self.table.get((self.state, reason))
        if row is None:
            return False
        event = REASONS[reason].reaction is Reaction.EVENT
        stopping = self.state in (State.BACKUP, State.STOPPED)
        if not event and stopping and self.reason and self.severity(reason) <= self.severity(self.reason):
            return False
        before = (self.state, self.action, self.reason)
        keeps_cause = reason is Reason.BACKUP_FINISHED
        cause = self.reason if keeps_cause else (None if event else reason)
        if not keeps_cause:
            self.detail = "" if event else detail
        changed = before != (row.state, row.action, cause)
        if changed:
            self.history.append(Transition(now_ns, self.state, reason, row.state, detail))
        self.state, self.action, self.reason = row.state, row.action, cause
        return changed

    def cut(self, now_ns: int, reason: Reason, detail: str) -> None:
        """Latch STOPPED without a stop, when the stop itself has failed; ``reason`` becomes the cause."""
        self.history.append(Transition(now_ns, self.state, reason, State.STOPPED, detail))
        self.state, self.action, self.reason, self.detail = State.STOPPED, Action.REST, reason, detail
