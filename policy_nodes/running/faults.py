"""Faults injected into the live nodes in mid-motion, and what must happen then."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from policy_nodes.nodes.operator import StateEvent, View
from policy_nodes.running.episodes import finish_episode, start_episode
from policy_nodes.running.session import Session

MOTION_SPEED = 0.25
"""Largest joint speed (rad/s) from which the robot counts as in mid-motion."""
REACTION_TIMEOUT_S = 6.0


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        name: key on the command line and in files.
        description: what is done, in words.
        inject: does it.
        clear: undoes it, and what must be done before a reset.
        observable: time (ns) from which the safety node could know, given view and injection time.
        reasons: supervisor reasons that name this fault rightly.
        when: condition of the robot at which it is injected.
    """

    name: str
    description: str
    inject: Callable[[Session], None]
    clear: Callable[[Session], None]
    observable: Callable[[View, int, float], int]
    reasons: tuple[str, ...]
    when: Callable[[View], bool]


@dataclass
class FaultResult:
    """What one injected fault led to; stamps are ROS time (ns)."""

    fault: Fault
    injected_ns: int
    observable_ns: int
    events: list[StateEvent] = field(default_factory=list)
    backup: StateEvent | None = None
    final_state: str = ""
    recovered: bool = False

    @property
    def passed(self) -> bool:
        """A backup took over, for the right reason, ended in STOPPED, and the run could go on."""
        return (
            self.backup is not None
            and self.backup.reason in self.fault.reasons
            and self.final_state == "STOPPED"
            and self.recovered
        )


def _moving(view: View) -> bool:
    return view.joint_velocity.size > 0 and float(np.abs(view.joint_velocity).max()) > MOTION_SPEED


def _carrying(view: View) -> bool:
    """In motion with the gripper neither open nor empty."""
    return (
        _moving(view) and 0.015 < float(view.joint_position[-1]) < 0.03 and abs(float(view.joint_velocity[-1])) < 0.01
    )


def _signal_policy(number: signal.Signals) -> Callable[[Session], None]:
    return lambda session: os.kill(session.pid("policy_node"), number)


def _next_chunk_due(view: View, injected_ns: int, period_s: float) -> int:
    """A stopped policy is observable when the chunk that should follow the last one has not come."""
    return (
        max(injected_ns, view.chunk_arrivals_ns[-1] + round(period_s * 1e9)) if view.chunk_arrivals_ns else injected_ns
    )


def _at_once(view: View, injected_ns: int, period_s: float) -> int:
    return injected_ns


FAULTS = {
    fault.name: fault
    for fault in (
        Fault(
            "policy_stopped",
            "the policy process is stopped with SIGSTOP while the robot carries the cube",
            inject=_signal_policy(signal.SIGSTOP),
            clear=_signal_policy(signal.SIGCONT),
            observable=_next_chunk_due,
            reasons=("CHUNK_EXHAUSTED", "CHUNK_LATE"),
            when=_carrying,
        ),
        Fault(
            "observation_nan",
            "the object tracker starts to publish NaN while the robot carries the cube",
            inject=lambda session: _ignore(session.operator.call("corrupt_observation", True)),
            clear=lambda session: _ignore(session.operator.call("corrupt_observation", False)),
            observable=_at_once,
            reasons=("OBSERVATION_NOT_FINITE",),
            when=_carrying,
        ),
        Fault(
            "object_displaced",
            "the cube is moved out of the training distribution while the robot approaches it",
            inject=lambda session: _ignore(session.operator.call("displace_object")),
            clear=lambda session: _ignore(session.operator.call("new_episode")),
            observable=_at_once,
            reasons=("FAILURE_PREDICTED",),
            when=_moving,
        ),
    )
}


def _ignore(answer: tuple[bool, str]) -> None:
    """A service answer that carries no information beyond success, which the wait that follows verifies."""


def run_fault(session: Session, fault: Fault, index: int, episode_timeout_s: float) -> FaultResult:
    """Start an episode, inject the fault in mid-motion, watch the reaction, clear the fault, recover, finish."""
    start_episode(session)
    operator = session.operator
    actions = session.bundle.manifest.actions
    period_s = actions.execution_horizon * actions.step_s
    operator.wait_for(fault.when, episode_timeout_s, session.check_processes)
    first_event = len(operator.view.events)
    injected = operator.now_ns()
    fault.inject(session)
    try:
        operator.wait_for(lambda v: v.state.state in ("BACKUP", "STOPPED"), REACTION_TIMEOUT_S, session.check_processes)
        result = FaultResult(fault, injected, fault.observable(operator.view, injected, period_s))
        session.wait_state("STOPPED", timeout_s=REACTION_TIMEOUT_S)
        operator.wait_for(lambda v: False, 0.5, session.check_processes)
    finally:
        fault.clear(session)
    result.events = operator.view.events[first_event:]
    result.backup = next((e for e in result.events if e.state in ("BACKUP", "STOPPED")), None)
    result.final_state = operator.view.state.state
    result.recovered = _recover(session, index, episode_timeout_s)
    return result


def _recover(session: Session, index: int, timeout_s: float) -> bool:
    """Reset, enable and finish the episode; True when the task then succeeds."""
    if session.operator.view.state.state != "STOPPED":
        session.disable()
        return False
    session.reset()
    session.operator.wait_for(lambda v: False, 0.7, session.check_processes)
    session.enable()
    return finish_episode(session, index, session.operator.now_ns(), timeout_s).success
