"""Topics that are read when their samples are wanted, instead of waking a thread for each of them.

Being woken for every message of a few 100 Hz topics costs more of a core than anything a node then does with them: the
thread finds its caches cold each time. A node whose work has a rhythm of its own takes what has come since it last
looked (``Subscription.handle.take_message``), as Autoware's polling subscribers do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.subscription import Subscription

from policy_nodes.nodes.qos import POLLED

READ_S = 0.04
"""Longest time between two readings: ``POLLED`` keeps what a 2.5 kHz topic sends meanwhile."""


class PolledTopics(ReentrantCallbackGroup):
    """Subscriptions that no executor waits for, unless told to.

    Args:
        node: that subscribes.
    """

    def __init__(self, node: Node) -> None:
        super().__init__()
        self._node, self._lock = node, threading.Lock()
        self._waited_for = False
        self._timer: Any = None
        self.handles: list[Subscription] = []

    def subscribe(self, kind: type, topic: str, callback: Callable[[Any], None]) -> Subscription:
        """Subscribe; ``callback`` gets each message in the thread that reads, and must not raise."""
        handle = self._node.create_subscription(kind, topic, callback, POLLED, callback_group=self)
        self.handles.append(handle)
        return handle

    def read(self) -> None:
        """Hand every message that has come to its callback, topic by topic, oldest first. Any thread may call."""
        with self._lock:
            for handle, message in self._taken(raw=False):
                handle.callback(message)

    def forget(self) -> None:
        """Drop what has come."""
        with self._lock:
            for _ in self._taken(raw=True):
                pass

    def _taken(self, raw: bool) -> Iterator[tuple[Subscription, Any]]:
        for handle in self.handles:
            for _ in range(POLLED.depth):  # a fast publisher must not keep the reader here
                with handle.handle:
                    taken = handle.handle.take_message(handle.msg_type, raw)
                if taken is None:
                    break
                yield handle, taken[0]

    def wait_for_each(self, wanted: bool) -> None:
        """Let the executor call back at every message, where the instant of arrival matters; or no longer."""
        if wanted != self._waited_for:
            self._waited_for = wanted
            if self._node.executor is not None:
                self._node.executor.wake()

    def start(self) -> None:
        """Read every ``READ_S`` in the executor's thread, besides whenever :meth:`read` is called."""
        self.stop()
        self._timer = self._node.create_timer(READ_S, self.read)

    def stop(self) -> None:
        """End what :meth:`start` began."""
        if self._timer is not None:
            self._node.destroy_timer(self._timer)
        self._timer = None

    def close(self) -> None:
        """Destroy the subscriptions."""
        self.stop()
        with self._lock:
            for handle in self.handles:
                self._node.destroy_subscription(handle)
            self.handles = []

    def can_execute(self, entity: Any) -> bool:
        """What an executor asks before it waits for an entity, and again before it calls back."""
        return self._waited_for or not isinstance(entity, Subscription)

    def beginning_execution(self, entity: Any) -> bool:
        """As ``can_execute``."""
        return self.can_execute(entity)
