"""The supervisor's decision as a message and as a line of the log."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

from policy_nodes.nodes.conversions import diagnostic_array
from policy_nodes.safety.governor import Decision
from policy_nodes.safety.reasons import Reason
from policy_nodes.safety.supervisor import State

LEVELS = {
    State.INIT: DiagnosticStatus.WARN,
    State.READY: DiagnosticStatus.OK,
    State.ACTIVE: DiagnosticStatus.OK,
    State.DEGRADED: DiagnosticStatus.WARN,
    State.BACKUP: DiagnosticStatus.ERROR,
    State.STOPPED: DiagnosticStatus.ERROR,
}
WANTED = (Reason.OPERATOR_DISABLE, Reason.OPERATOR_HOME, Reason.SHUTDOWN)
"""Stops and ways that somebody asked for."""
BY_BACKUP = (State.DEGRADED, State.BACKUP)
"""States in which a backup may command."""


def cause(decision: Decision) -> str:
    """Reason of the state; that limits trimmed a command is reported as ``limited``, not as a change of state."""
    return "" if decision.reason in (None, Reason.LIMITED) else decision.reason.name


def state_key(decision: Decision) -> tuple[object, ...]:
    """What must change for a decision to be news; that a finished backup no longer commands is none."""
    return decision.state, cause(decision), decision.backup if decision.state in BY_BACKUP else None


def state_message(decision: Decision) -> DiagnosticArray:
    """``~/state``: message = state, level as :data:`LEVELS`, values reason, backup, stop_category, limited, detail."""
    values = {
        "reason": cause(decision),
        "backup": decision.backup or "",
        "stop_category": "" if decision.stop_category is None else str(decision.stop_category),
        "limited": str(decision.limited),
        "detail": decision.detail,
    }
    return diagnostic_array(decision.stamp_ns, "safety", LEVELS[decision.state], decision.state.name, values)


def is_alarming(decision: Decision) -> bool:
    """Whether the operator should look up: a stop that nobody asked for."""
    return decision.state in (State.BACKUP, State.STOPPED) and decision.reason not in WANTED


def state_line(decision: Decision) -> str:
    """State, reason, backup and detail for the log."""
    backup = decision.backup if decision.state in (*BY_BACKUP, State.STOPPED) else None
    return " ".join(part for part in (decision.state.name, cause(decision), backup, decision.detail) if part)
