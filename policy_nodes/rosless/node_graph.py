"""The part of ``rclpy.node.Node`` that asks the graph: who is there, who publishes what."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from policy_nodes.rosless.names import join
from policy_nodes.rosless.node_state import NodeState
from policy_nodes.rosless.qos import QoSProfile
from policy_nodes.rosless.topic_endpoint_info import TopicEndpointInfo, TopicEndpointTypeEnum
from policy_nodes.rosless.wire.graph import EndpointView, Graph, NodeView
from policy_nodes.rosless.wire.qos_map import from_dds
from policy_nodes.rosless.wire.types import ros_type_name

NamesAndTypes = list[tuple[str, list[str]]]


class NodeNameNonExistentError(RuntimeError):
    """No node of that name is in the graph."""


def topic_of(dds_topic: str) -> str | None:
    """ROS topic of a DDS topic; None when it is no ROS topic."""
    return dds_topic[2:] if dds_topic.startswith("rt/") else None


def service_of(dds_topic: str, dds_type: str) -> tuple[str, str] | None:
    """ROS service name and type that a request or reply topic belongs to; None for other topics."""
    for prefix, ending, suffix in (("rq/", "Request", "_Request"), ("rr/", "Reply", "_Response")):
        ros_type = ros_type_name(dds_type)
        if dds_topic.startswith(prefix) and dds_topic.endswith(ending) and ros_type and ros_type.endswith(suffix):
            return dds_topic[2 : -len(ending)], ros_type[: -len(suffix)]
    return None


def _group(pairs: Iterable[tuple[str, str]]) -> NamesAndTypes:
    grouped: dict[str, set[str]] = {}
    for name, type_name in pairs:
        grouped.setdefault(name, set()).add(type_name)
    return [(name, sorted(grouped[name])) for name in sorted(grouped)]


def _topics(endpoints: Iterable[EndpointView], no_demangle: bool = False) -> list[tuple[str, str]]:
    if no_demangle:
        return [(endpoint.topic, endpoint.type_name) for endpoint in endpoints]
    return [
        (name, ros_type_name(endpoint.type_name) or endpoint.type_name)
        for endpoint in endpoints
        if (name := topic_of(endpoint.topic)) is not None
    ]


def _services(endpoints: Iterable[EndpointView], prefix: str) -> list[tuple[str, str]]:
    found = (
        service_of(endpoint.topic, endpoint.type_name) for endpoint in endpoints if endpoint.topic.startswith(prefix)
    )
    return [pair for pair in found if pair is not None]


def _node_view(graph: Graph, name: str, namespace: str) -> NodeView:
    for node in graph.nodes():
        if (node.name, node.namespace) == (name, namespace):
            return node
    raise NodeNameNonExistentError(f"Cannot get names and types of nonexistent node: {join(namespace, name)}")


def _endpoint_infos(
    graph: Graph, topic: str, endpoints: Iterable[EndpointView], kind: TopicEndpointTypeEnum
) -> list[TopicEndpointInfo]:
    owners = {gid: node for node in graph.nodes() for gid in node.readers | node.writers}
    infos = []
    for endpoint in endpoints:
        if endpoint.topic != topic:
            continue
        owner = owners.get(endpoint.gid)
        qos: QoSProfile = from_dds(endpoint.qos)
        type_hash = endpoint.user_data.partition("typehash=")[2].partition(";")[0]
        infos.append(
            TopicEndpointInfo(
                owner.name if owner else "_NODE_NAME_UNKNOWN_",
                owner.namespace if owner else "_NODE_NAMESPACE_UNKNOWN_",
                ros_type_name(endpoint.type_name) or endpoint.type_name,
                type_hash,
                kind,
                list(endpoint.gid),
                qos,
            )
        )
    return infos


class GraphNode:
    """Graph queries of a node; mixed into Node, which provides names and the graph."""

    _rosless: NodeState
    get_name: Callable[[], str]
    get_namespace: Callable[[], str]
    resolve_topic_name: Callable[[str], str]
    resolve_service_name: Callable[[str], str]

    def get_topic_names_and_types(self, no_demangle: bool = False) -> NamesAndTypes:
        """All topics with their types; with ``no_demangle`` the DDS names."""
        own = self._rosless
        return _group(_topics([*own.graph.writers(), *own.graph.readers()], no_demangle))

    def get_service_names_and_types(self) -> NamesAndTypes:
        """All services that have a server or a client, with their types."""
        own = self._rosless
        return _group([*_services(own.graph.readers(), "rq/"), *_services(own.graph.writers(), "rq/")])

    def count_publishers(self, topic_name: str) -> int:
        """Publishers of a topic in the whole graph."""
        topic = "rt" + self.resolve_topic_name(topic_name)
        return sum(endpoint.topic == topic for endpoint in self._rosless.graph.writers())

    def count_subscribers(self, topic_name: str) -> int:
        """Subscriptions of a topic in the whole graph."""
        topic = "rt" + self.resolve_topic_name(topic_name)
        return sum(endpoint.topic == topic for endpoint in self._rosless.graph.readers())

    def count_services(self, service_name: str) -> int:
        """Servers of a service in the whole graph."""
        topic = f"rq{self.resolve_service_name(service_name)}Request"
        return sum(endpoint.topic == topic for endpoint in self._rosless.graph.readers())

    def count_clients(self, service_name: str) -> int:
        """Clients of a service in the whole graph."""
        topic = f"rq{self.resolve_service_name(service_name)}Request"
        return sum(endpoint.topic == topic for endpoint in self._rosless.graph.writers())

    def get_node_names(self) -> list[str]:
        """Names of all nodes."""
        return [node.name for node in self._rosless.graph.nodes()]

    def get_node_names_and_namespaces(self) -> list[tuple[str, str]]:
        """Names and namespaces of all nodes."""
        return [(node.name, node.namespace) for node in self._rosless.graph.nodes()]

    def get_fully_qualified_node_names(self) -> list[str]:
        """Fully qualified names of all nodes."""
        return [join(node.namespace, node.name) for node in self._rosless.graph.nodes()]

    def wait_for_node(self, fully_qualified_node_name: str, timeout: float) -> bool:
        """Wait until a node is in the graph; False when the timeout (s) came first."""
        end = time.monotonic() + timeout
        wanted = (
            fully_qualified_node_name if fully_qualified_node_name.startswith("/") else "/" + fully_qualified_node_name
        )
        while wanted not in self.get_fully_qualified_node_names():
            if time.monotonic() >= end:
                return False
            time.sleep(0.01)
        return True

    def get_publisher_names_and_types_by_node(
        self, node_name: str, node_namespace: str, no_demangle: bool = False
    ) -> NamesAndTypes:
        """Topics a node publishes.

        Raises:
            NodeNameNonExistentError: no such node.
        """
        own = self._rosless
        gids = _node_view(own.graph, node_name, node_namespace).writers
        return _group(_topics((end for end in own.graph.writers() if end.gid in gids), no_demangle))

    def get_subscriber_names_and_types_by_node(
        self, node_name: str, node_namespace: str, no_demangle: bool = False
    ) -> NamesAndTypes:
        """Topics a node subscribes to; raises as :meth:`get_publisher_names_and_types_by_node`."""
        own = self._rosless
        gids = _node_view(own.graph, node_name, node_namespace).readers
        return _group(_topics((end for end in own.graph.readers() if end.gid in gids), no_demangle))

    def get_service_names_and_types_by_node(self, node_name: str, node_namespace: str) -> NamesAndTypes:
        """Services a node serves; raises as :meth:`get_publisher_names_and_types_by_node`."""
        own = self._rosless
        gids = _node_view(own.graph, node_name, node_namespace).readers
        return _group(_services((end for end in own.graph.readers() if end.gid in gids), "rq/"))

    def get_client_names_and_types_by_node(self, node_name: str, node_namespace: str) -> NamesAndTypes:
        """Services a node has clients of; raises as :meth:`get_publisher_names_and_types_by_node`."""
        own = self._rosless
        gids = _node_view(own.graph, node_name, node_namespace).writers
        return _group(_services((end for end in own.graph.writers() if end.gid in gids), "rq/"))

    def get_publishers_info_by_topic(self, topic_name: str, no_mangle: bool = False) -> list[TopicEndpointInfo]:
        """Publishers of a topic with owner, type and QoS."""
        own = self._rosless
        topic = topic_name if no_mangle else "rt" + self.resolve_topic_name(topic_name)
        return _endpoint_infos(own.graph, topic, own.graph.writers(), TopicEndpointTypeEnum.PUBLISHER)

    def get_subscriptions_info_by_topic(self, topic_name: str, no_mangle: bool = False) -> list[TopicEndpointInfo]:
        """Subscriptions of a topic with owner, type and QoS."""
        own = self._rosless
        topic = topic_name if no_mangle else "rt" + self.resolve_topic_name(topic_name)
        return _endpoint_infos(own.graph, topic, own.graph.readers(), TopicEndpointTypeEnum.SUBSCRIPTION)
