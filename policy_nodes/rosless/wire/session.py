"""The DDS participant of one rclpy context, opened when its first node is created."""

from __future__ import annotations

import atexit
import secrets
import threading
import weakref

from cyclonedds.core import DDSException, Policy, Qos
from cyclonedds.domain import DomainParticipant
from cyclonedds.pub import Publisher
from cyclonedds.sub import Subscriber

from policy_nodes.rosless.errors import DomainError
from policy_nodes.rosless.wire import capi
from policy_nodes.rosless.wire.domain import acquire_domain, release_domain
from policy_nodes.rosless.wire.graph import Graph

_sessions: weakref.WeakSet[Session] = weakref.WeakSet()


class Session:
    """Participant, publisher, subscriber and graph of one context.

    Args:
        domain_id: DDS domain.
        enclave: security enclave announced to the graph (``/`` when none).

    Raises:
        DomainError: the domain cannot be opened.
    """

    def __init__(self, domain_id: int, enclave: str) -> None:
        self.domain_id = domain_id
        self._lock = threading.Lock()
        self._closed = False
        acquire_domain(domain_id)
        try:
            with capi.QOS_LOCK:
                self.participant = DomainParticipant(
                    domain_id, qos=Qos(Policy.Userdata(f"enclave={enclave};".encode()))
                )
        except DDSException as error:
            release_domain(domain_id)
            raise DomainError(
                f"No DDS participant can be created in domain {domain_id}: {error}",
                "Cyclone DDS printed the reason above; most often the domain is full: stop processes that were left "
                "behind, or choose another ROS_DOMAIN_ID.",
            ) from error
        self.publisher = Publisher(self.participant)
        self.subscriber = Subscriber(self.participant)
        self.graph = Graph(self)
        _sessions.add(self)

    @property
    def entity(self) -> int:
        """DDS entity number of the participant."""
        return self.participant._ref

    def new_identity(self) -> bytes:
        """A 16 byte identity for a service end, unique in the domain: this participant's prefix and a random rest."""
        return self.participant.guid.bytes[:12] + secrets.token_bytes(4)

    def close(self) -> None:
        """Leave the domain: peers are told at once. A second call does nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self.graph.close()
        capi.delete(self.entity)  # with all that is left inside
        release_domain(self.domain_id)


@atexit.register
def _close_all() -> None:
    for session in list(_sessions):
        session.close()
