"""``rclpy.topic_endpoint_info``: what the graph knows of one publisher or subscription."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from policy_nodes.rosless.qos import QoSProfile


class TopicEndpointTypeEnum(IntEnum):
    """Kind of an endpoint."""

    INVALID = 0
    PUBLISHER = 1
    SUBSCRIPTION = 2


@dataclass(frozen=True)
class TopicEndpointInfo:
    """An endpoint of a topic: owner, type, 16 byte gid, QoS (history is not on the wire), type hash."""

    node_name: str
    node_namespace: str
    topic_type: str
    topic_type_hash: str
    endpoint_type: TopicEndpointTypeEnum
    endpoint_gid: list[int]
    qos_profile: QoSProfile


__all__ = ["TopicEndpointInfo", "TopicEndpointTypeEnum"]
