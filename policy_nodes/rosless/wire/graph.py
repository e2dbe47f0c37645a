"""The ROS graph: which node owns which endpoint, announced and read on ``ros_discovery_info``; who offers which topic.

Each process keeps one transient-local sample up to date (``rmw_dds_common/msg/ParticipantEntitiesInfo``, 16 byte gids
as since Iron). Topics, types and QoS come from DDS discovery (the built-in topics), node names from the samples of all
processes.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from cyclonedds.builtin import (
    BuiltinTopicDcpsParticipant,
    BuiltinTopicDcpsPublication,
    BuiltinTopicDcpsSubscription,
)
from cyclonedds.core import Policy

from policy_nodes.rosless.decode import decode
from policy_nodes.rosless.idl import message_class, rihs01, serialize
from policy_nodes.rosless.qos import DurabilityPolicy, QoSProfile
from policy_nodes.rosless.wire.discovered import Discovered
from policy_nodes.rosless.wire.endpoints import Reader, Writer
from policy_nodes.rosless.wire.types import idl_struct

if TYPE_CHECKING:
    from policy_nodes.rosless.wire.session import Session

_INFO = "rmw_dds_common/msg/ParticipantEntitiesInfo"
_UNREAD_DEPTH = 1000  # graph samples kept until a query reads them; older ones of the same burst would be lost


@dataclass(eq=False)  # two nodes of one name are two nodes
class LocalNode:
    """A node of this process and the gids (16 bytes) of its endpoints."""

    name: str
    namespace: str
    readers: list[bytes] = field(default_factory=list)
    writers: list[bytes] = field(default_factory=list)


@dataclass(frozen=True)
class NodeView:
    """A node of the graph, ours or another process's, with the gids of its endpoints."""

    name: str
    namespace: str
    participant: bytes
    readers: frozenset[bytes]
    writers: frozenset[bytes]


@dataclass(frozen=True)
class EndpointView:
    """A reader or writer known from DDS discovery."""

    gid: bytes
    participant: bytes
    topic: str
    type_name: str
    qos: Any
    user_data: str


def _gid_message(gid: bytes) -> Any:
    return message_class("rmw_dds_common/msg/Gid")(data=np.frombuffer(gid, dtype=np.uint8))


def _gid_bytes(message: Any) -> bytes:
    return bytes(bytearray(message.data))


class Graph:
    """Announces this process's nodes and answers questions about all nodes and topics.

    Args:
        session: the participant it belongs to.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lock = threading.RLock()
        self._local: list[LocalNode] = []
        self._remote: dict[bytes, list[NodeView]] = {}
        self._gid: bytes = session.participant.guid.bytes
        self._cls: Any = message_class(_INFO)
        struct = idl_struct(self._cls)
        latched = DurabilityPolicy.TRANSIENT_LOCAL
        user_data = f"typehash={rihs01(self._cls)};"
        self._writer = Writer(session, "ros_discovery_info", struct, QoSProfile(depth=1, durability=latched), user_data)
        self._reader = Reader(
            session, "ros_discovery_info", struct, QoSProfile(depth=_UNREAD_DEPTH, durability=latched), user_data
        )
        there = session.participant
        self._participants = Discovered(there, BuiltinTopicDcpsParticipant, lambda sample: sample.key.bytes)
        self._publications = Discovered(there, BuiltinTopicDcpsPublication, _endpoint_view)
        self._subscriptions = Discovered(there, BuiltinTopicDcpsSubscription, _endpoint_view)

    # Announcing

    def add_node(self, name: str, namespace: str) -> LocalNode:
        """Announce a node of this process."""
        with self._lock:
            node = LocalNode(name, namespace)
            self._local.append(node)
            self._announce()
            return node

    def remove_node(self, node: LocalNode) -> None:
        """Withdraw a node of this process."""
        with self._lock:
            if node in self._local:
                self._local.remove(node)
                self._announce()

    def update(
        self, node: LocalNode, *, add: tuple[Reader | Writer, ...] = (), remove: tuple[Reader | Writer, ...] = ()
    ) -> None:
        """Announce that a node gained or lost endpoints."""
        with self._lock:
            for endpoint in add:
                (node.readers if isinstance(endpoint, Reader) else node.writers).append(endpoint.gid)
            for endpoint in remove:
                gids = node.readers if isinstance(endpoint, Reader) else node.writers
                if endpoint.gid in gids:
                    gids.remove(endpoint.gid)
            self._announce()

    def _announce(self) -> None:
        if not self._writer.alive:
            return
        entity = message_class("rmw_dds_common/msg/NodeEntitiesInfo")
        nodes = [
            entity(
                node_namespace=node.namespace,
                node_name=node.name,
                reader_gid_seq=[_gid_message(gid) for gid in node.readers],
                writer_gid_seq=[_gid_message(gid) for gid in node.writers],
            )
            for node in self._local
        ]
        self._writer.write(serialize(self._cls(gid=_gid_message(self._gid), node_entities_info_seq=nodes)))

    # Asking

    def nodes(self) -> list[NodeView]:
        """All nodes of the graph whose process is still there."""
        with self._lock:
            while (taken := self._reader.take()) is not None:
                info = decode(self._cls, taken[0], "ros_discovery_info")
                if info is None:
                    continue
                participant = _gid_bytes(info.gid)
                self._remote[participant] = [
                    NodeView(
                        node.node_name,
                        node.node_namespace,
                        participant,
                        frozenset(map(_gid_bytes, node.reader_gid_seq)),
                        frozenset(map(_gid_bytes, node.writer_gid_seq)),
                    )
                    for node in info.node_entities_info_seq
                ]
            present = set(self._participants.views())
            self._remote = {gid: nodes for gid, nodes in self._remote.items() if gid in present}
            return [node for nodes in self._remote.values() for node in nodes]

    def writers(self) -> list[EndpointView]:
        """All writers of the domain, ours included."""
        with self._lock:
            return self._publications.views()

    def readers(self) -> list[EndpointView]:
        """All readers of the domain, ours included."""
        with self._lock:
            return self._subscriptions.views()

    def close(self) -> None:
        """Delete the graph's own endpoints."""
        with self._lock:
            for discovered in (self._participants, self._publications, self._subscriptions):
                discovered.close()
            self._writer.close()
            self._reader.close()


def _endpoint_view(sample: Any) -> EndpointView:
    user_data = sample.qos[Policy.Userdata].data.decode(errors="replace") if Policy.Userdata in sample.qos else ""
    return EndpointView(
        sample.key.bytes, sample.participant_key.bytes, sample.topic_name, sample.type_name, sample.qos, user_data
    )
