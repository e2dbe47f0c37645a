"""Carries out a node's transitions: step the machine, call the node back, handle what goes wrong, announce it."""

from __future__ import annotations

import threading
import traceback
from typing import Any

from policy_nodes.rosless.exceptions import RCLError
from policy_nodes.rosless.idl import message_class
from policy_nodes.rosless.lifecycle.entities import LifecycleState, ManagedEntity, TransitionCallbackReturn
from policy_nodes.rosless.lifecycle.machine import STATES, LifecycleStateMachine, State

TransitionEvent: Any = message_class("lifecycle_msgs/msg/TransitionEvent")

_CALLBACKS = {
    State.TRANSITION_STATE_CONFIGURING: "on_configure",
    State.TRANSITION_STATE_CLEANINGUP: "on_cleanup",
    State.TRANSITION_STATE_SHUTTINGDOWN: "on_shutdown",
    State.TRANSITION_STATE_ACTIVATING: "on_activate",
    State.TRANSITION_STATE_DEACTIVATING: "on_deactivate",
    State.TRANSITION_STATE_ERRORPROCESSING: "on_error",
}


class Transitions:
    """The lifecycle of one node, kept in its attribute ``_rosless_lifecycle``.

    Args:
        node: has the callbacks ``on_configure`` and so on.

    Attributes:
        machine: present state.
        entities: managed entities; a dict keeps the order in which they were added.
        event_publisher: of ``~/transition_event``, or None.
    """

    def __init__(self, node: Any) -> None:
        self._node = node
        self._lock = threading.RLock()
        self.machine = LifecycleStateMachine(self._announce)
        self.entities: dict[ManagedEntity, None] = {}
        self.event_publisher: Any = None

    def _announce(self, start: int, goal: int) -> None:
        """Announce a step; like rcl_lifecycle, fill in the states only."""
        if self.event_publisher is not None:
            states = {"start_state": start, "goal_state": goal}
            self.event_publisher.publish(
                TransitionEvent(**{key: State(id=value, label=STATES[value]) for key, value in states.items()})
            )

    def call_entities(self, callback: str, state: LifecycleState) -> TransitionCallbackReturn:
        """Call the managed entities up to the first that does not succeed.

        Raises:
            TypeError: one returned something else.
        """
        for entity in tuple(self.entities):
            outcome = getattr(entity, callback)(state)
            if not isinstance(outcome, TransitionCallbackReturn):
                raise TypeError(f"{callback}() of {entity} should return a TransitionCallbackReturn, not {outcome!r}")
            if outcome is not TransitionCallbackReturn.SUCCESS:
                return outcome
        return TransitionCallbackReturn.SUCCESS

    def _call_back(self, before: LifecycleState) -> TransitionCallbackReturn:
        """Run the callback of the present transition state; an exception or a wrong return value is an error."""
        name = _CALLBACKS[self.machine.current_state[0]]
        try:
            outcome = getattr(self._node, name)(before)
        except Exception:
            # rclpy turns the exception into ERROR in silence; the reason must not get lost
            self._node.get_logger().error(f"{name}() raised:\n{traceback.format_exc()}")
            return TransitionCallbackReturn.ERROR
        if not isinstance(outcome, TransitionCallbackReturn):
            self._node.get_logger().error(f"{name}() returned {outcome!r} instead of a TransitionCallbackReturn")
            return TransitionCallbackReturn.ERROR
        return outcome

    def change(self, transition_id: int) -> TransitionCallbackReturn:
        """Perform a transition with its callback, and error processing if that fails.

        Raises:
            RCLError: the transition does not lead out of the present state.
        """
        with self._lock:
            logger = self._node.get_logger()
            state_id, label = self.machine.current_state
            before = LifecycleState(label=label, state_id=state_id)
            self.machine.trigger_transition_by_id(transition_id)
            outcome = self._call_back(before)
            try:
                self.machine.trigger_transition_by_label(outcome.to_label())
                if outcome is TransitionCallbackReturn.ERROR:
                    self.machine.trigger_transition_by_label(self._call_back(before).to_label())
            except RCLError as error:  # the event cannot be published: the context was shut down meanwhile
                logger.error(f"Failed to complete transition {transition_id}: {error}")
                return TransitionCallbackReturn.ERROR
            return outcome
