"""Graph queries over a graph that is written down: names, types, owners and counts."""

from types import SimpleNamespace

import pytest

from policy_nodes.rosless.names import expand
from policy_nodes.rosless.node_graph import GraphNode, NodeNameNonExistentError, service_of, topic_of
from policy_nodes.rosless.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from policy_nodes.rosless.topic_endpoint_info import TopicEndpointTypeEnum
from policy_nodes.rosless.wire.graph import EndpointView, NodeView
from policy_nodes.rosless.wire.qos_map import to_dds

pytestmark = pytest.mark.pure

BOOL, FLOAT = "std_msgs::msg::dds_::Bool_", "std_msgs::msg::dds_::Float64_"
QOS = to_dds(QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT), "")


def gid(number):
    return bytes(15) + bytes([number])


def end(number, topic, type_name, user_data="", qos=QOS):
    return EndpointView(gid(number), gid(0), topic, type_name, qos, user_data)


WRITERS = [
    end(1, "rt/chatter", BOOL, "typehash=RIHS01_ab;clientid=1.2;"),
    end(2, "rt/ns/speed", FLOAT),
    end(3, "rq/ns/set_boolRequest", "std_srvs::srv::dds_::SetBool_Request_"),  # a client
    end(4, "rr/triggerReply", "std_srvs::srv::dds_::Trigger_Response_"),  # a server's answer
    end(5, "plain", "Foo"),
    end(6, "ros_discovery_info", "rmw_dds_common::msg::dds_::ParticipantEntitiesInfo_"),
]
READERS = [
    end(11, "rt/chatter", FLOAT),  # a disagreement about the type
    end(12, "rq/triggerRequest", "std_srvs::srv::dds_::Trigger_Request_"),  # a server
    end(13, "rr/ns/set_boolReply", "std_srvs::srv::dds_::SetBool_Response_"),
    end(14, "rt/chatter", BOOL),
]
NODES = [
    NodeView("talker", "/", gid(0), frozenset({gid(12)}), frozenset({gid(1), gid(4)})),
    NodeView("arm", "/ns", gid(0), frozenset({gid(11), gid(13)}), frozenset({gid(2), gid(3)})),
    NodeView("arm", "/", gid(9), frozenset(), frozenset()),
]


class Node(GraphNode):
    def __init__(self):
        graph = SimpleNamespace(writers=lambda: WRITERS, readers=lambda: READERS, nodes=lambda: NODES)
        self._rosless = SimpleNamespace(graph=graph)

    def resolve_topic_name(self, name):
        return expand(name, "arm", "/ns")

    resolve_service_name = resolve_topic_name


@pytest.fixture
def node():
    return Node()


@pytest.mark.parametrize(
    ("dds", "topic"),
    [("rt/a/b", "/a/b"), ("rq/aRequest", None), ("a", None), ("rt", None), ("rta", None), ("", None)],
)
def test_topics_by_prefix(dds, topic):
    assert topic_of(dds) == topic


@pytest.mark.parametrize(
    ("topic", "type_name", "service"),
    [
        ("rq/aRequest", "std_srvs::srv::dds_::Empty_Request_", ("/a", "std_srvs/srv/Empty")),
        ("rr/aReply", "std_srvs::srv::dds_::Empty_Response_", ("/a", "std_srvs/srv/Empty")),
        ("rq/RequestRequest", "std_srvs::srv::dds_::Empty_Request_", ("/Request", "std_srvs/srv/Empty")),
        ("rq/aReply", "std_srvs::srv::dds_::Empty_Request_", None),
        ("rr/aReply", "std_srvs::srv::dds_::Empty_Request_", None),
        ("rq/aRequest", "Empty", None),
        ("rt/aRequest", "std_srvs::srv::dds_::Empty_Request_", None),
    ],
)
def test_services_need_prefix_ending_and_type(topic, type_name, service):
    assert service_of(topic, type_name) == service


def test_topics_with_all_their_types_sorted(node):
    assert node.get_topic_names_and_types() == [
        ("/chatter", ["std_msgs/msg/Bool", "std_msgs/msg/Float64"]),
        ("/ns/speed", ["std_msgs/msg/Float64"]),
    ]


def test_the_names_of_dds_on_request(node):
    names = dict(node.get_topic_names_and_types(no_demangle=True))
    assert names["plain"] == ["Foo"] and names["rt/chatter"] == [BOOL, FLOAT] and len(names) == 8


def test_a_service_counts_by_its_request_topic(node):
    assert node.get_service_names_and_types() == [
        ("/ns/set_bool", ["std_srvs/srv/SetBool"]),
        ("/trigger", ["std_srvs/srv/Trigger"]),
    ]
    assert (node.count_services("/trigger"), node.count_clients("/trigger")) == (1, 0)
    assert (node.count_services("set_bool"), node.count_clients("set_bool")) == (0, 1)


def test_counts_resolve_names_as_the_node_does(node):
    assert (node.count_publishers("/chatter"), node.count_subscribers("/chatter")) == (1, 2)
    assert node.count_publishers("speed") == 1 and node.count_publishers("/speed") == 0
    assert node.count_publishers("nothing") == node.count_subscribers("nothing") == 0


def test_names_of_nodes(node):
    assert node.get_node_names() == ["talker", "arm", "arm"]
    assert node.get_node_names_and_namespaces() == [("talker", "/"), ("arm", "/ns"), ("arm", "/")]
    assert node.get_fully_qualified_node_names() == ["/talker", "/ns/arm", "/arm"]
    assert node.wait_for_node("ns/arm", 0.0) and not node.wait_for_node("leg", 0.0)


def test_what_one_node_has(node):
    assert node.get_publisher_names_and_types_by_node("talker", "/") == [("/chatter", ["std_msgs/msg/Bool"])]
    assert node.get_subscriber_names_and_types_by_node("arm", "/ns") == [("/chatter", ["std_msgs/msg/Float64"])]
    assert node.get_service_names_and_types_by_node("talker", "/") == [("/trigger", ["std_srvs/srv/Trigger"])]
    assert node.get_client_names_and_types_by_node("arm", "/ns") == [("/ns/set_bool", ["std_srvs/srv/SetBool"])]
    assert node.get_client_names_and_types_by_node("talker", "/") == []
    assert node.get_publisher_names_and_types_by_node("arm", "/") == []  # not the one in /ns
    assert node.get_publisher_names_and_types_by_node("talker", "/", no_demangle=True) == [
        ("rr/triggerReply", ["std_srvs::srv::dds_::Trigger_Response_"]),
        ("rt/chatter", [BOOL]),
    ]


@pytest.mark.parametrize("query", ["publisher", "subscriber", "service", "client"])
def test_a_node_that_is_not_there_is_named(node, query):
    with pytest.raises(NodeNameNonExistentError, match="/ns/leg"):
        getattr(node, f"get_{query}_names_and_types_by_node")("leg", "/ns")


def test_endpoints_with_owner_hash_and_qos(node):
    (info,) = node.get_publishers_info_by_topic("/chatter")
    assert (info.node_name, info.node_namespace, info.topic_type) == ("talker", "/", "std_msgs/msg/Bool")
    assert info.topic_type_hash == "RIHS01_ab" and info.endpoint_gid == [0] * 15 + [1]
    assert info.endpoint_type is TopicEndpointTypeEnum.PUBLISHER
    assert info.qos_profile.reliability is ReliabilityPolicy.BEST_EFFORT
    assert info.qos_profile.durability is DurabilityPolicy.VOLATILE


def test_endpoints_of_nobody_and_without_a_hash(node):
    first, second = node.get_subscriptions_info_by_topic("/chatter")
    assert (first.node_name, first.topic_type_hash) == ("arm", "")
    assert (second.node_name, second.node_namespace) == ("_NODE_NAME_UNKNOWN_", "_NODE_NAMESPACE_UNKNOWN_")
    (foreign,) = node.get_publishers_info_by_topic("plain", no_mangle=True)
    assert foreign.topic_type == "Foo"
    assert node.get_publishers_info_by_topic("/plain") == []
