"""What other processes announce about their nodes, and what is made of damaged announcements."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest

from policy_nodes.rosless.idl import HEADER, deserialize, message_class, serialize
from policy_nodes.rosless.wire.endpoints import Reader, Writer
from policy_nodes.rosless.wire.graph import Graph, LocalNode

pytestmark = pytest.mark.pure

Info = message_class("rmw_dds_common/msg/ParticipantEntitiesInfo")
Entity = message_class("rmw_dds_common/msg/NodeEntitiesInfo")
Gid = message_class("rmw_dds_common/msg/Gid")
US, THEM, GONE = (bytes([number]) * 16 for number in (1, 2, 3))


def gid(raw):
    return Gid(data=np.frombuffer(raw, dtype=np.uint8))


def sample(participant, *nodes):
    entities = [
        Entity(node_namespace=namespace, node_name=name, reader_gid_seq=[gid(r) for r in readers], writer_gid_seq=[])
        for namespace, name, readers in nodes
    ]
    return serialize(Info(gid=gid(participant), node_entities_info_seq=entities))


@pytest.fixture
def graph():
    """A graph whose reader and writer are lists."""
    graph = Graph.__new__(Graph)
    graph._lock, graph._local, graph._remote = threading.RLock(), [], {}
    graph._gid, graph._cls = US, Info
    graph.inbox, graph.sent, graph.present = [], [], [US, THEM]
    graph._reader = SimpleNamespace(take=lambda: (graph.inbox.pop(0), None) if graph.inbox else None)
    graph._writer = SimpleNamespace(alive=True, write=graph.sent.append)
    graph._participants = SimpleNamespace(views=lambda: graph.present)
    return graph


def endpoint(cls, raw):
    made = cls.__new__(cls)
    made.gid = raw
    return made


def announced(graph):
    info = deserialize(Info, graph.sent[-1])
    assert bytes(bytearray(info.gid.data)) == US
    return {
        node.node_namespace + ":" + node.node_name: (
            [bytes(bytearray(item.data)) for item in node.reader_gid_seq],
            [bytes(bytearray(item.data)) for item in node.writer_gid_seq],
        )
        for node in info.node_entities_info_seq
    }


def test_the_newest_announcement_of_a_process_counts(graph):
    graph.inbox = [sample(THEM, ("/", "old", [])), sample(US, ("/", "me", [])), sample(THEM, ("/ns", "new", [GONE]))]
    assert [(node.namespace, node.name, node.participant) for node in graph.nodes()] == [
        ("/ns", "new", THEM),
        ("/", "me", US),
    ]
    assert graph.nodes()[0].readers == {GONE}


def test_nodes_leave_with_their_process(graph):
    graph.inbox = [sample(GONE, ("/", "ghost", [])), sample(THEM, ("/", "here", []))]
    assert [node.name for node in graph.nodes()] == ["here"]
    graph.present = []
    assert graph.nodes() == []


def test_a_damaged_announcement_is_dropped_and_said(graph, capfd):
    whole = sample(THEM, ("/", "arm", [GONE]))
    graph.inbox = [sample(US, ("/", "me", [])), whole[:-3], b"", HEADER + b"\xff" * 40, sample(THEM, ("/", "leg", []))]
    assert [node.name for node in graph.nodes()] == ["me", "leg"]
    assert capfd.readouterr().err.count("dropped a sample of 'ros_discovery_info'") == 3


def test_a_node_appears_changes_and_leaves(graph):
    arm = graph.add_node("arm", "/ns")
    assert announced(graph) == {"/ns:arm": ([], [])}
    reader, writer = endpoint(Reader, b"r" * 16), endpoint(Writer, b"w" * 16)
    graph.update(arm, add=(reader, writer))
    assert announced(graph) == {"/ns:arm": ([b"r" * 16], [b"w" * 16])}
    graph.update(arm, remove=(reader, reader))  # once more than it was added
    assert announced(graph) == {"/ns:arm": ([], [b"w" * 16])}
    graph.remove_node(arm)
    assert announced(graph) == {}
    graph.remove_node(arm)
    assert len(graph.sent) == 4  # nothing changed, nothing said


def test_of_two_nodes_of_one_name_the_right_one_stays(graph):
    first, second = graph.add_node("arm", "/"), graph.add_node("arm", "/")
    graph.remove_node(second)
    graph.update(first, add=(endpoint(Writer, b"w" * 16),))
    assert announced(graph) == {"/:arm": ([], [b"w" * 16])}


def test_of_two_nodes_of_one_name_the_other_one_stays_too(graph):
    first, second = graph.add_node("arm", "/"), graph.add_node("arm", "/")
    graph.remove_node(first)
    graph.update(second, add=(endpoint(Reader, b"r" * 16),))
    assert announced(graph) == {"/:arm": ([b"r" * 16], [])}
    assert LocalNode("a", "/") != LocalNode("a", "/")


def test_after_the_end_nothing_is_written(graph):
    graph._writer.alive = False
    graph.add_node("arm", "/")
    assert graph.sent == []
