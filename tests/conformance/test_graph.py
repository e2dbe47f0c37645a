import pytest
from rclpy.node import Node, NodeNameNonExistentError
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from std_srvs.srv import Trigger

pytestmark = pytest.mark.ros

CHILD = """
from policy_nodes.rosless.activate import ensure_ros
ensure_ros()
import rclpy
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger
rclpy.init()
node = Node('remote', namespace='/far')
node.create_publisher(JointState, 'joints', 1)
node.create_subscription(JointState, 'goal', lambda msg: None, 1)
node.create_service(Trigger, 'stop', lambda q, r: r)
node.create_client(Trigger, '/other')
rclpy.spin(node)
"""


def test_own_node_is_in_the_graph(node, spin_until):
    assert spin_until(lambda: ("tester", "/") in node.get_node_names_and_namespaces(), node)
    assert "tester" in node.get_node_names()
    assert "/tester" in node.get_fully_qualified_node_names()


def test_topics_and_types(node, spin_until):
    node.create_publisher(JointState, "joints", 1)
    node.create_subscription(String, "/text", lambda msg: None, 1)

    def seen():
        topics = dict(node.get_topic_names_and_types())
        return topics.get("/joints") == ["sensor_msgs/msg/JointState"] and topics.get("/text") == [
            "std_msgs/msg/String"
        ]

    assert spin_until(seen, node)
    assert "rt/joints" in dict(node.get_topic_names_and_types(no_demangle=True))


def test_counts(node, spin_until):
    assert node.count_publishers("counted") == 0
    publisher = node.create_publisher(String, "counted", 1)
    node.create_publisher(String, "counted", 1)
    node.create_subscription(String, "counted", lambda msg: None, 1)
    node.create_service(Trigger, "counted_service", lambda request, response: response)
    node.create_client(Trigger, "counted_service")
    assert spin_until(lambda: node.count_publishers("counted") == 2 and node.count_subscribers("counted") == 1, node)
    assert spin_until(lambda: node.count_services("counted_service") == 1, node)
    assert spin_until(lambda: node.count_clients("counted_service") == 1, node)
    node.destroy_publisher(publisher)
    assert spin_until(lambda: node.count_publishers("/counted") == 1, node)


def test_services_and_types(node, spin_until):
    node.create_service(Trigger, "stop", lambda request, response: response)
    assert spin_until(lambda: ("/stop", ["std_srvs/srv/Trigger"]) in node.get_service_names_and_types(), node)
    by_node = node.get_service_names_and_types_by_node
    assert spin_until(lambda: ("/stop", ["std_srvs/srv/Trigger"]) in by_node("tester", "/"), node)


def test_another_process_appears_and_disappears(node, spin_until, run_python):
    child = run_python(CHILD)
    remote = ("remote", "/far")
    assert spin_until(lambda: remote in node.get_node_names_and_namespaces(), node)
    joints = ("/far/joints", ["sensor_msgs/msg/JointState"])
    assert spin_until(lambda: joints in node.get_publisher_names_and_types_by_node(*remote), node)
    goal = ("/far/goal", ["sensor_msgs/msg/JointState"])
    assert spin_until(lambda: goal in node.get_subscriber_names_and_types_by_node(*remote), node)
    stop = ("/far/stop", ["std_srvs/srv/Trigger"])
    assert spin_until(lambda: stop in node.get_service_names_and_types_by_node(*remote), node)
    other = ("/other", ["std_srvs/srv/Trigger"])
    assert spin_until(lambda: other in node.get_client_names_and_types_by_node(*remote), node)
    child.terminate()
    assert spin_until(lambda: remote not in node.get_node_names_and_namespaces(), node)
    with pytest.raises(NodeNameNonExistentError):
        node.get_publisher_names_and_types_by_node(*remote)


def test_endpoint_information(node, spin_until):
    qos = QoSProfile(depth=3, reliability=ReliabilityPolicy.BEST_EFFORT, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    node.create_publisher(JointState, "described", qos)
    assert spin_until(lambda: node.get_publishers_info_by_topic("described"), node)
    assert spin_until(lambda: node.get_publishers_info_by_topic("described")[0].node_name == "tester", node)
    (info,) = node.get_publishers_info_by_topic("described")
    assert info.node_namespace == "/" and info.topic_type == "sensor_msgs/msg/JointState"
    assert info.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    assert info.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
    assert len(info.endpoint_gid) >= 16
    assert "a13ee3a330e346c9d87b5aa18d24e11690752bd33a0350f11c5882bc9179260e" in str(info.topic_type_hash)
    assert node.get_subscriptions_info_by_topic("described") == []


def test_destroyed_node_leaves_the_graph(node, spin_until):
    other = Node("other")
    assert spin_until(lambda: "other" in node.get_node_names(), node)
    other.destroy_node()
    assert spin_until(lambda: "other" not in node.get_node_names(), node)
