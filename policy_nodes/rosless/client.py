"""``rclpy.client``: ask a service."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from policy_nodes.rosless.context import Context
from policy_nodes.rosless.decode import decode
from policy_nodes.rosless.exchange import Exchange
from policy_nodes.rosless.idl import serialize
from policy_nodes.rosless.qos import QoSProfile
from policy_nodes.rosless.task import Future
from policy_nodes.rosless.wire.endpoints import Reader, Writer
from policy_nodes.rosless.wire.request_header import RequestId, unwrap, wrap

_POLL_S = 0.01


class Client(Exchange):
    """A service client; ``Node.create_client`` makes it.

    Args:
        context: its shutdown ends waits.
        reader: replies.
        writer: requests.
        srv_type: service class with ``Request`` and ``Response``.
        srv_name: fully qualified name.
        qos_profile: of both directions.
        callback_group: in which replies are processed.
    """

    def __init__(
        self,
        context: Context,
        reader: Reader,
        writer: Writer,
        srv_type: Any,
        srv_name: str,
        qos_profile: QoSProfile,
        callback_group: Any,
    ) -> None:
        self.context = context
        super().__init__(reader, writer)
        self.srv_type = srv_type
        self.srv_name = srv_name
        self.qos_profile = qos_profile
        self.callback_group = callback_group
        self._lock = threading.Lock()
        self._sequence = 0
        self._pending: dict[int, Future] = {}
        self._executor: Callable[[], Any] = lambda: None  # set by the node: whoever runs the future's callbacks

    @property
    def service_name(self) -> str:
        """Fully qualified, remapped service name."""
        return self.srv_name

    def call_async(self, request: Any) -> Future:
        """Send a request; the future completes with the response.

        Raises:
            TypeError: not an instance of the service's Request class.
        """
        if not isinstance(request, self.srv_type.Request):
            raise TypeError(f"Expected {self.srv_type.Request}, got {type(request)}")
        data = serialize(request)
        with self._lock:
            self._sequence += 1
            sequence = self._sequence
            future = self._pending[sequence] = Future()
        future.add_done_callback(self.remove_pending_request)
        self._writer.write(wrap(RequestId(self._writer.instance, sequence), data))
        return future

    def call(self, request: Any, timeout_sec: float | None = None) -> Any:
        """Send a request and wait; another thread must spin the node.

        Args:
            request: instance of the service's Request class.
            timeout_sec: s; None waits until the context is shut down.

        Raises:
            TypeError: wrong request type.
            TimeoutError: no response in time.
        """
        future = self.call_async(request)
        event = threading.Event()
        future._when_done(event.set)
        end = None if timeout_sec is None else time.monotonic() + timeout_sec
        while not event.wait(0.1 if end is None else min(0.1, max(0.0, end - time.monotonic()))):
            if end is not None and time.monotonic() >= end:
                self.remove_pending_request(future)
                raise TimeoutError(f"no response from service '{self.srv_name}' within {timeout_sec} s")
            if not self.context.ok():
                self.remove_pending_request(future)
                return None
        return future.result()

    def get_pending_request(self, sequence_number: int) -> Future:
        """The future of a request.

        Raises:
            KeyError: not pending.
        """
        with self._lock:
            return self._pending[sequence_number]

    def remove_pending_request(self, future: Future) -> None:
        """Forget a request; its future then never completes."""
        with self._lock:
            self._pending = {number: known for number, known in self._pending.items() if known is not future}

    def service_is_ready(self) -> bool:
        """Whether a server is matched in both directions."""
        if not (self._writer.count_readers() and self._reader.count_writers()):
            return False
        servers = self._writer.matched_values("serviceid")
        return not servers or bool(servers & self._reader.matched_values("serviceid"))

    def wait_for_service(self, timeout_sec: float | None = None) -> bool:
        """Wait for a server.

        Args:
            timeout_sec: s; None waits until the context is shut down.

        Returns:
            Whether one is ready.
        """
        end = None if timeout_sec is None else time.monotonic() + timeout_sec
        while not (ready := self.service_is_ready()) and self.context.ok():
            if end is not None and time.monotonic() >= end:
                break
            time.sleep(_POLL_S)
        return ready

    def _take(self) -> Callable[[], Any] | None:
        taken = self._reader.take()
        if taken is None:
            return None
        request_id, payload = unwrap(taken[0])
        if request_id.client != self._writer.instance:
            return None  # every client of the service sees every reply
        with self._lock:
            future = self._pending.get(request_id.sequence_number)
        if future is None:
            return None
        response = decode(self.srv_type.Response, payload, self.srv_name)
        if response is None:
            return None
        future._set_executor(self._executor())
        return lambda: future.set_result(response)


__all__ = ["Client"]
