import array
import os
import signal
import struct
import time

import pytest
import rclpy
from geometry_msgs.msg import PoseStamped
from rclpy.exceptions import InvalidTopicNameException
from rclpy.node import Node
from rclpy.serialization import deserialize_message, serialize_message
from rclpy.wait_for_message import wait_for_message
from sensor_msgs.msg import JointState
from std_msgs.msg import Empty, Float64MultiArray, String

pytestmark = pytest.mark.ros

CHILD = """
import sys
from policy_nodes.rosless.activate import ensure_ros
ensure_ros()
import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile
from std_msgs.msg import String
"""


def matched(publisher, count=1):
    return lambda: publisher.get_subscription_count() == count


def test_a_message_arrives_unchanged(node, spin_until):
    received = []
    publisher = node.create_publisher(JointState, "joint_states", 10)
    node.create_subscription(JointState, "joint_states", received.append, 10)
    message = JointState(name=["a", "b"], position=[0.5, -1.5], velocity=[1.0, 2.0], effort=[])
    message.header.frame_id = "base"
    message.header.stamp.sec = 12
    message.header.stamp.nanosec = 34
    assert spin_until(matched(publisher), node)
    publisher.publish(message)
    assert spin_until(lambda: received, node)
    assert received == [message]
    assert isinstance(received[0].position, array.array)


@pytest.mark.parametrize(
    "message",
    [
        Empty(),
        String(data="grüße"),
        Float64MultiArray(data=[1.0, 2.0, 3.0]),
        PoseStamped(),
    ],
    ids=lambda message: type(message).__name__,
)
def test_shapes_of_messages(node, spin_until, message):
    received = []
    publisher = node.create_publisher(type(message), "shape", 1)
    node.create_subscription(type(message), "shape", received.append, 1)
    assert spin_until(matched(publisher), node)
    publisher.publish(message)
    assert spin_until(lambda: received, node)
    assert received == [message]


def test_samples_are_taken_without_an_executor(node, spin_until):
    publisher = node.create_publisher(String, "taken", 10)
    subscription = node.create_subscription(String, "taken", lambda message: None, 10)
    assert spin_until(matched(publisher), node)
    publisher.publish(String(data="a"))
    publisher.publish(String(data="b"))
    end, found = time.monotonic() + 5.0, []
    while len(found) < 2 and time.monotonic() < end:
        with subscription.handle:
            taken = subscription.handle.take_message(String, len(found) == 1)
        found += [] if taken is None else [taken]
    (first, info), (raw, _) = found
    assert first == String(data="a") and info["source_timestamp"] > 0
    assert deserialize_message(raw, String) == String(data="b")
    with subscription.handle:
        assert subscription.handle.take_message(String, False) is None


def test_order_is_kept(node, spin_until):
    received = []
    publisher = node.create_publisher(String, "numbers", 50)
    node.create_subscription(String, "numbers", lambda msg: received.append(int(msg.data)), 50)
    assert spin_until(matched(publisher), node)
    for number in range(50):
        publisher.publish(String(data=str(number)))
    assert spin_until(lambda: len(received) == 50, node)
    assert received == list(range(50))


def test_keep_last_drops_the_oldest(node, spin_until):
    received = []
    publisher = node.create_publisher(String, "burst", 10)
    node.create_subscription(String, "burst", lambda msg: received.append(msg.data), 2)
    assert spin_until(matched(publisher), node)
    for number in range(10):
        publisher.publish(String(data=str(number)))
    assert spin_until(lambda: "9" in received, node)
    assert received == ["8", "9"]


def test_callback_with_message_info(node, spin_until):
    received = []
    publisher = node.create_publisher(String, "info", 1)
    node.create_subscription(String, "info", lambda msg, info: received.append(info), 1)
    assert spin_until(matched(publisher), node)
    before = time.time_ns()
    publisher.publish(String(data="x"))
    assert spin_until(lambda: received, node)
    assert before - 1_000_000 <= received[0]["source_timestamp"] <= time.time_ns()


def test_wrong_message_type_is_refused(node):
    publisher = node.create_publisher(String, "typed", 1)
    with pytest.raises(TypeError):
        publisher.publish(Empty())


def test_destroyed_publisher_cannot_publish(node):
    publisher = node.create_publisher(String, "gone", 1)
    assert node.destroy_publisher(publisher)
    assert not node.destroy_publisher(publisher)
    with pytest.raises(Exception, match="destruction was requested"):
        publisher.publish(String())


def test_destroyed_subscription_is_not_called(node, spin_until):
    received = []
    publisher = node.create_publisher(String, "once", 10)
    subscription = node.create_subscription(String, "once", received.append, 10)
    other = []
    node.create_subscription(String, "once", other.append, 10)
    assert spin_until(matched(publisher, 2), node)
    assert node.destroy_subscription(subscription)
    publisher.publish(String(data="x"))
    assert spin_until(lambda: other, node)
    assert received == []


def test_publishing_after_shutdown_raises(ros):
    node = Node("late")
    publisher = node.create_publisher(String, "late", 1)
    rclpy.shutdown()
    with pytest.raises(Exception, match=r"context is invalid|destruction was requested|Destroyable"):
        publisher.publish(String())


@pytest.mark.parametrize("name", ["", "/a//b", "a/", "1a", "a b", "a~b", "a{x"])
def test_bad_topic_names(node, name):
    with pytest.raises(InvalidTopicNameException, match="Invalid topic name"):
        node.create_publisher(String, name, 1)


def test_namespaces_private_names_and_remaps(ros):
    args = ["--ros-args", "-r", "from:=to", "-r", "other:wrong:=never", "-r", "~/private:=/public"]
    node = Node("worker", namespace="/cell", cli_args=args)
    try:
        assert node.get_fully_qualified_name() == "/cell/worker"
        assert node.create_publisher(String, "from", 1).topic_name == "/cell/to"
        assert node.create_publisher(String, "wrong", 1).topic_name == "/cell/wrong"
        assert node.create_publisher(String, "~/private", 1).topic_name == "/public"
        assert node.resolve_topic_name("~/x") == "/cell/worker/x"
        assert node.resolve_topic_name("/absolute") == "/absolute"
        assert node.resolve_topic_name("from", only_expand=True) == "/cell/from"
    finally:
        node.destroy_node()


def test_node_name_and_namespace_remap():
    rclpy.init(args=["prog", "--ros-args", "-r", "__node:=renamed", "-r", "__ns:=/moved"])
    try:
        assert Node("original").get_fully_qualified_name() == "/moved/renamed"
    finally:
        rclpy.try_shutdown()


def test_wait_for_message(node, run_python):
    run_python(
        CHILD
        + """
rclpy.init()
node = Node('talker')
publisher = node.create_publisher(String, 'waited', 10)
node.create_timer(0.05, lambda: publisher.publish(String(data='here')))
rclpy.spin(node)
"""
    )
    found, message = wait_for_message(String, node, "waited", time_to_wait=30.0)
    assert found and message.data == "here"
    start = time.monotonic()
    assert wait_for_message(String, node, "silent", time_to_wait=0.1) == (False, None)
    assert time.monotonic() - start < 2.0


def test_two_processes_and_sudden_death(node, spin_until, run_python):
    received = []
    node.create_subscription(String, "chatter", lambda msg: received.append(msg.data), 10)
    child = run_python(
        CHILD
        + """
rclpy.init()
node = Node('talker')
publisher = node.create_publisher(String, 'chatter', 10)
count = [0]
def tick():
    count[0] += 1
    publisher.publish(String(data=str(count[0])))
node.create_timer(0.01, tick)
rclpy.spin(node)
"""
    )
    assert spin_until(lambda: len(received) >= 20, node)
    numbers = [int(text) for text in received]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    child.send_signal(signal.SIGKILL)
    child.wait(timeout=5)
    seen = len(received)
    publisher = node.create_publisher(String, "chatter", 10)  # our own life goes on
    assert spin_until(matched(publisher), node)
    publisher.publish(String(data="-1"))
    assert spin_until(lambda: "-1" in received[seen:], node)


def test_stopped_subscriber_does_not_block_a_keep_last_publisher(node, spin_until, run_python):
    child = run_python(
        CHILD
        + """
rclpy.init()
node = Node('listener')
node.create_subscription(String, 'commands', lambda msg: None, 10)
print('ready', flush=True)
rclpy.spin(node)
"""
    )
    publisher = node.create_publisher(String, "commands", 10)
    assert spin_until(matched(publisher), node)
    os.kill(child.pid, signal.SIGSTOP)
    try:
        worst = 0.0
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            start = time.monotonic()
            publisher.publish(String(data="x" * 1000))
            worst = max(worst, time.monotonic() - start)
            time.sleep(0.001)
        assert worst < 0.3
    finally:
        os.kill(child.pid, signal.SIGCONT)


def test_serialised_messages_pass_as_they_are(node, spin_until):
    """What a relay does: bytes in, the same bytes out, nothing decoded on the way."""
    passed, received = [], []
    source = node.create_publisher(JointState, "relay_in", 10)
    target = node.create_publisher(JointState, "relay_out", 10)

    def relay(data):
        passed.append(data)
        target.publish(data)

    assert node.create_subscription(JointState, "relay_in", relay, 10, raw=True).raw
    node.create_subscription(JointState, "relay_out", received.append, 10)
    message = JointState(name=["a", "b"], position=[0.5, -1.5])
    message.header.stamp.sec, message.header.stamp.nanosec = 12, 34
    assert spin_until(lambda: matched(source)() and matched(target)(), node)
    source.publish(message)
    assert spin_until(lambda: received, node)
    assert received == [message]
    assert type(passed[0]) is bytes and deserialize_message(passed[0], JointState) == message
    # The stamp of a header is found without decoding: behind the encapsulation header, little endian.
    assert struct.unpack_from("<iI", passed[0], 4) == (12, 34)


def test_a_message_survives_its_bytes():
    message = PoseStamped()
    message.header.frame_id, message.pose.position.x, message.pose.orientation.w = "map", 1.5, 1.0
    assert deserialize_message(serialize_message(message), PoseStamped) == message
