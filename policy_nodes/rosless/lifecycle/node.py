"""``rclpy.lifecycle.Node``: a node that others configure, activate, deactivate and shut down."""

from __future__ import annotations

import threading
import traceback
from typing import Any

from policy_nodes.rosless.exceptions import RCLError
from policy_nodes.rosless.idl import message_class
from policy_nodes.rosless.lifecycle.entities import LifecycleState, ManagedEntity, TransitionCallbackReturn
from policy_nodes.rosless.lifecycle.machine import STATES, LifecycleStateMachine, State, Transition
from policy_nodes.rosless.lifecycle.publisher import LifecyclePublisher
from policy_nodes.rosless.lifecycle.services import SERVICES, LifecycleServices
from policy_nodes.rosless.node import Node

TransitionEvent: Any = message_class("lifecycle_msgs/msg/TransitionEvent")

_CALLBACKS = {
    State.TRANSITION_STATE_CONFIGURING: "on_configure",
    State.TRANSITION_STATE_CLEANINGUP: "on_cleanup",
    State.TRANSITION_STATE_SHUTTINGDOWN: "on_shutdown",
    State.TRANSITION_STATE_ACTIVATING: "on_activate",
    State.TRANSITION_STATE_DEACTIVATING: "on_deactivate",
    State.TRANSITION_STATE_ERRORPROCESSING: "on_error",
}


class LifecycleNodeMixin(ManagedEntity):
    """Adds the lifecycle to a node; initialise it after the node itself.

    Args:
        enable_communication_interface: offer the five services and publish ``~/transition_event``.
        callback_group: group of the services, by default the node's own.
    """

    def __init__(self, *, enable_communication_interface: bool = True, callback_group: Any = None) -> None:
        if not isinstance(self, Node):
            raise RuntimeError("LifecycleNodeMixin uses Node fields so Node needs to be in the inheritance tree.")
        self._managed_entities: dict[ManagedEntity, None] = {}  # a dict keeps the order in which they were added
        self._transition_lock = threading.RLock()
        self._transition_event_publisher: Any = None
        self._state_machine = LifecycleStateMachine(self._publish_transition)
        if enable_communication_interface:
            self._transition_event_publisher = Node.create_publisher(self, TransitionEvent, "~/transition_event", 10)
            services = LifecycleServices(self._state_machine, self._change_state)
            for name, service in SERVICES.items():
                self.create_service(service, f"~/{name}", getattr(services, name), callback_group=callback_group)

    def _publish_transition(self, start: int, goal: int) -> None:
        """Announce a step; like rcl_lifecycle, fill in the states only."""
        if self._transition_event_publisher is not None:
            states = {"start_state": start, "goal_state": goal}
            self._transition_event_publisher.publish(
                TransitionEvent(**{key: State(id=value, label=STATES[value]) for key, value in states.items()})
            )

    def trigger_configure(self) -> TransitionCallbackReturn:
        """Configure: unconfigured to inactive."""
        return self._change_state(Transition.TRANSITION_CONFIGURE)

    def trigger_cleanup(self) -> TransitionCallbackReturn:
        """Clean up: inactive to unconfigured."""
        return self._change_state(Transition.TRANSITION_CLEANUP)

    def trigger_activate(self) -> TransitionCallbackReturn:
        """Activate: inactive to active."""
        return self._change_state(Transition.TRANSITION_ACTIVATE)

    def trigger_deactivate(self) -> TransitionCallbackReturn:
        """Deactivate: active to inactive."""
        return self._change_state(Transition.TRANSITION_DEACTIVATE)

    def trigger_shutdown(self) -> TransitionCallbackReturn:
        """Shut down from any primary state but finalized.

        Raises:
            RCLError: the node is finalized or in the middle of a transition.
        """
        try:
            return self._change_state(self._state_machine.get_transition_by_label("shutdown"))
        except RCLError:
            raise RCLError("Shutdown transition not possible") from None

    def add_managed_entity(self, entity: ManagedEntity) -> None:
        """Let the default callbacks of this node call those of ``entity``.

        Raises:
            TypeError: it is no managed entity.
        """
        if not isinstance(entity, ManagedEntity):
            raise TypeError("Expected a rclpy.lifecycle.ManagedEntity instance.")
        self._managed_entities[entity] = None

    def _call_entities(self, callback: str, state: LifecycleState) -> TransitionCallbackReturn:
        for entity in tuple(self._managed_entities):
            outcome = getattr(entity, callback)(state)
            if not isinstance(outcome, TransitionCallbackReturn):
                raise TypeError(f"{callback}() of {entity} should return a TransitionCallbackReturn, not {outcome!r}")
            if outcome is not TransitionCallbackReturn.SUCCESS:
                return outcome
        return TransitionCallbackReturn.SUCCESS

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Configure the managed entities up to the first that does not succeed; override and call it."""
        return self._call_entities("on_configure", state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Clean up the managed entities."""
        return self._call_entities("on_cleanup", state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Shut down the managed entities."""
        return self._call_entities("on_shutdown", state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Activate the managed entities."""
        return self._call_entities("on_activate", state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Deactivate the managed entities."""
        return self._call_entities("on_deactivate", state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Handle an error in a transition; success leads to unconfigured, anything else to finalized."""
        return self._call_entities("on_error", state)

    def create_lifecycle_publisher(self, msg_type: type, topic: str, qos_profile: Any, **kwargs: Any) -> Any:
        """Publisher that only publishes while the node is active; arguments as ``create_publisher``."""
        if "publisher_class" in kwargs:
            raise TypeError("create_publisher() got an unexpected keyword argument 'publisher_class'")
        made: Any = Node.create_publisher(
            self,  # type: ignore[arg-type]
            msg_type,
            topic,
            qos_profile,
            publisher_class=LifecyclePublisher,
            **kwargs,
        )
        self._managed_entities[made] = None
        return made

    def destroy_lifecycle_publisher(self, publisher: LifecyclePublisher) -> bool:
        """Destroy a lifecycle publisher; False if the node does not own it."""
        self._managed_entities.pop(publisher, None)
        node: Any = self
        return bool(node.destroy_publisher(publisher))

    def _call_back(self, before: LifecycleState) -> TransitionCallbackReturn:
        """Run the callback of the present transition state; an exception or a wrong return value is an error."""
        name = _CALLBACKS[self._state_machine.current_state[0]]
        node: Any = self
        try:
            outcome = getattr(self, name)(before)
        except Exception:
            # rclpy turns the exception into ERROR in silence; the reason must not get lost
            node.get_logger().error(f"{name}() raised:\n{traceback.format_exc()}")
            return TransitionCallbackReturn.ERROR
        if not isinstance(outcome, TransitionCallbackReturn):
            node.get_logger().error(f"{name}() returned {outcome!r} instead of a TransitionCallbackReturn")
            return TransitionCallbackReturn.ERROR
        return outcome

    def _change_state(self, transition_id: int) -> TransitionCallbackReturn:
        """Perform a transition with its callback, and error processing if that fails."""
        with self._transition_lock:
            node: Any = self
            machine = self._state_machine
            state_id, label = machine.current_state
            before = LifecycleState(label=label, state_id=state_id)
            try:
                machine.trigger_transition_by_id(transition_id)
            except RCLError:
                node.get_logger().error(f"Unable to start transition {transition_id} from current state {label}")
                return TransitionCallbackReturn.ERROR
            outcome = self._call_back(before)
            try:
                machine.trigger_transition_by_label(outcome.to_label())
                if outcome is TransitionCallbackReturn.ERROR:
                    machine.trigger_transition_by_label(self._call_back(before).to_label())
            except RCLError as error:  # the event cannot be published: the context was shut down meanwhile
                node.get_logger().error(f"Failed to complete transition {transition_id}: {error}")
                return TransitionCallbackReturn.ERROR
            return outcome


class LifecycleNode(LifecycleNodeMixin, Node):
    """A managed node.

    Args:
        node_name: its name.
        enable_communication_interface: offer the five services and publish ``~/transition_event``.
        kwargs: as for ``Node``.
    """

    def __init__(self, node_name: str, *, enable_communication_interface: bool = True, **kwargs: Any) -> None:
        Node.__init__(self, node_name, **kwargs)
        LifecycleNodeMixin.__init__(self, enable_communication_interface=enable_communication_interface)

    def destroy_node(self) -> None:
        """Destroy the node with everything it owns."""
        self._transition_event_publisher = None
        Node.destroy_node(self)
