"""Faults injected into the live nodes in mid-motion. What they led to is judged from the trace (:mod:`.reactions`)."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from policy_nodes.nodes.operator import StateEvent, View
from policy_nodes.running.episodes import STOPPING, finish_episode, resume, start_episode
from policy_nodes.running.session import Session

MOTION_SPEED = 0.25
"""Largest joint speed (rad/s) from which the robot counts as in mid-motion."""
GRIPPER_OPEN, GRIPPER_HOLDING = 0.03, (0.015, 0.03)
"""Position (m) of the last joint, the finger: above the first it is open, within the second it holds the cube."""
GRASPING_TASK = "panda_pick_place"
"""The task whose gripper tells phases apart; with others a fault comes in mid-motion."""
REACTION_TIMEOUT_S = 6.0
SETTLED_S = 0.5
"""How long the stopped robot is watched before the fault is cleared."""
ATTEMPTS = 3
"""Episodes in which the moment for the injection may come."""


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        name: key on the command line and in files.
        description: what is done, in words.
        inject: does it.
        clear: undoes it, so that a reset is accepted.
        observable: from which moment the safety node could know: ``chunk`` the next chunk is due and does not come,
            ``nan`` the first pose that is not finite, ``jump`` the first pose after the object moved.
        reasons: supervisor reasons that name this fault rightly.
        when: condition of the robot at which it is injected.
    """

    name: str
    description: str
    inject: Callable[[Session], object]
    clear: Callable[[Session], object]
    observable: str
    reasons: tuple[str, ...]
    when: Callable[[View], bool]


@dataclass
class FaultResult:
    """What was done and seen live; stamps are ROS time (ns).

    Attributes:
        fault: the kind.
        injected_ns: just before the injection; of the last attempt when the moment never came.
        injected: whether the moment came.
        settled_ns: end of the watch over the stopped robot.
        events: supervisor states from the injection to the end of the watch.
        final_state: state at the end of the watch.
        recovered: after clearing, reset and enable the task was done.
    """

    fault: Fault
    injected_ns: int
    injected: bool = True
    settled_ns: int = 0
    events: list[StateEvent] = field(default_factory=list)
    final_state: str = ""
    recovered: bool = False

    @property
    def stop(self) -> StateEvent | None:
        """The first event of the stop."""
        return next((event for event in self.events if event.state in STOPPING), None)


def moving(view: View) -> bool:
    """In mid-motion, commanded by the policy."""
    fast = view.joint_velocity.size > 0 and float(np.abs(view.joint_velocity).max()) > MOTION_SPEED
    return fast and view.state.state == "ACTIVE" and view.episode not in ("success", "failed")


def approaching(view: View) -> bool:
    """In motion with an open gripper: the object still decides where the robot goes."""
    return moving(view) and float(view.joint_position[-1]) > GRIPPER_OPEN


def carrying(view: View) -> bool:
    """In motion with the gripper neither open nor empty nor moving."""
    low, high = GRIPPER_HOLDING
    return moving(view) and low < float(view.joint_position[-1]) < high and abs(float(view.joint_velocity[-1])) < 0.01


def _signal_policy(number: signal.Signals) -> Callable[[Session], None]:
    return lambda session: os.kill(session.pid("policy_node"), number)


FAULTS = {
    fault.name: fault
    for fault in (
        Fault(
            "policy_stopped",
            "the policy process is stopped with SIGSTOP while the robot carries the cube",
            inject=_signal_policy(signal.SIGSTOP),
            clear=_signal_policy(signal.SIGCONT),
            observable="chunk",
            reasons=("CHUNK_EXHAUSTED", "CHUNK_LATE"),
            when=carrying,
        ),
        Fault(
            "observation_nan",
            "the object tracker starts to publish NaN while the robot carries the cube",
            inject=lambda session: session.operator.call("corrupt_observation", True),
            clear=lambda session: session.operator.call("corrupt_observation", False),
            observable="nan",
            reasons=("OBSERVATION_NOT_FINITE",),
            when=carrying,
        ),
        Fault(
            "object_displaced",
            "the cube is moved out of the training distribution while the robot approaches it",
            inject=lambda session: session.operator.call("displace_object"),
            clear=lambda session: session.operator.call("restore_object"),
            observable="jump",
            reasons=("FAILURE_PREDICTED",),
            when=approaching,
        ),
    )
}


def run_fault(session: Session, fault: Fault, index: int, episode_timeout_s: float) -> FaultResult:
    """Start an episode, inject the fault in mid-motion, watch the reaction, clear the fault, recover, finish."""
    operator = session.operator
    if not _await_moment(session, fault, index, episode_timeout_s):
        return FaultResult(fault, operator.now_ns(), injected=False, final_state=operator.view.state.state)
    first = len(operator.view.events)
    result = FaultResult(fault, operator.now_ns())
    fault.inject(session)
    try:
        operator.wait_for(lambda v: v.state.state in STOPPING, REACTION_TIMEOUT_S, session.check_processes)
        if operator.view.state.state in STOPPING:
            session.wait_state("STOPPED", timeout_s=REACTION_TIMEOUT_S)
        operator.pause(SETTLED_S, session.check_processes)
    finally:
        fault.clear(session)
    result.settled_ns = operator.now_ns()
    result.events = operator.view.events[first:]
    result.final_state = operator.view.state.state
    result.recovered = _recover(session, index, episode_timeout_s)
    return result


def _await_moment(session: Session, fault: Fault, index: int, timeout_s: float) -> bool:
    """Start episodes until the robot is in the condition for the fault; False when that never happens."""
    when = fault.when if session.bundle.manifest.task == GRASPING_TASK else moving
    for _ in range(ATTEMPTS):
        began = start_episode(session)
        session.operator.wait_for(
            lambda v: when(v) or v.episode in ("success", "failed") or v.state.state in STOPPING,
            timeout_s,
            session.check_processes,
        )
        if when(session.operator.view):
            return True
        finish_episode(session, index, began, timeout_s)
    return False


def _recover(session: Session, index: int, timeout_s: float) -> bool:
    """Reset, enable and finish the episode; True when the task then succeeds."""
    operator = session.operator
    if operator.view.state.state != "STOPPED":
        session.disable()
        return False
    if not resume(session):
        return False
    return finish_episode(session, index, operator.now_ns(), timeout_s).success
