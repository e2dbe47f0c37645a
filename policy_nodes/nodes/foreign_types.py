"""Names somebody else's message type on our topics: DDS keeps the two apart in silence, and nobody sees why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rclpy.node import Node
from rclpy.subscription import Subscription


def type_name(message: type) -> str:
    """``sensor_msgs/msg/JointState`` for a message class of either stack."""
    return f"{message.__module__.split('.')[0]}/msg/{message.__name__}"


def foreign_types(node: Node, endpoints: Iterable[Any]) -> list[str]:
    """Sentences about peers on the topics of our endpoints that use another message type.

    Args:
        node: asks the graph.
        endpoints: subscriptions, whose publishers are looked at, and publishers, whose subscribers are.
    """
    found = set()
    for endpoint in endpoints:
        wanted, topic = type_name(endpoint.msg_type), endpoint.topic_name
        receives = isinstance(endpoint, Subscription)
        peers = node.get_publishers_info_by_topic(topic) if receives else node.get_subscriptions_info_by_topic(topic)
        for peer in peers:
            if peer.topic_type != wanted:
                name = f"{peer.node_namespace.rstrip('/')}/{peer.node_name}"
                does = "publishes" if receives else "expects"
                found.add(f"{name} {does} {peer.topic_type} on {topic}, which must be {wanted}")
    return sorted(found)
