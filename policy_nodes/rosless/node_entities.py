"""The part of ``rclpy.node.Node`` that makes, lists and destroys what the node owns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from policy_nodes.rosless.callback_groups import CallbackGroup, MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from policy_nodes.rosless.client import Client
from policy_nodes.rosless.clock import Clock, ROSClock
from policy_nodes.rosless.context import Context
from policy_nodes.rosless.errors import unsupported
from policy_nodes.rosless.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from policy_nodes.rosless.guard_condition import GuardCondition
from policy_nodes.rosless.idl import rihs01
from policy_nodes.rosless.logging import RcutilsLogger
from policy_nodes.rosless.publisher import Publisher
from policy_nodes.rosless.qos import QoSProfile, qos_profile_services_default
from policy_nodes.rosless.service import Service
from policy_nodes.rosless.subscription import Subscription
from policy_nodes.rosless.timer import Rate, Timer
from policy_nodes.rosless.wire.endpoints import Reader, Writer
from policy_nodes.rosless.wire.graph import Graph, LocalNode
from policy_nodes.rosless.wire.request_header import identity
from policy_nodes.rosless.wire.session import Session
from policy_nodes.rosless.wire.types import idl_struct


class EntityNode:
    """What a node owns; mixed into Node, which provides names, logger and the DDS session."""

    _context: Context
    _session: Session
    _graph: Graph
    _graph_node: LocalNode
    _logger: RcutilsLogger
    _clock: ROSClock
    executor: Any
    resolve_topic_name: Callable[..., str]
    resolve_service_name: Callable[..., str]

    def _init_entities(self) -> None:
        """Start with nothing."""
        self._publishers: list[Publisher] = []
        self._subscriptions: list[Subscription] = []
        self._clients: list[Client] = []
        self._services: list[Service] = []
        self._timers: list[Timer] = []
        self._guards: list[GuardCondition] = []
        self._default_callback_group = MutuallyExclusiveCallbackGroup()

    @property
    def default_callback_group(self) -> CallbackGroup:
        """Group of everything created without one; mutually exclusive."""
        return self._default_callback_group

    def _wake_executor(self) -> None:
        executor = self.executor
        if executor is not None:
            executor.wake()

    @property
    def publishers(self) -> Iterator[Publisher]:
        """Its publishers."""
        yield from list(self._publishers)

    @property
    def subscriptions(self) -> Iterator[Subscription]:
        """Its subscriptions."""
        yield from list(self._subscriptions)

    @property
    def clients(self) -> Iterator[Client]:
        """Its clients."""
        yield from list(self._clients)

    @property
    def services(self) -> Iterator[Service]:
        """Its services."""
        yield from list(self._services)

    @property
    def timers(self) -> Iterator[Timer]:
        """Its timers."""
        yield from list(self._timers)

    @property
    def guards(self) -> Iterator[GuardCondition]:
        """Its guard conditions."""
        yield from list(self._guards)

    def _waitables(self) -> list[Any]:
        """Everything an executor waits for, in rclpy's order of execution."""
        owners: list[Publisher | Subscription] = [*self._publishers, *self._subscriptions]
        events = [handler for owner in owners for handler in owner.event_handlers]
        return [*events, *self._timers, *self._subscriptions, *self._guards, *self._clients, *self._services]

    # Making

    def _qos(self, qos_or_depth: QoSProfile | int) -> QoSProfile:
        if isinstance(qos_or_depth, QoSProfile):
            return qos_or_depth
        if isinstance(qos_or_depth, bool) or not isinstance(qos_or_depth, int):
            raise TypeError(f"Expected QoSProfile or int, but received {type(qos_or_depth)!r}")
        if qos_or_depth < 0:
            raise ValueError("history depth must be greater than or equal to zero")
        return QoSProfile(depth=qos_or_depth)

    def _wire_topic(self, topic: str, qos: QoSProfile) -> str:
        return topic if qos.avoid_ros_namespace_conventions else "rt" + topic

    def create_publisher(
        self,
        msg_type: type,
        topic: str,
        qos_profile: QoSProfile | int,
        *,
        callback_group: CallbackGroup | None = None,
        event_callbacks: PublisherEventCallbacks | None = None,
        qos_overriding_options: Any = None,
        publisher_class: type[Publisher] = Publisher,
    ) -> Publisher:
        """Create a publisher.

        Args:
            msg_type: message class.
            topic: name; relative to the namespace, private with ``~/``.
            qos_profile: profile, or the depth of a KEEP_LAST one.
            callback_group: of event callbacks.
            event_callbacks: what to call on deadline, liveliness and incompatible QoS.
            qos_overriding_options: not supported.
            publisher_class: class of the result.
        """
        if qos_overriding_options is not None:
            raise unsupported("create_publisher(qos_overriding_options=...)")
        qos, full = self._qos(qos_profile), self.resolve_topic_name(topic)
        user_data = f"typehash={rihs01(msg_type)};"
        writer = Writer(self._session, self._wire_topic(full, qos), idl_struct(msg_type), qos, user_data)
        publisher = publisher_class(writer, msg_type, full, qos, self)
        group = callback_group or self._default_callback_group
        events = event_callbacks or PublisherEventCallbacks()
        publisher.event_handlers = events.create_event_handlers(group, writer, full, self._logger.name)
        self._publishers.append(publisher)
        self._graph.update(self._graph_node, add=(writer,))
        self._wake_executor()
        return publisher

    def create_subscription(
        self,
        msg_type: type,
        topic: str,
        callback: Callable[..., Any],
        qos_profile: QoSProfile | int,
        *,
        callback_group: CallbackGroup | None = None,
        event_callbacks: SubscriptionEventCallbacks | None = None,
        qos_overriding_options: Any = None,
        raw: bool = False,
        content_filter_options: Any = None,
    ) -> Subscription:
        """Create a subscription; arguments as in :meth:`create_publisher`, and:

        Args:
            callback: called with each message, and with a dict of timestamps when it takes two arguments.
            raw: not supported.
            content_filter_options: not supported.
        """
        if qos_overriding_options is not None or raw or content_filter_options is not None:
            raise unsupported("create_subscription with qos_overriding_options, raw or content_filter_options")
        qos, full = self._qos(qos_profile), self.resolve_topic_name(topic)
        user_data = f"typehash={rihs01(msg_type)};"
        group = callback_group or self._default_callback_group
        reader = Reader(self._session, self._wire_topic(full, qos), idl_struct(msg_type), qos, user_data)
        subscription = Subscription(reader, msg_type, full, callback, group, qos, self)
        events = event_callbacks or SubscriptionEventCallbacks()
        subscription.event_handlers = events.create_event_handlers(group, reader, full, self._logger.name)
        group.add_entity(subscription)
        self._subscriptions.append(subscription)
        self._graph.update(self._graph_node, add=(reader,))
        self._wake_executor()
        return subscription

    def _service_ends(self, srv_type: Any, full: str, qos: QoSProfile, is_server: bool) -> tuple[Reader, Writer]:
        """Reader and writer of a service end; both announce one identity, so that peers can tell pairs."""
        owner = f"{'serviceid' if is_server else 'clientid'}={identity(self._session.new_identity())};"
        request = (f"rq{full}Request", srv_type.Request)
        reply = (f"rr{full}Reply", srv_type.Response)
        (writes, write_type), (reads, read_type) = (reply, request) if is_server else (request, reply)
        writer = Writer(
            self._session, writes, idl_struct(write_type, True), qos, f"{owner}typehash={rihs01(write_type)};"
        )
        reader = Reader(self._session, reads, idl_struct(read_type, True), qos, f"{owner}typehash={rihs01(read_type)};")
        self._graph.update(self._graph_node, add=(reader, writer))
        return reader, writer

    def create_service(
        self,
        srv_type: Any,
        srv_name: str,
        callback: Callable[[Any, Any], Any],
        *,
        qos_profile: QoSProfile = qos_profile_services_default,
        callback_group: CallbackGroup | None = None,
    ) -> Service:
        """Create a service server.

        Args:
            srv_type: service class.
            srv_name: name; relative to the namespace, private with ``~/``.
            callback: ``callback(request, response) -> response``.
            qos_profile: of both directions.
            callback_group: of the callback.
        """
        full = self.resolve_service_name(srv_name)
        group = callback_group or self._default_callback_group
        reader, writer = self._service_ends(srv_type, full, qos_profile, True)
        service = Service(reader, writer, srv_type, full, callback, group, qos_profile, self)
        group.add_entity(service)
        self._services.append(service)
        self._wake_executor()
        return service

    def create_client(
        self,
        srv_type: Any,
        srv_name: str,
        *,
        qos_profile: QoSProfile = qos_profile_services_default,
        callback_group: CallbackGroup | None = None,
    ) -> Client:
        """Create a service client; arguments as in :meth:`create_service`."""
        full = self.resolve_service_name(srv_name)
        group = callback_group or self._default_callback_group
        reader, writer = self._service_ends(srv_type, full, qos_profile, False)
        client = Client(self._context, reader, writer, srv_type, full, qos_profile, group)
        client._executor = lambda: self.executor
        group.add_entity(client)
        self._clients.append(client)
        self._wake_executor()
        return client

    def create_timer(
        self,
        timer_period_sec: float,
        callback: Callable[[], Any] | None,
        callback_group: CallbackGroup | None = None,
        clock: Clock | None = None,
        autostart: bool = True,
    ) -> Timer:
        """Create a timer.

        Args:
            timer_period_sec: period, s.
            callback: called at each expiry.
            callback_group: of the callback.
            clock: the node's ROS clock when None.
            autostart: False leaves it cancelled until ``reset()``.
        """
        group = callback_group or self._default_callback_group
        period_ns = int(float(timer_period_sec) * 1e9)
        timer = Timer(callback, group, period_ns, clock or self._clock, context=self._context, autostart=autostart)
        timer._wake = self._wake_executor
        group.add_entity(timer)
        self._timers.append(timer)
        self._wake_executor()
        return timer

    def create_guard_condition(
        self, callback: Callable[[], Any], callback_group: CallbackGroup | None = None
    ) -> GuardCondition:
        """Create a guard condition whose trigger runs ``callback`` in the executor."""
        group = callback_group or self._default_callback_group
        guard = GuardCondition(callback, group, self._context)
        group.add_entity(guard)
        self._guards.append(guard)
        self._wake_executor()
        return guard

    def create_rate(self, frequency: float, clock: Clock | None = None) -> Rate:
        """Create a rate.

        Args:
            frequency: Hz.
            clock: the node's ROS clock when None.

        Raises:
            ValueError: frequency not positive.
        """
        if frequency <= 0:
            raise ValueError("frequency must be > 0")
        timer = self.create_timer(1.0 / frequency, None, ReentrantCallbackGroup(), clock)
        return Rate(timer, context=self._context)

    # Destroying

    def _drop(self, owned: Sequence[Any], entity: Any, *endpoints: Reader | Writer) -> bool:
        if entity not in owned:
            return False
        owned.remove(entity)  # type: ignore[attr-defined]
        if endpoints:
            self._graph.update(self._graph_node, remove=endpoints)
        entity.destroy()
        self._wake_executor()
        return True

    def destroy_publisher(self, publisher: Publisher) -> bool:
        """Destroy a publisher; False when it is not this node's."""
        return self._drop(self._publishers, publisher, publisher._writer)

    def destroy_subscription(self, subscription: Subscription) -> bool:
        """Destroy a subscription; False when it is not this node's."""
        return self._drop(self._subscriptions, subscription, subscription._reader)

    def destroy_client(self, client: Client) -> bool:
        """Destroy a client; False when it is not this node's."""
        return self._drop(self._clients, client, client._reader, client._writer)

    def destroy_service(self, service: Service) -> bool:
        """Destroy a service; False when it is not this node's."""
        return self._drop(self._services, service, service._reader, service._writer)

    def destroy_timer(self, timer: Timer) -> bool:
        """Destroy a timer; False when it is not this node's."""
        return self._drop(self._timers, timer)

    def destroy_guard_condition(self, guard: GuardCondition) -> bool:
        """Destroy a guard condition; False when it is not this node's."""
        return self._drop(self._guards, guard)

    def destroy_rate(self, rate: Rate) -> bool:
        """Destroy a rate; False when it is not this node's."""
        rate.destroy()
        return self.destroy_timer(rate._timer)

    def _destroy_all(self) -> None:
        """Destroy everything the node owns."""
        for owned in (self._timers, self._guards, self._services, self._clients, self._subscriptions, self._publishers):
            entities: list[Any] = list(owned)
            owned.clear()  # type: ignore[attr-defined]
            for entity in entities:
                entity.destroy()
