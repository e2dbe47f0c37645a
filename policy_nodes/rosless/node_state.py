"""What a node keeps for itself, in one object, so that its author may use any attribute name that rclpy leaves free."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from policy_nodes.rosless import names
from policy_nodes.rosless.callback_groups import CallbackGroup, MutuallyExclusiveCallbackGroup
from policy_nodes.rosless.clock import ROSClock
from policy_nodes.rosless.context import Context
from policy_nodes.rosless.logging import RcutilsLogger, get_logger
from policy_nodes.rosless.names import RemapRule
from policy_nodes.rosless.wire.graph import Graph, LocalNode
from policy_nodes.rosless.wire.session import Session

if TYPE_CHECKING:
    from policy_nodes.rosless.client import Client
    from policy_nodes.rosless.guard_condition import GuardCondition
    from policy_nodes.rosless.publisher import Publisher
    from policy_nodes.rosless.service import Service
    from policy_nodes.rosless.subscription import Subscription
    from policy_nodes.rosless.timer import Timer


@dataclass
class NodeState:
    """Identity, middleware and entities of a node, kept in its attribute ``_rosless``.

    Attributes:
        context: the context it was created in.
        name: final name, remapped.
        namespace: final namespace, remapped.
        remaps: rules that apply to its topics and services.
        session: DDS participant of the context.
        graph_node: its entry in the graph.
        executor: weak reference to who runs its callbacks.
        destroyed: whether ``destroy_node`` was called.
    """

    context: Context
    name: str
    namespace: str
    remaps: list[RemapRule]
    session: Session
    graph_node: LocalNode
    logger: RcutilsLogger = field(init=False)
    clock: ROSClock = field(default_factory=ROSClock)
    rosout: Any = None
    time_source: Any = None
    executor: weakref.ref[Any] | None = None
    destroyed: bool = False
    default_callback_group: CallbackGroup = field(default_factory=MutuallyExclusiveCallbackGroup)
    publishers: list[Publisher] = field(default_factory=list)
    subscriptions: list[Subscription] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    timers: list[Timer] = field(default_factory=list)
    guards: list[GuardCondition] = field(default_factory=list)
    resolved: dict[tuple[str, bool, bool], str] = field(default_factory=dict)
    """Names once resolved: a node may ask for the same ones many times a second, and its rules never change."""

    def __post_init__(self) -> None:
        self.logger = get_logger(self.full_name[1:].replace("/", "."))

    @property
    def full_name(self) -> str:
        """Namespace and name."""
        return names.join(self.namespace, self.name)

    @property
    def graph(self) -> Graph:
        """The graph of the node's context."""
        return self.session.graph

    def current_executor(self) -> Any:
        """The executor that runs its callbacks, or None."""
        return self.executor() if self.executor is not None else None

    def forget_executor(self, executor: Any) -> None:
        """No longer belong to ``executor``."""
        if self.current_executor() is executor:
            self.executor = None

    def wake_executor(self) -> None:
        """Let the executor reconsider what to wait for."""
        executor = self.current_executor()
        if executor is not None:
            executor.wake()

    def resolve(self, name: str, *, only_expand: bool, is_service: bool) -> str:
        """Fully qualified topic or service name, remapped unless ``only_expand``."""
        key = (name, only_expand, is_service)
        if (known := self.resolved.get(key)) is not None:
            return known
        full = names.expand(name, self.name, self.namespace, is_service=is_service)
        if not only_expand:
            full = names.remap(full, self.remaps, self.name, self.namespace, is_service=is_service)
        self.resolved[key] = full
        return full

    def waitables(self) -> list[Any]:
        """Everything an executor waits for, in rclpy's order of execution."""
        owners: list[Publisher | Subscription] = [*self.publishers, *self.subscriptions]
        events = [handler for owner in owners for handler in owner.event_handlers]
        return [*events, *self.timers, *self.subscriptions, *self.guards, *self.clients, *self.services]

    def destroy_entities(self) -> None:
        """Destroy everything the node owns."""
        for owned in (self.timers, self.guards, self.services, self.clients, self.subscriptions, self.publishers):
            entities: list[Any] = list(owned)
            owned.clear()  # type: ignore[attr-defined]
            for entity in entities:
                entity.destroy()
