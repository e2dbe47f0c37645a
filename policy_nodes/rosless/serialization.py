"""``rclpy.serialization``: messages to CDR bytes with their encapsulation header, and back."""

from __future__ import annotations

from typing import Any

from policy_nodes.rosless.idl import deserialize, serialize


def serialize_message(message: Any) -> bytes:
    """Serialise a ROS message."""
    return serialize(message)


def deserialize_message(serialized_message: bytes, message_type: Any) -> Any:
    """Message of ``message_type`` from its bytes.

    Raises:
        ValueError: the bytes are no such message.
    """
    return deserialize(message_type, serialized_message)


__all__ = ["deserialize_message", "serialize_message"]
