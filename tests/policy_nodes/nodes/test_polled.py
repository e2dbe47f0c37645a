"""Topics read in a node's own rhythm; plain rclpy, so that the same holds on a sourced ROS 2."""

import threading
import time

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from std_msgs.msg import String

from policy_nodes.nodes.polled import READ_S, PolledTopics
from policy_nodes.nodes.qos import POLLED, STREAM

pytestmark = pytest.mark.ros


@pytest.fixture
def node():
    rclpy.try_shutdown()
    rclpy.init(args=[])
    made = Node("tester")
    yield made
    made.destroy_node()
    rclpy.try_shutdown()


@pytest.fixture
def spin(node):
    executor = SingleThreadedExecutor()
    executor.add_node(node)

    def until(condition, timeout=10.0):
        end = time.monotonic() + timeout
        while not condition() and time.monotonic() < end:
            executor.spin_once(timeout_sec=0.02)
        return bool(condition())

    yield until
    executor.shutdown()


@pytest.fixture
def wire(node, spin):
    """A publisher, matched with polled topics, and what those were told."""
    heard = []
    topics = PolledTopics(node)
    topics.subscribe(String, "polled", lambda message: heard.append(message.data))
    publisher = node.create_publisher(String, "polled", STREAM)
    assert spin(lambda: publisher.get_subscription_count() == 1)
    return topics, publisher, heard


def say(publisher, words):
    for word in words:
        publisher.publish(String(data=word))


def arrived(topics, heard, count):
    """Best effort on loopback comes at once, but in another thread."""
    end = time.monotonic() + 5.0
    while len(heard) < count and time.monotonic() < end:
        topics.read()
        time.sleep(0.005)
    return list(heard)


def test_nothing_is_heard_until_it_is_read_and_then_everything_in_order(wire, spin):
    topics, publisher, heard = wire
    say(publisher, "abc")
    assert not spin(lambda: heard, timeout=0.3)
    assert arrived(topics, heard, 3) == ["a", "b", "c"]
    topics.read()
    assert len(heard) == 3


def test_any_thread_may_read(wire):
    topics, publisher, heard = wire
    say(publisher, "abcdef")
    readers = [threading.Thread(target=arrived, args=(topics, heard, 6)) for _ in range(3)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(10.0)
    assert heard == list("abcdef")


def test_the_executor_calls_back_at_every_message_while_it_is_told_to(wire, spin):
    topics, publisher, heard = wire
    topics.wait_for_each(True)
    say(publisher, "a")
    assert spin(lambda: heard == ["a"])
    topics.wait_for_each(False)
    say(publisher, "b")
    assert not spin(lambda: len(heard) > 1, timeout=0.3)
    assert arrived(topics, heard, 2) == ["a", "b"]


def test_a_node_that_does_nothing_else_reads_now_and_then(wire, spin):
    topics, publisher, heard = wire
    topics.start()
    say(publisher, "ab")
    assert spin(lambda: heard == ["a", "b"])
    topics.stop()
    say(publisher, "c")
    assert not spin(lambda: len(heard) > 2, timeout=5 * READ_S)


def test_what_came_while_nobody_listened_is_dropped(wire):
    topics, publisher, heard = wire
    say(publisher, "ab")
    time.sleep(0.3)
    topics.forget()
    say(publisher, "c")
    assert arrived(topics, heard, 1) == ["c"]


def test_the_newest_are_kept_of_more_than_is_kept(wire):
    topics, publisher, heard = wire
    say(publisher, (str(number) for number in range(POLLED.depth + 20)))
    time.sleep(0.3)
    topics.read()
    assert heard == [str(number) for number in range(20, POLLED.depth + 20)]


def test_after_closing_there_is_nothing_to_read(wire):
    topics, publisher, heard = wire
    handle = topics.handles[0].handle
    topics.close()
    say(publisher, "a")
    topics.read()
    assert heard == [] and topics.handles == []
    with pytest.raises(Exception, match="destr"), handle:
        pass
