"""``use_sim_time`` and /clock on a node without middleware."""

from types import SimpleNamespace

import pytest

from policy_nodes.rosless.clock import ROSClock
from policy_nodes.rosless.idl import message_class
from policy_nodes.rosless.parameters import Parameter
from policy_nodes.rosless.qos import ReliabilityPolicy
from policy_nodes.rosless.time_source import TimeSource
from tests.policy_nodes.rosless.parameters.fake_node import FakeNode

pytestmark = pytest.mark.pure

Clock, Stamp = message_class("rosgraph_msgs/msg/Clock"), message_class("builtin_interfaces/msg/Time")


class Node(FakeNode):
    def __init__(self, **options):
        self.subscriptions, self.errors = [], []
        super().__init__(**options)
        self.clock = ROSClock()
        self.source = TimeSource(self, self.clock)

    def create_subscription(self, cls, topic, callback, qos):
        assert (cls, topic) == (Clock, "/clock")
        assert (qos.depth, qos.reliability) == (1, ReliabilityPolicy.BEST_EFFORT)  # rclpy's QoS for /clock
        self.subscriptions.append(callback)
        return callback

    def destroy_subscription(self, subscription):
        self.subscriptions.remove(subscription)

    def get_logger(self):
        return SimpleNamespace(error=self.errors.append)

    def set(self, value):
        (result,) = self.set_parameters([Parameter("use_sim_time", value=value)])
        return result


def test_off_by_default():
    node = Node()
    assert node.get_parameter("use_sim_time").value is False
    assert not node.source.ros_time_is_active and node.subscriptions == []


def test_on_from_the_start_follows_the_clock_topic():
    node = Node(context_overrides={"use_sim_time": True})
    (deliver,) = node.subscriptions
    assert node.clock.now().nanoseconds == 0  # before the first message
    deliver(Clock(clock=Stamp(sec=5, nanosec=7)))
    assert node.clock.now().nanoseconds == 5_000_000_007


def test_switching_while_running():
    node = Node()
    assert node.set(True).successful and len(node.subscriptions) == 1
    assert node.set(True).successful and len(node.subscriptions) == 1
    assert node.set(False).successful and node.subscriptions == []
    assert not node.clock.ros_time_is_active


def test_another_type_is_refused_and_changes_nothing():
    node = Node()
    result = node.set("yes")
    assert not result.successful and "bool" in result.reason.lower()
    assert not node.source.ros_time_is_active and node.get_parameter("use_sim_time").value is False


def test_other_parameters_are_none_of_its_business():
    node = Node()
    node.declare_parameter("gain", 1.0)
    assert node.set_parameters([Parameter("gain", value=2.0)])[0].successful
