"""``rclpy.service``: answer requests.

Before answering, the server waits (at most 100 ms, as rmw does) until the client's reply reader is matched: discovery
of the two directions is not atomic, and an early reply would be lost.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from policy_nodes.rosless.decode import decode
from policy_nodes.rosless.exchange import Exchange
from policy_nodes.rosless.idl import serialize
from policy_nodes.rosless.qos import QoSProfile
from policy_nodes.rosless.wire.endpoints import Reader, Writer
from policy_nodes.rosless.wire.request_header import RequestId, unwrap, wrap

REPLY_MATCH_TIMEOUT_S = 0.1
_POLL_S = 0.005
_MOST_CLIENTS = 1000


class RequestHeader(NamedTuple):
    """Where a request came from: its identity and the DDS instance handle of the client's writer."""

    request_id: RequestId
    writer: int


class Service(Exchange):
    """A service server; ``Node.create_service`` makes it.

    Args:
        reader: requests.
        writer: replies.
        srv_type: service class with ``Request`` and ``Response``.
        srv_name: fully qualified name.
        callback: ``callback(request, response) -> response``; may be a coroutine function.
        callback_group: of the callback.
        qos_profile: of both directions.
        node: owner.
    """

    def __init__(
        self,
        reader: Reader,
        writer: Writer,
        srv_type: Any,
        srv_name: str,
        callback: Callable[[Any, Any], Any],
        callback_group: Any,
        qos_profile: QoSProfile,
        node: Any,
    ) -> None:
        super().__init__(reader, writer)
        self.srv_type = srv_type
        self.srv_name = srv_name
        self.callback = callback
        self.callback_group = callback_group
        self.qos_profile = qos_profile
        self._logger = node.get_logger()
        self._reached: set[int] = set()  # clients whose reply reader was seen: asking DDS costs more than the answer

    @property
    def service_name(self) -> str:
        """Fully qualified, remapped service name."""
        return self.srv_name

    def send_response(self, response: Any, header: RequestHeader) -> None:
        """Answer a request.

        Args:
            response: instance of the service's Response class.
            header: as received with the request.

        Raises:
            TypeError: another type.
        """
        if not isinstance(response, self.srv_type.Response):
            raise TypeError(f"service '{self.srv_name}' must return {self.srv_type.Response}, got {type(response)}")
        if self._wait_for_reply_reader(header.writer):
            self._writer.write(wrap(header.request_id, serialize(response)))

    def _wait_for_reply_reader(self, writer: int) -> bool:
        """True when the reply may be sent; False when the client is gone or its reader did not appear in time."""
        if writer in self._reached:
            return True
        end = time.monotonic() + REPLY_MATCH_TIMEOUT_S
        while True:
            present, client = self._reader.matched_value(writer, "clientid")
            if not present:
                return False
            if client is None or client in self._writer.matched_values("clientid"):
                if len(self._reached) >= _MOST_CLIENTS:
                    self._reached.clear()
                self._reached.add(writer)
                return True
            if time.monotonic() >= end:
                self._logger.warning(f"reply of service '{self.srv_name}' dropped: the client's reader did not appear")
                return False
            time.sleep(_POLL_S)

    def _take(self) -> Callable[[], Any] | None:
        taken = self._reader.take()
        if taken is None:
            return None
        request_id, payload = unwrap(taken[0])
        request = decode(self.srv_type.Request, payload, self.srv_name)
        if request is None:
            return None
        header = RequestHeader(request_id, taken[1].publication_handle & 0xFFFFFFFFFFFFFFFF)
        return lambda: self._serve(request, header)

    def _serve(self, request: Any, header: RequestHeader) -> Any:
        outcome = self.callback(request, self.srv_type.Response())
        if inspect.iscoroutine(outcome):
            return self._finish(outcome, header)
        self.send_response(outcome, header)
        return None

    async def _finish(self, outcome: Any, header: RequestHeader) -> None:
        self.send_response(await outcome, header)


__all__ = ["Service"]
