"""A node's author may use any attribute that rclpy leaves free; what rclpy uses itself is refused here as well."""

import ast
from pathlib import Path

import pytest

import policy_nodes.nodes
import policy_nodes.rosless.activate as activate
from policy_nodes.errors import KeelError
from policy_nodes.rosless.reserved_names import LIFECYCLE_NAMES, NODE_NAMES

pytestmark = [pytest.mark.ros, pytest.mark.skipif(activate.STACK != "rosless", reason="a real ROS 2 is used")]

FREE = [
    "_session", "_value", "_node", "_graph", "_name", "_namespace", "_remaps", "_executor", "_destroyed", "_rosout",
    "_resolve", "_qos", "_waitables", "_drop", "_state", "_lock", "_queue", "_thread", "_guard", "_running",
    "_client", "_service", "_timer", "_publisher", "_subscription", "_subscribers", "_writer", "_reader", "_handle",
    "_entity", "_config", "_params", "_events", "_stop", "_own", "_arguments", "_transition_lock", "_change_state",
    "_machine", "_init_entities", "_init_parameters", "_destroy_all", "_endpoint_infos", "_wire_topic",
]  # fmt: skip


@pytest.fixture
def ros():
    import rclpy

    rclpy.init(args=[])
    yield rclpy
    rclpy.try_shutdown()


@pytest.mark.parametrize("base", ["Node", "LifecycleNode"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_node_that_sets_every_free_name_works(ros, base, when):
    from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn
    from rclpy.node import Node
    from std_msgs.msg import String
    from std_srvs.srv import Trigger

    class Busy({"Node": Node, "LifecycleNode": LifecycleNode}[base]):
        def __init__(self):
            if when == "before":
                self.take_names()
            super().__init__("busy")
            if when == "after":
                self.take_names()

        def take_names(self):
            for name in FREE:
                setattr(self, name, name)

    node = Busy()
    received, ticks = [], []
    publisher = node.create_publisher(String, "words", 10)
    node.create_subscription(String, "words", lambda msg: received.append(msg.data), 10)
    node.create_service(Trigger, "ask", lambda request, response: response)
    client = node.create_client(Trigger, "ask")
    timer = node.create_timer(0.01, lambda: ticks.append(1))
    node.declare_parameter("gain", 1.0)
    assert node.get_parameter("gain").value == 1.0 and node.count_publishers("words") >= 0
    if base == "LifecycleNode":
        assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
    assert client.wait_for_service(timeout_sec=10.0)
    answer = client.call_async(Trigger.Request())
    for _ in range(500):
        publisher.publish(String(data="x"))
        ros.spin_once(node, timeout_sec=0.02)
        if received and ticks and answer.done():
            break
    assert received and ticks and answer.done()
    assert all(getattr(node, name) == name for name in FREE)
    assert node.destroy_timer(timer) and node.destroy_publisher(publisher)
    node.destroy_node()


def test_the_layer_itself_uses_no_other_names(ros):
    from rclpy.lifecycle import LifecycleNode

    node = LifecycleNode("bare")
    names = {name for name in [*vars(node), *dir(type(node))] if name.startswith("_") and not name.startswith("__")}
    ours = {name for name in names if name.startswith(("_rosless", "_ParameterSetting__"))}
    assert names - ours <= NODE_NAMES
    node.destroy_node()


@pytest.mark.parametrize("name", ["_services", "_timers", "_parameters", "_context"])
def test_names_of_rclpy_are_refused(ros, name):
    from rclpy.node import Node

    class Taker(Node):
        def __init__(self):
            super().__init__("taker")
            setattr(self, name, {})

    with pytest.raises(KeelError, match=f"Taker uses the name '{name}'") as caught:
        Taker()
    assert f"{name}_" in caught.value.fix
    with pytest.raises(KeelError, match="Early"):
        type("Early", (Node,), {name: lambda self: None})


def test_names_of_lifecycle_nodes(ros):
    from rclpy.lifecycle import LifecycleNode
    from rclpy.node import Node

    node, managed = Node("plain"), LifecycleNode("managed")
    node._state_machine = node._callbacks = 1
    for name in ("_state_machine", "_callbacks", "_services"):
        with pytest.raises(AttributeError, match=name):
            setattr(managed, name, 1)
    assert NODE_NAMES < LIFECYCLE_NAMES


def test_storing_what_is_there_is_harmless(ros):
    from rclpy.node import Node

    node = Node("idiom")
    node._logger = node.get_logger()
    node._clock = node.get_clock()
    assert node._default_callback_group is node.default_callback_group and node._context is node.context


def test_the_nodes_of_keel_take_none():
    for path in Path(policy_nodes.nodes.__file__).parent.glob("*.py"):
        for cls in (item for item in ast.walk(ast.parse(path.read_text())) if isinstance(item, ast.ClassDef)):
            if not any(ast.unparse(base).endswith("Node") for base in cls.bases):
                continue
            stored = {
                item.attr
                for item in ast.walk(cls)
                if isinstance(item, ast.Attribute) and isinstance(item.ctx, ast.Store)
                and isinstance(item.value, ast.Name) and item.value.id == "self"
            }  # fmt: skip
            defined = {item.name for item in cls.body if isinstance(item, ast.FunctionDef)}
            assert not (stored | defined) & LIFECYCLE_NAMES, f"{path.name}: {cls.name}"
