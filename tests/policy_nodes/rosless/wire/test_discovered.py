"""Discovery is read once per change, and says the same as reading everything anew."""

import time
from types import SimpleNamespace

import pytest
import rclpy
from cyclonedds.builtin import BuiltinTopicDcpsPublication
from std_msgs.msg import String

from policy_nodes.rosless.wire.discovered import Discovered


@pytest.fixture
def world():
    """A node, what a second reader of its participant discovered of writers, and how often it made a view."""
    context = rclpy.Context()
    rclpy.init(args=[], context=context)
    node = rclpy.create_node("watcher", context=context)
    made = []

    def view(sample):
        made.append(sample.topic_name)
        return sample.topic_name

    discovered = Discovered(node._rosless.session.participant, BuiltinTopicDcpsPublication, view)
    yield SimpleNamespace(node=node, discovered=discovered, made=made)
    discovered.close()
    node.destroy_node()
    context.try_shutdown()


def until(condition, timeout_s=5.0):
    end = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return condition()


def test_what_comes_and_goes_is_seen(world):
    assert "rt/news" not in world.discovered.views()
    first, second = (world.node.create_publisher(String, "news", 1) for _ in range(2))
    assert until(lambda: world.discovered.views().count("rt/news") == 2)
    world.node.destroy_publisher(first)
    assert until(lambda: world.discovered.views().count("rt/news") == 1)
    world.node.destroy_publisher(second)
    assert until(lambda: "rt/news" not in world.discovered.views())


def test_what_came_and_went_between_two_questions_is_never_seen(world):
    world.discovered.views()
    world.node.destroy_publisher(world.node.create_publisher(String, "brief", 1))
    assert "rt/brief" not in world.discovered.views()


def test_nothing_is_made_anew_while_nothing_changes(world):
    world.node.create_publisher(String, "steady", 1)
    assert until(lambda: "rt/steady" in world.discovered.views())
    before = list(world.made)
    for _ in range(20):
        assert "rt/steady" in world.discovered.views()
    assert world.made == before and world.made.count("rt/steady") == 1


def test_closed_knows_nothing_and_does_not_fail(world):
    assert world.discovered.views()
    world.discovered.close()
    assert world.discovered.views() == []
