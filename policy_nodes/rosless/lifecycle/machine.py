"""The lifecycle state machine of managed nodes (design.ros2.org, "Managed nodes"), as rcl_lifecycle registers it.

Five primary states, six transition states and twenty-five transitions, in rcl_lifecycle's order, which is the order
in which ``ros2 lifecycle list`` shows them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from policy_nodes.rosless.exceptions import RCLError
from policy_nodes.rosless.idl import message_class

State: Any = message_class("lifecycle_msgs/msg/State")
Transition: Any = message_class("lifecycle_msgs/msg/Transition")

SUCCESS, FAILURE, ERROR = "transition_success", "transition_failure", "transition_error"


@dataclass(frozen=True)
class Edge:
    """A transition: number, label, and the numbers of its states."""

    id: int
    label: str
    start: int
    goal: int


STATES: dict[int, str] = {
    State.PRIMARY_STATE_UNKNOWN: "unknown",
    State.PRIMARY_STATE_UNCONFIGURED: "unconfigured",
    State.PRIMARY_STATE_INACTIVE: "inactive",
    State.PRIMARY_STATE_ACTIVE: "active",
    State.PRIMARY_STATE_FINALIZED: "finalized",
    State.TRANSITION_STATE_CONFIGURING: "configuring",
    State.TRANSITION_STATE_CLEANINGUP: "cleaningup",
    State.TRANSITION_STATE_SHUTTINGDOWN: "shuttingdown",
    State.TRANSITION_STATE_ACTIVATING: "activating",
    State.TRANSITION_STATE_DEACTIVATING: "deactivating",
    State.TRANSITION_STATE_ERRORPROCESSING: "errorprocessing",
}
"""State number to label."""


def _edges() -> tuple[Edge, ...]:
    number = {label: key for key, label in STATES.items()}
    # transition, during it, its start, after success, after failure; the constants are named after the transition
    rows = (
        ("configure", "configuring", "unconfigured", "inactive", "unconfigured"),
        ("cleanup", "cleaningup", "inactive", "unconfigured", "inactive"),
        ("activate", "activating", "inactive", "active", "inactive"),
        ("deactivate", "deactivating", "active", "inactive", "active"),
    )
    edges = []

    def outcomes(name: str, during: str, success: str, failure: str, error: str) -> None:
        for label, goal in ((SUCCESS, success), (FAILURE, failure), (ERROR, error)):
            constant = f"TRANSITION_ON_{name.upper()}_{label.split('_')[1].upper()}"
            edges.append(Edge(getattr(Transition, constant), label, number[during], number[goal]))

    for name, during, start, success, failure in rows:
        edges.append(Edge(getattr(Transition, f"TRANSITION_{name.upper()}"), name, number[start], number[during]))
        outcomes(name, during, success, failure, "errorprocessing")
    for start in ("unconfigured", "inactive", "active"):
        constant = getattr(Transition, f"TRANSITION_{start.upper()}_SHUTDOWN")
        edges.append(Edge(constant, "shutdown", number[start], number["shuttingdown"]))
    outcomes("shutdown", "shuttingdown", "finalized", "finalized", "errorprocessing")
    outcomes("error", "errorprocessing", "unconfigured", "finalized", "finalized")
    return tuple(edges)


EDGES: tuple[Edge, ...] = _edges()
"""Every transition."""


class LifecycleStateMachine:
    """Where a node is and where it may go; tells a listener about every step.

    Args:
        notify: called with the numbers of the old and the new state after each step.
    """

    def __init__(self, notify: Callable[[int, int], None] | None = None) -> None:
        self._state: int = State.PRIMARY_STATE_UNCONFIGURED
        self._notify = notify
        self.initialized = True

    @property
    def current_state(self) -> tuple[int, str]:
        """Number and label of the present state."""
        return self._state, STATES[self._state]

    @property
    def available_states(self) -> list[tuple[int, str]]:
        """Number and label of every state."""
        return list(STATES.items())

    @property
    def available_transitions(self) -> list[Edge]:
        """Transitions out of the present state."""
        return [edge for edge in EDGES if edge.start == self._state]

    @property
    def transition_graph(self) -> list[Edge]:
        """Every transition."""
        return list(EDGES)

    def get_transition_by_label(self, label: str) -> int:
        """Number of a transition out of the present state.

        Raises:
            RCLError: there is none with this label.
        """
        return self._find(lambda edge: edge.label == label, label).id

    def trigger_transition_by_id(self, transition_id: int) -> None:
        """Step along a transition out of the present state; RCLError if there is none with this number."""
        self._step(self._find(lambda edge: edge.id == transition_id, str(transition_id)))

    def trigger_transition_by_label(self, label: str) -> None:
        """Step along a transition out of the present state; RCLError if there is none with this label."""
        self._step(self._find(lambda edge: edge.label == label, label))

    def _find(self, wanted: Callable[[Edge], bool], name: str) -> Edge:
        for edge in self.available_transitions:
            if wanted(edge):
                return edge
        raise RCLError(f"Transition is not registered: no transition {name} from state {STATES[self._state]}")

    def _step(self, edge: Edge) -> None:
        self._state = edge.goal
        if self._notify is not None:
            self._notify(edge.start, edge.goal)
