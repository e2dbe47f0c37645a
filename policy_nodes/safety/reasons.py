"""Every reason for a change of state or a degraded command, each described once.

Nodes, documentation and tests share this enumeration; a reaction without a named reason cannot be expressed. Defaults
follow the reaction tables of industrial practice: ISO/IEC 60204-1 stop categories (0 = power removed at once, 1 =
controlled stop and then power removed, 2 = controlled stop and power kept), MoveIt Servo's smooth halt on a late
command, and "loss of the monitor is itself a fault".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Reason(str, Enum):
    """Why the supervisor changed state, degraded, rejected a message or changed a command."""

    # Events that an operator or the governor itself causes.
    SIGNALS_READY = "signals_ready"
    OPERATOR_ENABLE = "operator_enable"
    OPERATOR_DISABLE = "operator_disable"
    OPERATOR_RESET = "operator_reset"
    OPERATOR_HOME = "operator_home"
    POLICY_RECOVERED = "policy_recovered"
    BACKUP_FINISHED = "backup_finished"
    DISABLED_AT_REST = "disabled_at_rest"
    # Notes: nothing changes state.
    LIMITED = "limited"
    CHUNK_STALE = "chunk_stale"
    CHUNK_NOT_FINITE = "chunk_not_finite"
    CHUNK_MALFORMED = "chunk_malformed"
    CHUNK_WRONG_FORM = "chunk_wrong_form"
    CHUNK_FROM_FUTURE = "chunk_from_future"
    CHUNK_OUT_OF_ORDER = "chunk_out_of_order"
    # Degradations: motion continues, or pauses, without an operator.
    CHUNK_LATE = "chunk_late"
    SPECIFICATION_WARNING = "specification_warning"
    SPECIFICATION_HOLD = "specification_hold"
    # Faults: a backup takes over and the stop is latched.
    CHUNK_EXHAUSTED = "chunk_exhausted"
    COMMAND_FAR_FROM_STATE = "command_far_from_state"
    OBSERVATION_STALE = "observation_stale"
    OBSERVATION_NOT_FINITE = "observation_not_finite"
    OBSERVATION_OUT_OF_RANGE = "observation_out_of_range"
    OBSERVATION_MALFORMED = "observation_malformed"
    OBSERVATION_FROM_FUTURE = "observation_from_future"
    OBSERVATION_OUT_OF_ORDER = "observation_out_of_order"
    FAILURE_PREDICTED = "failure_predicted"
    ALARM_UNANSWERED = "alarm_unanswered"
    SPECIFICATION_VIOLATED = "specification_violated"
    FILTER_INFEASIBLE = "filter_infeasible"
    NOT_RECOVERABLE = "not_recoverable"
    MONITOR_LOST = "monitor_lost"
    CLOCK_JUMP = "clock_jump"
    JOINT_STATE_STALE = "joint_state_stale"
    JOINT_STATE_NOT_FINITE = "joint_state_not_finite"
    JOINT_STATE_MALFORMED = "joint_state_malformed"
    JOINT_STATE_FROM_FUTURE = "joint_state_from_future"
    JOINT_STATE_OUT_OF_ORDER = "joint_state_out_of_order"
    JOINT_JUMP = "joint_jump"
    JOINT_OUT_OF_LIMITS = "joint_out_of_limits"
    TRACKING_LOST = "tracking_lost"
    EFFORT_EXCEEDED = "effort_exceeded"
    RIVAL_COMMANDER = "rival_commander"
    FALLEN = "fallen"
    SHUTDOWN = "shutdown"
    ESTOP = "estop"
    INTERNAL_ERROR = "internal_error"


class Reaction(str, Enum):
    """What a reason does to motion, before configuration overrides."""

    EVENT = "event"
    """A step of the normal life cycle, handled by its own row of the table."""
    NOTE = "note"
    """Counted and shown; nothing changes."""
    DEGRADE = "degrade"
    """The policy's last valid chunk continues, marked DEGRADED; recovers by itself."""
    PAUSE = "pause"
    """Braked to rest and held in DEGRADED; motion resumes by itself when the reason is gone."""
    STOP = "stop"
    """A backup takes over in the same tick."""


@dataclass(frozen=True)
class ReasonInfo:
    """Description and default reaction of one reason.

    Attributes:
        description: one line, what was found.
        fix: what the operator can do.
        reaction: effect while the policy commands the robot.
        stop_category: IEC 60204-1 category of the stop, for STOP reactions.
        latched: after the stop the supervisor stays in STOPPED until an explicit reset.
    """

    description: str
    fix: str
    reaction: Reaction
    stop_category: int | None = None
    latched: bool = False


def _event(description: str) -> ReasonInfo:
    return ReasonInfo(description, "Nothing to do.", Reaction.EVENT)


def _note(description: str, fix: str) -> ReasonInfo:
    return ReasonInfo(description, fix, Reaction.NOTE)


def _stop(category: int, description: str, fix: str, latched: bool = True) -> ReasonInfo:
    return ReasonInfo(description, fix, Reaction.STOP, category, latched)


_DRIVER = "Check the robot driver and its /joint_states rate, then reset."
_SENSOR = "Check the sensor or estimator behind the named term, then reset."

REASONS: dict[Reason, ReasonInfo] = {
    Reason.SIGNALS_READY: _event("All signals of the contract are fresh, finite and in range."),
    Reason.OPERATOR_ENABLE: _event("The operator enabled motion."),
    Reason.OPERATOR_DISABLE: _stop(2, "The operator disabled motion.", "Enable again when ready.", latched=False),
    Reason.OPERATOR_RESET: _event("The operator acknowledged the stop."),
    Reason.OPERATOR_HOME: _stop(2, "The operator sent the robot home.", "Enable when it is there.", latched=False),
    Reason.POLICY_RECOVERED: _event("The cause of the degradation is gone."),
    Reason.BACKUP_FINISHED: _event("The backup brought the robot to rest; the stop is latched."),
    Reason.DISABLED_AT_REST: _event("The robot came to rest after the operator disabled motion, or is home."),
    Reason.LIMITED: _note(
        "The command was changed to respect position, velocity, acceleration or jerk limits.",
        "If frequent, retrain with the robot's limits or review safety.yaml.",
    ),
    Reason.CHUNK_STALE: _note("A chunk had already ended when it arrived.", "Shorten inference or synchronise clocks."),
    Reason.CHUNK_NOT_FINITE: _note("A chunk contained NaN or infinity.", "Check the policy's inputs and its export."),
    Reason.CHUNK_MALFORMED: _note(
        "A chunk had the wrong number of joints, no samples or no time step.",
        "Start policy_node with the same bundle as safety_node.",
    ),
    Reason.CHUNK_WRONG_FORM: _note(
        "A chunk had another number of points or another time step than the bundle's contract.",
        "Start policy_node with the same bundle as safety_node.",
    ),
    Reason.CHUNK_FROM_FUTURE: _note("A chunk was stamped later than now.", "Synchronise the clocks of the machines."),
    Reason.CHUNK_OUT_OF_ORDER: _note(
        "A chunk was repeated or older than the one in use.",
        "Make sure that exactly one policy_node publishes chunks; disable before restarting it.",
    ),
    Reason.CHUNK_LATE: ReasonInfo(
        "The next chunk is overdue; the previous one is still valid.",
        "Check policy_node's load and its inference budget.",
        Reaction.DEGRADE,
    ),
    Reason.SPECIFICATION_WARNING: ReasonInfo(
        "A temporal-logic specification with reaction 'warn' is violated.",
        "Look at the named specification and its robustness.",
        Reaction.DEGRADE,
    ),
    Reason.SPECIFICATION_HOLD: ReasonInfo(
        "A temporal-logic specification with reaction 'hold' is violated.",
        "Look at the named specification; motion resumes when it holds again.",
        Reaction.PAUSE,
    ),
    Reason.CHUNK_EXHAUSTED: _stop(
        2, "The last chunk has ended and none followed.", "Check that policy_node is alive, then reset."
    ),
    Reason.COMMAND_FAR_FROM_STATE: _stop(
        2, "The policy asked for a position far from where the robot is.", "Check bundle, scene and limits, then reset."
    ),
    Reason.OBSERVATION_STALE: _stop(2, "An observation of the contract is older than allowed.", _SENSOR),
    Reason.OBSERVATION_NOT_FINITE: _stop(2, "An observation contained NaN or infinity repeatedly.", _SENSOR),
    Reason.OBSERVATION_OUT_OF_RANGE: _stop(2, "An observation left its plausible range repeatedly.", _SENSOR),
    Reason.OBSERVATION_MALFORMED: _stop(2, "An observation had the wrong length repeatedly.", _SENSOR),
    Reason.OBSERVATION_FROM_FUTURE: _stop(2, "An observation was stamped in the future repeatedly.", _SENSOR),
    Reason.OBSERVATION_OUT_OF_ORDER: _stop(2, "Stamps of an observation ran backwards repeatedly.", _SENSOR),
    Reason.FAILURE_PREDICTED: _stop(
        2, "The failure monitor predicts that the policy will fail.", "Look at the scene and the scores, then reset."
    ),
    Reason.ALARM_UNANSWERED: _stop(
        2, "No operator answered a failure alarm in time.", "Look at the scene and the scores, then reset."
    ),
    Reason.SPECIFICATION_VIOLATED: _stop(
        2, "A temporal-logic specification is violated.", "Look at the named specification, then reset."
    ),
    Reason.FILTER_INFEASIBLE: _stop(
        2, "No velocity keeps the robot inside its barriers.", "Move robot or obstacle apart, then reset."
    ),
    Reason.NOT_RECOVERABLE: _stop(
        2,
        "After the policy's next command the backup could not stop clear of everything.",
        "Look at the named barrier and at what the policy wanted, then reset.",
    ),
    Reason.MONITOR_LOST: _stop(2, "The failure monitor is silent.", "Restart monitor_node, then reset."),
    Reason.CLOCK_JUMP: _stop(
        1, "The control clock jumped or the control loop stalled.", "Check time synchronisation and load, then reset."
    ),
    Reason.JOINT_STATE_STALE: _stop(1, "The joint state is older than allowed.", _DRIVER),
    Reason.JOINT_STATE_NOT_FINITE: _stop(1, "The joint state contained NaN or infinity repeatedly.", _DRIVER),
    Reason.JOINT_STATE_MALFORMED: _stop(1, "The joint state had the wrong length repeatedly.", _DRIVER),
    Reason.JOINT_STATE_FROM_FUTURE: _stop(1, "The joint state was stamped in the future repeatedly.", _DRIVER),
    Reason.JOINT_STATE_OUT_OF_ORDER: _stop(1, "Stamps of the joint state ran backwards repeatedly.", _DRIVER),
    Reason.JOINT_JUMP: _stop(1, "A joint moved faster than it can, repeatedly.", _DRIVER),
    Reason.JOINT_OUT_OF_LIMITS: _stop(
        1, "A joint was measured outside its position limits.", "Move it back by hand or with the vendor's tool, reset."
    ),
    Reason.TRACKING_LOST: _stop(
        1, "The robot does not follow its commands (contact, or driver stopped).", "Clear the contact, then reset."
    ),
    Reason.EFFORT_EXCEEDED: _stop(
        1, "A joint's measured effort was beyond its limit, repeatedly.", "Look for contact or overload, then reset."
    ),
    Reason.RIVAL_COMMANDER: _stop(
        1, "Another node publishes commands to the robot.", "End the named node, then reset."
    ),
    Reason.FALLEN: _stop(
        1, "A legged robot is tilted further than it can recover from.", "Set it upright or let it lie, then reset."
    ),
    Reason.SHUTDOWN: _stop(1, "The node is shutting down.", "Start the node again."),
    Reason.ESTOP: _stop(1, "Emergency stop.", "Remove the danger, release the button, then reset."),
    Reason.INTERNAL_ERROR: _stop(1, "The safety layer itself failed.", "Report the error text in the status."),
}
