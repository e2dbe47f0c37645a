"""A node's /rosout publisher without a wire."""

from types import SimpleNamespace

import pytest

from policy_nodes.rosless import log_core
from policy_nodes.rosless.idl import deserialize, serialize
from policy_nodes.rosless.log_core import LoggingSeverity, Record
from policy_nodes.rosless.qos import DurabilityPolicy, ReliabilityPolicy
from policy_nodes.rosless.rosout import ROSOUT_QOS, RosoutPublisher

pytestmark = pytest.mark.pure


class Node:
    def __init__(self, name="ns.arm"):
        self.up, self.sent = True, []
        self.name = name
        self.context = SimpleNamespace(ok=lambda: self.up)

    def get_logger(self):
        return SimpleNamespace(name=self.name)

    def create_publisher(self, cls, topic, qos):
        assert (cls._ROS_TYPE, topic, qos) == ("rcl_interfaces/msg/Log", "/rosout", ROSOUT_QOS)
        return SimpleNamespace(publish=self.sent.append)


@pytest.fixture
def node(capfd):
    node = Node()
    rosout = RosoutPublisher(node)
    yield node
    rosout.close()


def emit(name="ns.arm", message="hot", severity=LoggingSeverity.ERROR):
    log_core.emit(Record(1_700_000_000_999_999_999, severity, name, message, "/src/arm.py", "tick", 42))


def test_the_profile_is_rcls():
    assert (ROSOUT_QOS.depth, ROSOUT_QOS.durability) == (1000, DurabilityPolicy.TRANSIENT_LOCAL)
    assert ROSOUT_QOS.reliability is ReliabilityPolicy.RELIABLE
    assert ROSOUT_QOS.lifespan.nanoseconds == 10 * 10**9


def test_every_field_of_the_message(node):
    emit("ns.arm.motor")
    (log,) = node.sent
    assert (log.stamp.sec, log.stamp.nanosec) == (1_700_000_000, 999_999_999)
    assert (log.level, log.name, log.msg) == (40, "ns.arm.motor", "hot")
    assert (log.file, log.function, log.line) == ("/src/arm.py", "tick", 42)
    assert deserialize(type(log), serialize(log)) == log


@pytest.mark.parametrize("severity", [s for s in LoggingSeverity if s])
def test_severities_are_the_messages_constants(node, severity):
    emit(severity=severity)
    (log,) = node.sent
    assert log.level == int(severity) == getattr(type(log), severity.name)


def test_other_nodes_and_a_context_that_ended_are_silent(node):
    emit("ns.leg")
    node.up = False
    emit()
    assert node.sent == []


def test_closing_ends_it():
    node = Node("ns.wrist")
    rosout = RosoutPublisher(node)
    rosout.close()
    emit("ns.wrist")
    assert node.sent == []
