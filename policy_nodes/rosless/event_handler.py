"""``rclpy.event_handler``: quality-of-service events of publishers and subscriptions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cyclonedds.core import DDSStatus

from policy_nodes.rosless.exceptions import UnsupportedEventTypeError
from policy_nodes.rosless.logging import get_logger
from policy_nodes.rosless.qos import QoSPolicyKind, qos_policy_name_from_kind
from policy_nodes.rosless.wire import capi
from policy_nodes.rosless.wire.endpoints import Endpoint
from policy_nodes.rosless.wire.qos_map import POLICY_KIND_OF_DDS_ID

EventCallback = Callable[[Any], Any]


@dataclass(frozen=True)
class _Counts:
    """Events since creation, and since the last callback."""

    total_count: int
    total_count_change: int


class QoSRequestedDeadlineMissedInfo(_Counts):
    """A topic did not keep our deadline."""


class QoSOfferedDeadlineMissedInfo(_Counts):
    """Our publisher did not keep its deadline."""


class QoSLivelinessLostInfo(_Counts):
    """Our publisher failed to assert its liveliness."""


class QoSMessageLostInfo(_Counts):
    """Messages were lost."""


@dataclass(frozen=True)
class QoSLivelinessChangedInfo:
    """Publishers of a topic came alive or fell silent."""

    alive_count: int
    not_alive_count: int
    alive_count_change: int
    not_alive_count_change: int


@dataclass(frozen=True)
class QoSRequestedIncompatibleQoSInfo(_Counts):
    """A peer's policies do not fit ours."""

    last_policy_kind: QoSPolicyKind


QoSOfferedIncompatibleQoSInfo = QoSRequestedIncompatibleQoSInfo


@dataclass(frozen=True)
class QoSSubscriptionMatchedInfo(_Counts):
    """A peer was matched or left."""

    current_count: int
    current_count_change: int


QoSPublisherMatchedInfo = QoSSubscriptionMatchedInfo


def _counts(cls: type, status: Any) -> Any:
    return cls(status.total_count, status.total_count_change)


def _liveliness(status: Any) -> QoSLivelinessChangedInfo:
    return QoSLivelinessChangedInfo(
        status.alive_count, status.not_alive_count, status.alive_count_change, status.not_alive_count_change
    )


def _incompatible(status: Any) -> QoSRequestedIncompatibleQoSInfo:
    kind = POLICY_KIND_OF_DDS_ID.get(status.last_policy_id, QoSPolicyKind.INVALID)
    return QoSRequestedIncompatibleQoSInfo(status.total_count, status.total_count_change, kind)


def _matched(status: Any) -> QoSSubscriptionMatchedInfo:
    return QoSSubscriptionMatchedInfo(
        status.total_count, status.total_count_change, status.current_count, status.current_count_change
    )


# Event name -> (DDS status bit, cyclonedds getter, conversion)
_READER_EVENTS: dict[str, tuple[int, str, Callable[[Any], Any]]] = {
    "deadline": (
        DDSStatus.RequestedDeadlineMissed,
        "get_requested_deadline_missed_status",
        functools.partial(_counts, QoSRequestedDeadlineMissedInfo),
    ),
    "liveliness": (DDSStatus.LivelinessChanged, "get_liveliness_changed_status", _liveliness),
    "incompatible_qos": (DDSStatus.RequestedIncompatibleQos, "get_requested_incompatible_qos_status", _incompatible),
    "message_lost": (DDSStatus.SampleLost, "get_sample_lost_status", functools.partial(_counts, QoSMessageLostInfo)),
    "matched": (DDSStatus.SubscriptionMatched, "get_subscription_matched_status", _matched),
}
_WRITER_EVENTS: dict[str, tuple[int, str, Callable[[Any], Any]]] = {
    "deadline": (
        DDSStatus.OfferedDeadlineMissed,
        "get_offered_deadline_missed_status",
        functools.partial(_counts, QoSOfferedDeadlineMissedInfo),
    ),
    "liveliness": (
        DDSStatus.LivelinessLost,
        "get_liveliness_lost_status",
        functools.partial(_counts, QoSLivelinessLostInfo),
    ),
    "incompatible_qos": (DDSStatus.OfferedIncompatibleQos, "get_offered_incompatible_qos_status", _incompatible),
    "matched": (DDSStatus.PublicationMatched, "get_publication_matched_status", _matched),
}


class EventHandler:
    """All events of one publisher or subscription, as something an executor waits for.

    Args:
        endpoint: DDS reader or writer.
        events: (status bit, getter name, conversion, callback) of each wanted event.
        callback_group: of the callbacks.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        events: list[tuple[int, str, Callable[[Any], Any], EventCallback]],
        callback_group: Any,
    ) -> None:
        self._endpoint = endpoint
        self._events = events
        self.callback_group = callback_group
        self._mask = 0
        for bit, *_ in events:
            self._mask |= int(bit)
        endpoint.dds.set_status_mask(self._mask)

    def destroy(self) -> None:
        """Deliver nothing more."""
        self._events = []

    def _conditions(self) -> tuple[int, ...]:
        return (self._endpoint.entity,) if self._events and self._endpoint.alive else ()

    def _take(self) -> Callable[[], Any] | None:
        dds = self._endpoint.dds
        if dds is None:
            return None
        changes = dds.get_status_changes()
        for bit, getter, convert, callback in self._events:
            if changes & int(bit):
                with capi.QOS_LOCK:
                    info = convert(getattr(dds, getter)())  # reading clears the flag
                return functools.partial(callback, info)
        return None


class _EventCallbacks:
    _table: dict[str, tuple[int, str, Callable[[Any], Any]]]
    _warning: str

    def __init__(self, callbacks: dict[str, EventCallback | None], use_default_callbacks: bool) -> None:
        self._callbacks = callbacks
        self.use_default_callbacks = use_default_callbacks

    def __getattr__(self, name: str) -> EventCallback | None:
        if name.startswith("_") or name not in self._callbacks:
            raise AttributeError(name)
        return self._callbacks[name]

    def create_event_handlers(
        self, callback_group: Any, endpoint: Endpoint, topic_name: str, logger_name: str = "rclpy"
    ) -> list[EventHandler]:
        """Make the handlers of an endpoint; incompatible QoS is warned about unless defaults are off.

        Raises:
            UnsupportedEventTypeError: the middleware lacks an event that was asked for.
        """
        wanted = {name: callback for name, callback in self._callbacks.items() if callback is not None}
        if missing := wanted.keys() - self._table.keys():
            raise UnsupportedEventTypeError(f"event(s) {sorted(missing)} are not supported by Cyclone DDS")
        if self.use_default_callbacks:

            def warn(info: QoSRequestedIncompatibleQoSInfo) -> None:
                policy = qos_policy_name_from_kind(info.last_policy_kind)
                get_logger(logger_name).warning(self._warning.format(topic=topic_name, policy=policy))

            wanted.setdefault("incompatible_qos", warn)
        events = [(*self._table[name], callback) for name, callback in wanted.items()]
        return [EventHandler(endpoint, events, callback_group)] if events else []


class SubscriptionEventCallbacks(_EventCallbacks):
    """What to call on events of a subscription; each callback receives the event's info object."""

    _table = _READER_EVENTS
    _warning = (
        "New publisher discovered on topic '{topic}', offering incompatible QoS. No messages will be received from it. "
        "Last incompatible policy: {policy}"
    )

    def __init__(
        self,
        *,
        deadline: EventCallback | None = None,
        incompatible_qos: EventCallback | None = None,
        liveliness: EventCallback | None = None,
        message_lost: EventCallback | None = None,
        incompatible_type: EventCallback | None = None,
        matched: EventCallback | None = None,
        use_default_callbacks: bool = True,
    ) -> None:
        callbacks = {
            "deadline": deadline, "incompatible_qos": incompatible_qos, "liveliness": liveliness,
            "message_lost": message_lost, "incompatible_type": incompatible_type, "matched": matched,
        }  # fmt: skip
        super().__init__(callbacks, use_default_callbacks)


class PublisherEventCallbacks(_EventCallbacks):
    """What to call on events of a publisher; each callback receives the event's info object."""

    _table = _WRITER_EVENTS
    _warning = (
        "New subscription discovered on topic '{topic}', requesting incompatible QoS. No messages will be sent to it. "
        "Last incompatible policy: {policy}"
    )

    def __init__(
        self,
        *,
        deadline: EventCallback | None = None,
        liveliness: EventCallback | None = None,
        incompatible_qos: EventCallback | None = None,
        incompatible_type: EventCallback | None = None,
        matched: EventCallback | None = None,
        use_default_callbacks: bool = True,
    ) -> None:
        callbacks = {
            "deadline": deadline, "liveliness": liveliness, "incompatible_qos": incompatible_qos,
            "incompatible_type": incompatible_type, "matched": matched,
        }  # fmt: skip
        super().__init__(callbacks, use_default_callbacks)


__all__ = [
    "EventHandler",
    "PublisherEventCallbacks",
    "QoSLivelinessChangedInfo",
    "QoSLivelinessLostInfo",
    "QoSMessageLostInfo",
    "QoSOfferedDeadlineMissedInfo",
    "QoSOfferedIncompatibleQoSInfo",
    "QoSPublisherMatchedInfo",
    "QoSRequestedDeadlineMissedInfo",
    "QoSRequestedIncompatibleQoSInfo",
    "QoSSubscriptionMatchedInfo",
    "SubscriptionEventCallbacks",
    "UnsupportedEventTypeError",
]
