"""The part of ``rclpy.node.Node`` that makes, lists and destroys what the node owns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from policy_nodes.rosless.callback_groups import CallbackGroup, ReentrantCallbackGroup
from policy_nodes.rosless.client import Client
from policy_nodes.rosless.clock import Clock
from policy_nodes.rosless.errors import unsupported
from policy_nodes.rosless.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from policy_nodes.rosless.guard_condition import GuardCondition
from policy_nodes.rosless.idl import rihs01
from policy_nodes.rosless.node_state import NodeState
from policy_nodes.rosless.publisher import Publisher
from policy_nodes.rosless.qos import QoSProfile, qos_profile_services_default
from policy_nodes.rosless.service import Service
from policy_nodes.rosless.subscription import Subscription
from policy_nodes.rosless.timer import Rate, Timer
from policy_nodes.rosless.wire.endpoints import Reader, Writer
from policy_nodes.rosless.wire.request_header import identity
from policy_nodes.rosless.wire.types import idl_struct


def _profile(qos_or_depth: QoSProfile | int) -> QoSProfile:
    """Profile, or the KEEP_LAST one of a depth."""
    if isinstance(qos_or_depth, QoSProfile):
        return qos_or_depth
    if isinstance(qos_or_depth, bool) or not isinstance(qos_or_depth, int):
        raise TypeError(f"Expected QoSProfile or int, but received {type(qos_or_depth)!r}")
    if qos_or_depth < 0:
        raise ValueError("history depth must be greater than or equal to zero")
    return QoSProfile(depth=qos_or_depth)


def _wire_topic(topic: str, qos: QoSProfile) -> str:
    return topic if qos.avoid_ros_namespace_conventions else "rt" + topic


def _service_ends(own: NodeState, srv_type: Any, full: str, qos: QoSProfile, is_server: bool) -> tuple[Reader, Writer]:
    """Reader and writer of a service end; both announce one identity, so that peers can tell pairs."""
    owner = f"{'serviceid' if is_server else 'clientid'}={identity(own.session.new_identity())};"
    request = (f"rq{full}Request", srv_type.Request)
    reply = (f"rr{full}Reply", srv_type.Response)
    (writes, write_type), (reads, read_type) = (reply, request) if is_server else (request, reply)
    writer = Writer(own.session, writes, idl_struct(write_type, True), qos, f"{owner}typehash={rihs01(write_type)};")
    reader = Reader(own.session, reads, idl_struct(read_type, True), qos, f"{owner}typehash={rihs01(read_type)};")
    own.graph.update(own.graph_node, add=(reader, writer))
    return reader, writer


def _drop(own: NodeState, owned: Sequence[Any], entity: Any, *endpoints: Reader | Writer) -> bool:
    if entity not in owned:
        return False
    owned.remove(entity)  # type: ignore[attr-defined]
    if endpoints:
        own.graph.update(own.graph_node, remove=endpoints)
    entity.destroy()
    own.wake_executor()
    return True


class EntityNode:
    """What a node owns; mixed into Node, which provides names, logger and the DDS session."""

    _rosless: NodeState
    resolve_topic_name: Callable[..., str]
    resolve_service_name: Callable[..., str]

    @property
    def default_callback_group(self) -> CallbackGroup:
        """Group of everything created without one; mutually exclusive."""
        return self._rosless.default_callback_group

    @property
    def publishers(self) -> Iterator[Publisher]:
        """Its publishers."""
        yield from list(self._rosless.publishers)

    @property
    def subscriptions(self) -> Iterator[Subscription]:
        """Its subscriptions."""
        yield from list(self._rosless.subscriptions)

    @property
    def clients(self) -> Iterator[Client]:
        """Its clients."""
        yield from list(self._rosless.clients)

    @property
    def services(self) -> Iterator[Service]:
        """Its services."""
        yield from list(self._rosless.services)

    @property
    def timers(self) -> Iterator[Timer]:
        """Its timers."""
        yield from list(self._rosless.timers)

    @property
    def guards(self) -> Iterator[GuardCondition]:
        """Its guard conditions."""
        yield from list(self._rosless.guards)

    # Making

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
        own = self._rosless
        if qos_overriding_options is not None:
            raise unsupported("create_publisher(qos_overriding_options=...)")
        qos, full = _profile(qos_profile), self.resolve_topic_name(topic)
        user_data = f"typehash={rihs01(msg_type)};"
        writer = Writer(own.session, _wire_topic(full, qos), idl_struct(msg_type), qos, user_data)
        publisher = publisher_class(writer, msg_type, full, qos, self)
        group = callback_group or own.default_callback_group
        events = event_callbacks or PublisherEventCallbacks()
        publisher.event_handlers = events.create_event_handlers(group, writer, full, own.logger.name)
        own.publishers.append(publisher)
        own.graph.update(own.graph_node, add=(writer,))
        own.wake_executor()
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
    ) -> Subscription:
        """Create a subscription; arguments as in :meth:`create_publisher`, and:

        Args:
            callback: called with each message, and with a dict of timestamps when it takes two arguments.
            raw: the callback gets the serialised message (``bytes``).
        """
        own = self._rosless
        if qos_overriding_options is not None:
            raise unsupported("create_subscription(qos_overriding_options=...)")
        qos, full = _profile(qos_profile), self.resolve_topic_name(topic)
        user_data = f"typehash={rihs01(msg_type)};"
        group = callback_group or own.default_callback_group
        reader = Reader(own.session, _wire_topic(full, qos), idl_struct(msg_type), qos, user_data)
        subscription = Subscription(reader, msg_type, full, callback, group, qos, self, raw)
        events = event_callbacks or SubscriptionEventCallbacks()
        subscription.event_handlers = events.create_event_handlers(group, reader, full, own.logger.name)
        group.add_entity(subscription)
        own.subscriptions.append(subscription)
        own.graph.update(own.graph_node, add=(reader,))
        own.wake_executor()
        return subscription

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
        own = self._rosless
        full = self.resolve_service_name(srv_name)
        group = callback_group or own.default_callback_group
        reader, writer = _service_ends(own, srv_type, full, qos_profile, True)
        service = Service(reader, writer, srv_type, full, callback, group, qos_profile, self)
        group.add_entity(service)
        own.services.append(service)
        own.wake_executor()
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
        own = self._rosless
        full = self.resolve_service_name(srv_name)
        group = callback_group or own.default_callback_group
        reader, writer = _service_ends(own, srv_type, full, qos_profile, False)
        client = Client(own.context, reader, writer, srv_type, full, qos_profile, group)
        client._executor = own.current_executor
        group.add_entity(client)
        own.clients.append(client)
        own.wake_executor()
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
        own = self._rosless
        group = callback_group or own.default_callback_group
        period_ns = int(float(timer_period_sec) * 1e9)
        timer = Timer(callback, group, period_ns, clock or own.clock, context=own.context, autostart=autostart)
        timer._wake = own.wake_executor
        group.add_entity(timer)
        own.timers.append(timer)
        own.wake_executor()
        return timer

    def create_guard_condition(
        self, callback: Callable[[], Any], callback_group: CallbackGroup | None = None
    ) -> GuardCondition:
        """Create a guard condition whose trigger runs ``callback`` in the executor."""
        own = self._rosless
        group = callback_group or own.default_callback_group
        guard = GuardCondition(callback, group, own.context)
        group.add_entity(guard)
        own.guards.append(guard)
        own.wake_executor()
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
        return Rate(timer, context=self._rosless.context)

    # Destroying

    def destroy_publisher(self, publisher: Publisher) -> bool:
        """Destroy a publisher; False when it is not this node's."""
        own = self._rosless
        return _drop(own, own.publishers, publisher, publisher._writer)

    def destroy_subscription(self, subscription: Subscription) -> bool:
        """Destroy a subscription; False when it is not this node's."""
        own = self._rosless
        return _drop(own, own.subscriptions, subscription, subscription._reader)

    def destroy_client(self, client: Client) -> bool:
        """Destroy a client; False when it is not this node's."""
        own = self._rosless
        return _drop(own, own.clients, client, client._reader, client._writer)

    def destroy_service(self, service: Service) -> bool:
        """Destroy a service; False when it is not this node's."""
        own = self._rosless
        return _drop(own, own.services, service, service._reader, service._writer)

    def destroy_timer(self, timer: Timer) -> bool:
        """Destroy a timer; False when it is not this node's."""
        own = self._rosless
        return _drop(own, own.timers, timer)

    def destroy_guard_condition(self, guard: GuardCondition) -> bool:
        """Destroy a guard condition; False when it is not this node's."""
        own = self._rosless
        return _drop(own, own.guards, guard)

    def destroy_rate(self, rate: Rate) -> bool:
        """Destroy a rate; False when it is not this node's."""
        rate.destroy()
        return self.destroy_timer(rate._timer)
