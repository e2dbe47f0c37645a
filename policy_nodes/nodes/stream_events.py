"""Deadline and liveliness of a stream: counted for ``/diagnostics``, logged when they matter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.node import Node

THROTTLE_S = 5.0


class StreamEvents:
    """Events of one subscription or publisher. Incompatible QoS is warned about by rclpy itself.

    Args:
        node: that logs.
        name: of the stream, as the operator knows it.
        matters: whether silence is worth a line in the log right now.
    """

    def __init__(self, node: Node, name: str, matters: Callable[[], bool]) -> None:
        self.deadlines_missed = 0
        self.publishers_lost = 0
        self._log = node.get_logger()
        self._name = name
        self._matters = matters

    def of_subscription(self) -> SubscriptionEventCallbacks:
        """Callbacks for ``create_subscription``."""
        return SubscriptionEventCallbacks(deadline=self._on_deadline, liveliness=self._on_liveliness)

    def of_publisher(self) -> PublisherEventCallbacks:
        """Callbacks for ``create_publisher``."""
        return PublisherEventCallbacks(deadline=self._on_deadline)

    def values(self) -> dict[str, str]:
        """For a diagnostic."""
        return {
            f"{self._name} deadlines missed": str(self.deadlines_missed),
            f"{self._name} publishers lost": str(self.publishers_lost),
        }

    def _on_deadline(self, event: Any) -> None:
        self.deadlines_missed = event.total_count
        if self._matters():
            self._log.warning(f"{self._name}: deadline missed", throttle_duration_sec=THROTTLE_S)

    def _on_liveliness(self, event: Any) -> None:
        """A process that is frozen counts as not alive; one that left makes the alive count fall."""
        if event.not_alive_count_change <= 0 and event.alive_count_change >= 0:
            return
        self.publishers_lost += 1
        if event.alive_count == 0 and self._matters():
            self._log.error(f"{self._name}: its publisher is gone or frozen")
