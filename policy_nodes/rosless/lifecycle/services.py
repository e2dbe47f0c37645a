"""The five services of a lifecycle node under ``~/``: what they are called and how they answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from policy_nodes.rosless.exceptions import RCLError
from policy_nodes.rosless.idl import message_class, service_class
from policy_nodes.rosless.lifecycle.entities import TransitionCallbackReturn
from policy_nodes.rosless.lifecycle.machine import STATES, Edge, LifecycleStateMachine, State, Transition
from policy_nodes.rosless.logging import get_logger

TransitionDescription: Any = message_class("lifecycle_msgs/msg/TransitionDescription")

_TRANSITIONS = service_class("lifecycle_msgs/srv/GetAvailableTransitions")
SERVICES = {
    "change_state": service_class("lifecycle_msgs/srv/ChangeState"),
    "get_state": service_class("lifecycle_msgs/srv/GetState"),
    "get_available_states": service_class("lifecycle_msgs/srv/GetAvailableStates"),
    "get_available_transitions": _TRANSITIONS,
    "get_transition_graph": _TRANSITIONS,
}
"""Name under the node, which is also the method that answers it, to service class."""


def describe(edges: Iterable[Edge]) -> list[Any]:
    """Transitions as ``TransitionDescription`` messages."""
    return [
        TransitionDescription(
            transition=Transition(id=edge.id, label=edge.label),
            start_state=State(id=edge.start, label=STATES[edge.start]),
            goal_state=State(id=edge.goal, label=STATES[edge.goal]),
        )
        for edge in edges
    ]


class LifecycleServices:
    """Service callbacks.

    Args:
        machine: state machine of the node.
        change: performs a transition by number, callbacks included.
    """

    def __init__(self, machine: LifecycleStateMachine, change: Callable[[int], TransitionCallbackReturn]) -> None:
        self._machine, self._change = machine, change

    def change_state(self, request: Any, response: Any) -> Any:
        """Answer ``ChangeState``; a label, when given, counts more than the number.

        rclpy 7.1 lets the error of an impossible number out of ``spin``, which ends the node. Here a stranger's mistake
        is refused and reported: it must not end a node that guards a robot.
        """
        transition = request.transition
        try:
            number = self._machine.get_transition_by_label(transition.label) if transition.label else transition.id
            response.success = self._change(number) is TransitionCallbackReturn.SUCCESS
        except RCLError as error:
            get_logger("rosless").error(f"change_state refused: {error}")
            response.success = False
        return response

    def get_state(self, request: Any, response: Any) -> Any:
        """Answer ``GetState``."""
        response.current_state.id, response.current_state.label = self._machine.current_state
        return response

    def get_available_states(self, request: Any, response: Any) -> Any:
        """Answer ``GetAvailableStates``."""
        response.available_states = [State(id=key, label=label) for key, label in self._machine.available_states]
        return response

    def get_available_transitions(self, request: Any, response: Any) -> Any:
        """Answer ``GetAvailableTransitions`` for the present state."""
        response.available_transitions = describe(self._machine.available_transitions)
        return response

    def get_transition_graph(self, request: Any, response: Any) -> Any:
        """Answer ``GetAvailableTransitions`` with the whole graph."""
        response.available_transitions = describe(self._machine.transition_graph)
        return response
