"""``rclpy.node``: a node and what it owns."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from policy_nodes.rosless import names
from policy_nodes.rosless.arguments import merge, parse
from policy_nodes.rosless.callback_groups import CallbackGroup, MutuallyExclusiveCallbackGroup
from policy_nodes.rosless.client import Client
from policy_nodes.rosless.clock import Clock, ROSClock
from policy_nodes.rosless.context import Context
from policy_nodes.rosless.errors import unsupported
from policy_nodes.rosless.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from policy_nodes.rosless.exceptions import NotInitializedException
from policy_nodes.rosless.guard_condition import GuardCondition
from policy_nodes.rosless.idl import rihs01
from policy_nodes.rosless.logging import RcutilsLogger, get_logger
from policy_nodes.rosless.node_graph import GraphNode, NodeNameNonExistentError
from policy_nodes.rosless.node_parameters import parameters_of_node
from policy_nodes.rosless.parameters import Parameter, ParameterNode
from policy_nodes.rosless.publisher import Publisher
from policy_nodes.rosless.qos import QoSProfile, qos_profile_services_default
from policy_nodes.rosless.rosout import RosoutPublisher
from policy_nodes.rosless.service import Service
from policy_nodes.rosless.subscription import Subscription
from policy_nodes.rosless.time_source import TimeSource
from policy_nodes.rosless.timer import Rate, Timer
from policy_nodes.rosless.utilities import get_default_context
from policy_nodes.rosless.wire.endpoints import Reader, Writer
from policy_nodes.rosless.wire.request_header import identity
from policy_nodes.rosless.wire.types import idl_struct


class Node(ParameterNode, GraphNode):
    """A ROS node.

    Args:
        node_name: its name, unless remapped.
        context: default when None.
        cli_args: further ``--ros-args`` arguments of this node alone; they win over the process's.
        namespace: its namespace, unless remapped.
        use_global_arguments: heed the process's ``--ros-args``.
        enable_rosout: publish its logs on /rosout.
        start_parameter_services: offer the six parameter services.
        parameter_overrides: initial values; they win over files and command line.
        allow_undeclared_parameters: permit setting parameters that were not declared.
        automatically_declare_parameters_from_overrides: declare every override.
        enable_logger_service: not supported.

    Raises:
        NotInitializedException: ``rclpy.init()`` was not called.
        InvalidNodeNameException, InvalidNamespaceException: a bad name.
        DomainError: the DDS domain cannot be opened.
    """

    def __init__(
        self,
        node_name: str,
        *,
        context: Context | None = None,
        cli_args: list[str] | None = None,
        namespace: str | None = None,
        use_global_arguments: bool = True,
        enable_rosout: bool = True,
        start_parameter_services: bool = True,
        parameter_overrides: list[Parameter] | None = None,
        allow_undeclared_parameters: bool = False,
        automatically_declare_parameters_from_overrides: bool = False,
        enable_logger_service: bool = False,
    ) -> None:
        self._context = context or get_default_context()
        if not self._context.ok():
            raise NotInitializedException("cannot create node")
        if enable_logger_service:
            raise unsupported("Node(enable_logger_service=True)")
        arguments = parse(["--ros-args", *(cli_args or [])])
        if use_global_arguments:
            arguments = merge(arguments, self._context.arguments)
        self._remaps = arguments.remaps
        names.validate_node_name(node_name)
        names.validate_namespace(names.normalise_namespace(namespace))
        self._name, self._namespace = names.remap_node(node_name, names.normalise_namespace(namespace), self._remaps)
        names.validate_node_name(self._name)
        names.validate_namespace(self._namespace)
        self._publishers: list[Publisher] = []
        self._subscriptions: list[Subscription] = []
        self._clients: list[Client] = []
        self._services: list[Service] = []
        self._timers: list[Timer] = []
        self._guards: list[GuardCondition] = []
        self._default_callback_group = MutuallyExclusiveCallbackGroup()
        self._executor: weakref.ref[Any] | None = None
        self._destroyed = False
        self._logger = get_logger(self.get_fully_qualified_name()[1:].replace("/", "."))
        self._session = self._context.session()
        self._graph = self._session.graph
        self._graph_node = self._graph.add_node(self._name, self._namespace)
        self._context.track_node(self)
        self._clock = ROSClock()
        self._rosout = RosoutPublisher(self) if enable_rosout and arguments.rosout else None
        self._init_parameters(
            parameter_overrides=parameter_overrides,
            allow_undeclared=allow_undeclared_parameters,
            automatically_declare=automatically_declare_parameters_from_overrides,
            context_overrides=parameters_of_node(arguments, self._name, self._namespace),
            start_services=start_parameter_services,
        )
        self._time_source = TimeSource(self, self._clock)

    # Identity

    @property
    def context(self) -> Context:
        """The context it was created in."""
        return self._context

    @property
    def default_callback_group(self) -> CallbackGroup:
        """Group of everything created without one; mutually exclusive."""
        return self._default_callback_group

    def get_name(self) -> str:
        """Name without namespace."""
        return self._name

    def get_namespace(self) -> str:
        """Namespace, ``/`` when none."""
        return self._namespace

    def get_fully_qualified_name(self) -> str:
        """Namespace and name."""
        return names.join(self._namespace, self._name)

    def get_logger(self) -> RcutilsLogger:
        """The node's logger."""
        return self._logger

    def get_clock(self) -> Clock:
        """The node's ROS clock."""
        return self._clock

    def resolve_topic_name(self, topic: str, *, only_expand: bool = False) -> str:
        """Fully qualified topic name, remapped unless ``only_expand``."""
        return self._resolve(topic, only_expand, False)

    def resolve_service_name(self, service: str, *, only_expand: bool = False) -> str:
        """Fully qualified service name, remapped unless ``only_expand``."""
        return self._resolve(service, only_expand, True)

    def _resolve(self, name: str, only_expand: bool, is_service: bool) -> str:
        full = names.expand(name, self._name, self._namespace, is_service=is_service)
        if only_expand:
            return full
        return names.remap(full, self._remaps, self._name, self._namespace, is_service=is_service)

    # What it owns

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

    @property
    def executor(self) -> Any:
        """The executor that runs its callbacks, or None."""
        return self._executor() if self._executor is not None else None

    @executor.setter
    def executor(self, new_executor: Any) -> None:
        current = self.executor
        if current is new_executor:
            return
        if current is not None:
            current.remove_node(self)
        self._executor = weakref.ref(new_executor) if new_executor is not None else None
        if new_executor is not None:
            new_executor.add_node(self)

    def _forget_executor(self, executor: Any) -> None:
        if self.executor is executor:
            self._executor = None

    def _wake_executor(self) -> None:
        executor = self.executor
        if executor is not None:
            executor.wake()

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
        from policy_nodes.rosless.callback_groups import ReentrantCallbackGroup

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

    def destroy_node(self) -> None:
        """Destroy the node and all it owns; peers see it leave. A second call does nothing."""
        if self._destroyed:
            return
        self._destroyed = True
        self._context.untrack_node(self)
        if self._rosout is not None:
            self._rosout.close()
        if self.executor is not None:
            self.executor.remove_node(self)
        self._graph.remove_node(self._graph_node)
        for owned in (self._timers, self._guards, self._services, self._clients, self._subscriptions, self._publishers):
            entities: list[Any] = list(owned)
            owned.clear()  # type: ignore[attr-defined]
            for entity in entities:
                entity.destroy()

    def __enter__(self) -> Node:
        return self

    def __exit__(self, *_: object) -> None:
        self.destroy_node()


__all__ = ["Node", "NodeNameNonExistentError"]
