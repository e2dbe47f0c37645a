"""A node's logs on /rosout."""

from __future__ import annotations

from typing import Any

from policy_nodes.rosless import log_core
from policy_nodes.rosless.duration import S_TO_NS, Duration
from policy_nodes.rosless.idl import message_class
from policy_nodes.rosless.qos import DurabilityPolicy, QoSProfile

ROSOUT_QOS = QoSProfile(depth=1000, durability=DurabilityPolicy.TRANSIENT_LOCAL, lifespan=Duration(seconds=10))


class RosoutPublisher:
    """Publishes the records of a node's logger and its children.

    Args:
        node: the node.
    """

    def __init__(self, node: Any) -> None:
        self._name: str = node.get_logger().name
        self._log = message_class("rcl_interfaces/msg/Log")
        self._time = message_class("builtin_interfaces/msg/Time")
        self._context = node.context
        self._publisher = node.create_publisher(self._log, "/rosout", ROSOUT_QOS)
        log_core.add_sink(self._name, self._publish)

    def _publish(self, record: log_core.Record) -> None:
        if not self._context.ok():
            return
        seconds, nanoseconds = divmod(record.stamp_ns, S_TO_NS)
        self._publisher.publish(
            self._log(
                stamp=self._time(sec=seconds, nanosec=nanoseconds),
                level=int(record.severity),
                name=record.name,
                msg=record.message,
                file=record.file,
                function=record.function,
                line=record.line,
            )
        )

    def close(self) -> None:
        """Stop publishing."""
        log_core.remove_sink(self._name, self._publish)
