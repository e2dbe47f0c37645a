"""Two robots in one domain: the same programs, told apart by their namespaces alone."""

import pytest
from rcl_interfaces.srv import GetParameters, SetParameters
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_msgs.msg import String
from std_srvs.srv import Trigger

pytestmark = pytest.mark.ros

ROBOT = """
import sys
from policy_nodes.rosless.activate import ensure_ros
ensure_ros()
import rclpy
from rclpy.node import Node
from std_msgs.msg import String
from std_srvs.srv import Trigger
rclpy.init(args=sys.argv)
node = Node('robot')
node.declare_parameter('gain', 0.0)
publisher = node.create_publisher(String, 'state', 10)
node.create_subscription(String, 'command', lambda msg: publisher.publish(msg), 10)
def stop(request, response):
    response.success, response.message = True, node.get_fully_qualified_name()
    return response
node.create_service(Trigger, '~/stop', stop)
rclpy.spin(node)
"""
NAMES = ("alpha", "beta")


@pytest.fixture
def robots(node, spin_until, run_python):
    for number, name in enumerate(NAMES):
        run_python(ROBOT, "--ros-args", "-r", f"__ns:=/{name}", "-p", f"gain:={number + 1}.5")
    wanted = {f"/{name}/robot" for name in NAMES}
    assert spin_until(lambda: wanted <= set(node.get_fully_qualified_node_names()), node)


@pytest.fixture
def call(node, ask):
    def call_(srv_type, name, **request):
        client = node.create_client(srv_type, name)
        assert client.wait_for_service(timeout_sec=10.0)
        response = ask(client, srv_type.Request(**request))
        node.destroy_client(client)
        return response

    return call_


def test_a_command_reaches_one_robot_only(robots, node, spin_until):
    received = {name: [] for name in NAMES}
    commands = {name: node.create_publisher(String, f"/{name}/command", 10) for name in NAMES}
    for name in NAMES:
        node.create_subscription(String, f"/{name}/state", lambda msg, to=received[name]: to.append(msg.data), 10)
    assert spin_until(lambda: all(item.get_subscription_count() == 1 for item in commands.values()), node)
    assert spin_until(lambda: all(node.count_publishers(f"/{name}/state") == 1 for name in NAMES), node)

    def echoed(name, text):
        commands[name].publish(String(data=text))  # until both directions are matched
        return text in received[name]

    assert spin_until(lambda: echoed("alpha", "left"), node)
    assert not spin_until(lambda: received["beta"], node, timeout=0.2)
    assert spin_until(lambda: echoed("beta", "right"), node)
    assert set(received["alpha"]) == {"left"} and set(received["beta"]) == {"right"}


def test_services_and_parameters_are_separate(robots, call):
    assert [call(Trigger, f"/{name}/robot/stop").message for name in NAMES] == ["/alpha/robot", "/beta/robot"]

    def gains():
        answers = [call(GetParameters, f"/{name}/robot/get_parameters", names=["gain"]) for name in NAMES]
        return [answer.values[0].double_value for answer in answers]

    assert gains() == [1.5, 2.5]
    wanted = [Parameter("gain", value=9.0).to_parameter_msg()]
    assert call(SetParameters, "/beta/robot/set_parameters", parameters=wanted).results[0].successful
    assert gains() == [1.5, 9.0]


def test_the_graph_tells_them_apart(robots, node, spin_until):
    def has(query, name, wanted):  # a node is known before all it owns is
        return lambda: wanted in query("robot", f"/{name}")

    for name in NAMES:
        state = (f"/{name}/state", ["std_msgs/msg/String"])
        assert spin_until(has(node.get_publisher_names_and_types_by_node, name, state), node)
        for service, kind in (("stop", "std_srvs/srv/Trigger"), ("get_parameters", "rcl_interfaces/srv/GetParameters")):
            wanted = (f"/{name}/robot/{service}", [kind])
            assert spin_until(has(node.get_service_names_and_types_by_node, name, wanted), node)
        topic = f"/{name}/state"  # robots of an earlier test may still be leaving
        assert spin_until(lambda topic=topic: len(node.get_publishers_info_by_topic(topic)) == 1, node)
        (info,) = node.get_publishers_info_by_topic(topic)
        assert (info.node_name, info.node_namespace) == ("robot", f"/{name}")


def test_parameter_files_address_robots_by_namespace(ros, tmp_path):
    path = tmp_path / "robots.yaml"
    path.write_text(
        "/alpha/robot: {ros__parameters: {speed: 1.0}}\n"
        "/beta/robot: {ros__parameters: {speed: 2.0}}\n"
        "/**/robot: {ros__parameters: {height: 3.0}}\n"
    )
    for name, speed in (("alpha", 1.0), ("beta", 2.0)):
        made = Node("robot", namespace=name, cli_args=["--ros-args", "--params-file", str(path)])
        assert made.declare_parameter("speed", 0.0).value == speed
        assert made.declare_parameter("height", 0.0).value == 3.0
        made.destroy_node()


def test_remaps_of_one_robot_leave_the_other_alone(ros):
    rules = ["--ros-args", "-r", "command:=order", "-r", "~/stop:=/emergency_stop"]
    made = Node("robot", namespace="alpha", cli_args=rules)
    other = Node("robot", namespace="beta")
    assert made.resolve_topic_name("command") == "/alpha/order"
    assert made.resolve_service_name("~/stop") == "/emergency_stop"
    assert other.resolve_topic_name("command") == "/beta/command"
    assert other.resolve_service_name("~/stop") == "/beta/robot/stop"
    made.destroy_node()
    other.destroy_node()
