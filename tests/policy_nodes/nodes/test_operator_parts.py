"""What the operator makes of reports, without a graph: news, own namespace, messages of strangers."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rcl_interfaces.msg import Log
from sensor_msgs.msg import JointState

from policy_nodes.nodes.contract_topics import guarded
from policy_nodes.nodes.conversions import diagnostic_array, to_stamp
from policy_nodes.nodes.operator import Operator, StateEvent, View

pytestmark = pytest.mark.pure


@pytest.fixture
def operator():
    operator = Operator.__new__(Operator)
    operator.view, operator._changed, operator._joints = View(), threading.Condition(), ["a", "b"]
    operator.errors = []
    logger = SimpleNamespace(error=lambda text, **_: operator.errors.append(text))
    operator._node = SimpleNamespace(get_namespace=lambda: "/left", get_logger=lambda: logger)
    return operator


def state(name, stamp=1, **values):
    return diagnostic_array(stamp, "safety", DiagnosticStatus.OK, name, values)


def test_only_news_become_events_and_the_newest_state_is_always_shown(operator):
    for stamp, (name, values) in enumerate(
        [
            ("ACTIVE", {}), ("ACTIVE", {"backup": "brake"}), ("BACKUP", {"reason": "estop", "backup": "brake"}),
            ("BACKUP", {"reason": "estop", "backup": "brake", "detail": "x"}), ("BACKUP", {"reason": "estop"}),
            ("STOPPED", {"reason": "estop", "backup": "brake"}), ("STOPPED", {"reason": "estop"}),
        ]
    ):  # fmt: skip
        operator._on_state(state(name, stamp, **values))
    assert [event.stamp_ns for event in operator.view.events] == [0, 2, 4, 5]
    assert operator.view.state == StateEvent(6, "STOPPED", "estop")


@pytest.mark.parametrize(
    ("receive", "message"),
    [
        ("_on_state", DiagnosticArray()),
        ("_on_episode", DiagnosticArray()),
        ("_on_episode", state("running")),
        ("_on_episode", diagnostic_array(1, "sim", DiagnosticStatus.OK, "running", {"episode": "many"})),
    ],
)
def test_a_strangers_message_is_logged_and_changes_nothing(operator, receive, message):
    guarded(operator._node, getattr(operator, receive))(message)
    assert len(operator.errors) == 1 and operator.view.events == [] and operator.view.episode_index == -1


def test_episodes(operator):
    values = {"other": "x", "episode": "4"}
    operator._on_episode(diagnostic_array(1, "sim", DiagnosticStatus.OK, "success", values))
    assert (operator.view.episode, operator.view.episode_index) == ("success", 4)


def test_joint_states_in_the_contracts_order_and_others_ignored(operator):
    message = JointState(name=["b", "x", "a"], position=[2.0, 9.0, 1.0], velocity=[0.2, 0.9, 0.1])
    message.header.stamp = to_stamp(5)
    operator._on_joint_state(message)
    operator._on_joint_state(JointState(name=["a"], position=[7.0], velocity=[0.0]))
    assert operator.view.joint_position.tolist() == [1.0, 2.0] and operator.view.joint_velocity.tolist() == [0.1, 0.2]
    assert operator.view.joint_states == 1


def test_diagnostics_of_its_own_namespace_only(operator):
    def status(name, value):
        return DiagnosticStatus(name=name, values=[KeyValue(key="k", value=value)])

    names = ("left/safety_node", "right/safety_node", "safety_node", "left/arm/safety_node", "left/policy_node")
    operator._on_diagnostics(DiagnosticArray(status=[status(name, name) for name in names]))
    assert operator.view.diagnostics == {
        "safety_node": {"k": "left/safety_node"},
        "policy_node": {"k": "left/policy_node"},
    }


def test_warnings_of_its_own_nodes_only(operator):
    for name, level in (
        ("left.safety_node", 30), ("left.safety_node", 20), ("right.safety_node", 40), ("left.other", 40),
        ("left.policy_node", 50), ("safety_node", 40),
    ):  # fmt: skip
        operator._on_log(Log(name=name, level=level, msg=f"{name} {level}"))
    assert operator.view.warnings == ["safety_node: left.safety_node 30", "policy_node: left.policy_node 50"]


def test_odometry_is_linear_then_angular(operator):
    linear, angular = SimpleNamespace(x=1.0, y=2.0, z=3.0), SimpleNamespace(x=4.0, y=5.0, z=6.0)
    twist = SimpleNamespace(twist=SimpleNamespace(linear=linear, angular=angular))
    operator._on_odometry(SimpleNamespace(twist=twist))
    np.testing.assert_array_equal(operator.view.twist, [1, 2, 3, 4, 5, 6])


def test_waiting_ends_at_once_when_it_is_so_and_polls_while_it_is_not(operator):
    polled = []
    assert operator.wait_for(lambda view: True, 0.0, lambda: polled.append(1)) and polled == []
    assert not operator.wait_for(lambda view: False, 0.0, lambda: polled.append(1)) and polled == []
    assert operator.wait_for(lambda view: len(polled) == 2, 5.0, lambda: polled.append(1))
