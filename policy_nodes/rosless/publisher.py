"""``rclpy.publisher``: serialise a message and write it."""

from __future__ import annotations

import time
from typing import Any

from policy_nodes.rosless.duration import Duration
from policy_nodes.rosless.exceptions import RCLError
from policy_nodes.rosless.idl import serialize
from policy_nodes.rosless.qos import QoSProfile
from policy_nodes.rosless.wire import capi
from policy_nodes.rosless.wire.endpoints import Writer


class Publisher:
    """Publishes messages of one type on one topic; ``Node.create_publisher`` makes it.

    Args:
        writer: DDS writer.
        msg_type: message class.
        topic: fully qualified name.
        qos_profile: its quality of service.
        node: owner.
    """

    def __init__(self, writer: Writer, msg_type: Any, topic: str, qos_profile: QoSProfile, node: Any) -> None:
        self._writer = writer
        self._context = node.context
        self.msg_type = msg_type
        self.topic = topic
        self.qos_profile = qos_profile
        self.event_handlers: list[Any] = []
        self.logger_name: str = node.get_logger().name

    @property
    def topic_name(self) -> str:
        """Fully qualified, remapped topic name."""
        return self.topic

    def publish(self, msg: Any) -> None:
        """Send a message.

        Args:
            msg: instance of the publisher's message class, or a serialised one (CDR with its encapsulation header),
                which is sent as it is.

        Raises:
            TypeError: another type.
            RCLError: the context is shut down, or DDS refuses.
            InvalidHandle: the publisher was destroyed.
        """
        serialised = isinstance(msg, bytes)
        if not serialised and not isinstance(msg, self.msg_type):
            raise TypeError(f"Expected {self.msg_type}, got {type(msg)}")
        if self._writer.alive and not self._context.ok():
            raise RCLError("Failed to publish: publisher's context is invalid")
        self._writer.write(msg if serialised else serialize(msg))

    def get_subscription_count(self) -> int:
        """Number of subscriptions that receive from this publisher."""
        return self._writer.count_readers()

    def assert_liveliness(self) -> None:
        """State that the publisher is alive (liveliness MANUAL_BY_TOPIC)."""
        capi.assert_liveliness(self._writer.entity)

    def wait_for_all_acked(self, timeout: Duration | None = None) -> bool:
        """Wait until every reliable subscription acknowledged everything published.

        Args:
            timeout: None waits for ever.

        Returns:
            False when the timeout came first.
        """
        budget = capi.INFINITE_NS if timeout is None else timeout.nanoseconds
        end = time.monotonic_ns() + budget
        while True:  # in slices, so that Python signal handlers run
            code = capi.wait_for_acks(self._writer.entity, max(0, min(100_000_000, end - time.monotonic_ns())))
            if code != capi.RETCODE_TIMEOUT:
                return code == capi.RETCODE_OK
            if time.monotonic_ns() >= end or not self._context.ok():
                return False

    def destroy(self) -> None:
        """Delete it; ``Node.destroy_publisher`` is the way for users."""
        for handler in self.event_handlers:
            handler.destroy()
        self._writer.close()


__all__ = ["Publisher"]
