"""``rclpy.subscription``: take a sample, deserialise it, call back."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from enum import Enum
from typing import Any

from policy_nodes.rosless.decode import decoder
from policy_nodes.rosless.exceptions import InvalidHandle
from policy_nodes.rosless.qos import QoSProfile
from policy_nodes.rosless.wire.endpoints import Reader


class SubscriptionHandle:
    """What the wire knows of a subscription; entered while it is used, as rclpy's.

    Raises:
        InvalidHandle: on entering, when the subscription was destroyed.
    """

    def __init__(self, reader: Reader, decoded: Callable[[bytes], Any]) -> None:
        self._reader, self._decoded = reader, decoded

    def __enter__(self) -> None:
        if not self._reader.alive:
            raise InvalidHandle("cannot use Destroyable because destruction was requested")

    def __exit__(self, *_: object) -> None:
        """Nothing is held."""

    def take_message(self, msg_type: type, raw: bool) -> tuple[Any, dict[str, int]] | None:
        """The oldest message (serialised when ``raw``) and its info; None when there is none that can be read."""
        taken = self._reader.take()
        if taken is None:
            return None
        message = taken[0] if raw else self._decoded(taken[0])
        if message is None:
            return None
        stamp = taken[1].source_timestamp
        return message, {"source_timestamp": stamp, "received_timestamp": stamp}


class Subscription:
    """Receives messages of one type from one topic; ``Node.create_subscription`` makes it.

    Args:
        reader: DDS reader.
        msg_type: message class.
        topic: fully qualified name.
        callback: called with the message, or with the message and a dict of ``source_timestamp`` and
            ``received_timestamp`` (ns since 1970) when it takes two arguments.
        callback_group: of the callback.
        qos_profile: its quality of service.
        node: owner.
        raw: the callback gets the serialised message (``bytes``).
    """

    class CallbackType(Enum):
        """What the callback takes."""

        MessageOnly = 0
        WithMessageInfo = 1

    def __init__(
        self,
        reader: Reader,
        msg_type: type,
        topic: str,
        callback: Callable[..., Any],
        callback_group: Any,
        qos_profile: QoSProfile,
        node: Any,
        raw: bool = False,
    ) -> None:
        self._reader = reader
        self.msg_type = msg_type
        self.topic = topic
        self.callback = callback
        self.callback_group = callback_group
        self.qos_profile = qos_profile
        self.raw = raw
        self._decoded: Callable[[bytes], Any] = bytes if raw else decoder(msg_type, topic)
        self.handle = SubscriptionHandle(reader, self._decoded)
        """To take samples without an executor."""
        self.event_handlers: list[Any] = []
        self.logger_name: str = node.get_logger().name

    @property
    def topic_name(self) -> str:
        """Fully qualified, remapped topic name."""
        return self.topic

    @property
    def callback(self) -> Callable[..., Any]:
        """The user's function."""
        return self._callback

    @callback.setter
    def callback(self, value: Callable[..., Any]) -> None:
        self._callback = value
        self._callback_type = _callback_type(value)

    def get_publisher_count(self) -> int:
        """Number of publishers this subscription receives from."""
        return self._reader.count_writers()

    def destroy(self) -> None:
        """Delete it; ``Node.destroy_subscription`` is the way for users."""
        for handler in self.event_handlers:
            handler.destroy()
        self._reader.close()

    def _conditions(self) -> tuple[int, ...]:
        return (self._reader.condition,) if self._reader.alive else ()

    def _take(self) -> Callable[[], Any] | None:
        if self._callback_type is Subscription.CallbackType.WithMessageInfo:
            both = self.handle.take_message(self.msg_type, self.raw)
            return None if both is None else functools.partial(self._callback, *both)
        if (taken := self._reader.take()) is None or (message := self._decoded(taken[0])) is None:
            return None
        return functools.partial(self._callback, message)


def _callback_type(callback: Callable[..., Any]) -> Subscription.CallbackType:
    """Tell by calling conventions, as rclpy: one argument or two."""
    try:
        inspect.signature(callback).bind(object())
        return Subscription.CallbackType.MessageOnly
    except TypeError:
        pass
    try:
        inspect.signature(callback).bind(object(), object())
        return Subscription.CallbackType.WithMessageInfo
    except TypeError:
        raise RuntimeError(
            "Subscription.__init__(): callback should be either be callable with one argument(to get only the message) "
            "or two (to get message and message info)"
        ) from None


__all__ = ["Subscription"]
