"""``rclpy.lifecycle.Node``: a node that others configure, activate, deactivate and shut down."""

from __future__ import annotations

from typing import Any

from policy_nodes.rosless.exceptions import RCLError
from policy_nodes.rosless.lifecycle.entities import LifecycleState, ManagedEntity, TransitionCallbackReturn
from policy_nodes.rosless.lifecycle.machine import Transition
from policy_nodes.rosless.lifecycle.publisher import LifecyclePublisher
from policy_nodes.rosless.lifecycle.services import SERVICES, LifecycleServices
from policy_nodes.rosless.lifecycle.transitions import TransitionEvent, Transitions
from policy_nodes.rosless.node import Node
from policy_nodes.rosless.reserved_names import LIFECYCLE_NAMES


class LifecycleNodeMixin(ManagedEntity):
    """Adds the lifecycle to a node; initialise it after the node itself.

    Args:
        enable_communication_interface: offer the five services; ``~/transition_event`` is always published, as in rcl.
        callback_group: group of the services, by default the node's own.
    """

    _rosless_reserved = LIFECYCLE_NAMES

    def __init__(self, *, enable_communication_interface: bool = True, callback_group: Any = None) -> None:
        if not isinstance(self, Node):
            raise RuntimeError("LifecycleNodeMixin uses Node fields so Node needs to be in the inheritance tree.")
        own = self._rosless_lifecycle = Transitions(self)
        own.event_publisher = Node.create_publisher(self, TransitionEvent, "~/transition_event", 10)
        if enable_communication_interface:
            services = LifecycleServices(own.machine, own.change)
            for name, service in SERVICES.items():
                self.create_service(service, f"~/{name}", getattr(services, name), callback_group=callback_group)

    def trigger_configure(self) -> TransitionCallbackReturn:
        """Configure: unconfigured to inactive; RCLError from any other state."""
        return self._rosless_lifecycle.change(Transition.TRANSITION_CONFIGURE)

    def trigger_cleanup(self) -> TransitionCallbackReturn:
        """Clean up: inactive to unconfigured; RCLError from any other state."""
        return self._rosless_lifecycle.change(Transition.TRANSITION_CLEANUP)

    def trigger_activate(self) -> TransitionCallbackReturn:
        """Activate: inactive to active; RCLError from any other state."""
        return self._rosless_lifecycle.change(Transition.TRANSITION_ACTIVATE)

    def trigger_deactivate(self) -> TransitionCallbackReturn:
        """Deactivate: active to inactive; RCLError from any other state."""
        return self._rosless_lifecycle.change(Transition.TRANSITION_DEACTIVATE)

    def trigger_shutdown(self) -> TransitionCallbackReturn:
        """Shut down from any primary state but finalized.

        Raises:
            RCLError: the node is finalized or in the middle of a transition.
        """
        try:
            return self._rosless_lifecycle.change(self._rosless_lifecycle.machine.get_transition_by_label("shutdown"))
        except RCLError:
            raise RCLError("Shutdown transition not possible") from None

    def add_managed_entity(self, entity: ManagedEntity) -> None:
        """Let the default callbacks of this node call those of ``entity``.

        Raises:
            TypeError: it is no managed entity.
        """
        if not isinstance(entity, ManagedEntity):
            raise TypeError("Expected a rclpy.lifecycle.ManagedEntity instance.")
        self._rosless_lifecycle.entities[entity] = None

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Configure the managed entities up to the first that does not succeed; override and call it."""
        return self._rosless_lifecycle.call_entities("on_configure", state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Clean up the managed entities."""
        return self._rosless_lifecycle.call_entities("on_cleanup", state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Shut down the managed entities."""
        return self._rosless_lifecycle.call_entities("on_shutdown", state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Activate the managed entities."""
        return self._rosless_lifecycle.call_entities("on_activate", state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Deactivate the managed entities."""
        return self._rosless_lifecycle.call_entities("on_deactivate", state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Handle an error in a transition; success leads to unconfigured, anything else to finalized."""
        return self._rosless_lifecycle.call_entities("on_error", state)

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
        self._rosless_lifecycle.entities[made] = None
        return made

    def destroy_lifecycle_publisher(self, publisher: LifecyclePublisher) -> bool:
        """Destroy a lifecycle publisher; False if the node does not own it."""
        self._rosless_lifecycle.entities.pop(publisher, None)
        node: Any = self
        return bool(node.destroy_publisher(publisher))


class LifecycleNode(LifecycleNodeMixin, Node):
    """A managed node.

    Args:
        node_name: its name.
        enable_communication_interface: offer the five services; ``~/transition_event`` is always published, as in rcl.
        kwargs: as for ``Node``.
    """

    def __init__(self, node_name: str, *, enable_communication_interface: bool = True, **kwargs: Any) -> None:
        Node.__init__(self, node_name, **kwargs)
        LifecycleNodeMixin.__init__(self, enable_communication_interface=enable_communication_interface)

    def destroy_node(self) -> None:
        """Destroy the node with everything it owns."""
        self._rosless_lifecycle.event_publisher = None
        Node.destroy_node(self)
