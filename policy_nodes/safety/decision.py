"""What one control period decided."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from policy_nodes.safety.limits import Array
from policy_nodes.safety.reasons import Reason
from policy_nodes.safety.supervisor import State, Supervisor

LIMITED_TOLERANCE = 1e-4
"""A command this close to what the policy asked for (rad or m) does not count as limited."""


@dataclass(frozen=True)
class Decision:
    """Outcome of one control period.

    Attributes:
        stamp_ns: control instant.
        state: supervisor state after this tick.
        reason: cause of the state; LIMITED in ACTIVE when limits changed the command; else None.
        command: (n,) joint positions to send, or None to send nothing.
        wanted: (n,) what the policy asked for, or None if it was not consulted.
        limited: the command differs from ``wanted`` because of limits or blending.
        backup: name of the backup that made the command, or None.
        stop_category: IEC 60204-1 category of the stop under way or latched, or None.
        detail: what exactly was found (joint, term, value), for logs.
    """

    stamp_ns: int
    state: State
    reason: Reason | None
    command: Array | None
    wanted: Array | None
    limited: bool
    backup: str | None
    stop_category: int | None
    detail: str = ""


def decision_of(
    supervisor: Supervisor, now_ns: int, command: Array | None, wanted: Array | None, backup: str | None
) -> Decision:
    """What a tick decided, from the supervisor's state after it and the positions (n,) commanded and wanted."""
    limited = command is not None and wanted is not None and bool((np.abs(command - wanted) > LIMITED_TOLERANCE).any())
    return Decision(
        stamp_ns=now_ns,
        state=supervisor.state,
        reason=Reason.LIMITED if limited and supervisor.state is State.ACTIVE else supervisor.reason,
        command=None if command is None else np.array(command),
        wanted=wanted,
        limited=limited,
        backup=backup,
        stop_category=supervisor.stop_category,
        detail=supervisor.detail,
    )
