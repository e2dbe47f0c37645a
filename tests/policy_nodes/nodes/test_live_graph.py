"""The nodes as processes on the wire: enabling, faults, stops, restarts. Bounded waits, one domain, no MuJoCo."""

import os
import signal
import time

import numpy as np
import pytest
from rclpy.node import Node
from std_msgs.msg import Float64MultiArray

from tests.policy_nodes.bundle_fixture import ACCELERATION, HIGH, JERK, LOW, VELOCITY
from tests.policy_nodes.nodes.bundles import drifting_bundle
from tests.policy_nodes.nodes.graph import Graph
from tests.policy_nodes.nodes.scripted_robot import HOME

pytestmark = pytest.mark.ros
SPEED = 0.4
PERIOD_S = 0.02


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    directory = tmp_path_factory.mktemp("graph")
    with Graph(drifting_bundle(directory, SPEED), directory) as graph:
        yield graph


@pytest.fixture
def graph(running):
    running.ready()
    return running


def assert_within_limits(commands):
    assert np.isfinite(commands).all()
    assert (commands >= np.array(LOW) - 1e-9).all() and (commands <= np.array(HIGH) + 1e-9).all()
    for order, limit in ((1, VELOCITY), (2, ACCELERATION), (3, JERK)):
        difference = np.abs(np.diff(commands, n=order, axis=0)) / PERIOD_S**order
        assert (difference <= np.array(limit) * (1 + 1e-6)).all(), order


def assert_came_to_rest(commands):
    moving = np.abs(np.diff(commands, axis=0)).max(axis=1) / PERIOD_S
    assert moving[:-5].max() > 0.5 * SPEED, "it was in motion before"
    assert moving[-2:].max() < 1e-6, "and stands at the end"


def test_no_command_before_enable_then_the_policy_moves_the_robot(graph):
    graph.commands.clear()
    time.sleep(0.3)
    assert graph.state() == "READY"
    before = graph.operator.view.joint_position.copy()
    held = graph.recorded()
    assert not len(held) or np.ptp(held, axis=0).max() == 0.0  # silence, or the rest position of an earlier stop
    graph.enable()
    commands = graph.recorded()
    assert np.allclose(commands[0], before, atol=0.02)
    assert graph.until(lambda: (graph.recorded()[-1] - before)[0] > 0.02)
    assert graph.recorded()[-1][-1] == pytest.approx(before[-1])  # the finger was asked to stay
    assert_within_limits(graph.recorded())


def test_a_stopped_policy_ends_in_a_backup_on_the_wire_and_needs_reset_and_enable(graph):
    graph.enable()
    pid = graph.processes["policy_node"].pid
    os.kill(pid, signal.SIGSTOP)
    try:
        assert graph.reach("BACKUP", "STOPPED") == "CHUNK_EXHAUSTED"
        graph.reach("STOPPED")
        assert graph.until(lambda: np.ptp(graph.recorded()[-5:], axis=0).max() == 0.0)
        assert_came_to_rest(graph.recorded())
        assert_within_limits(graph.recorded())
        accepted, message = graph.operator.call("reset")
        assert not accepted and "is policy_node running?" in message
    finally:
        os.kill(pid, signal.SIGCONT)
    time.sleep(0.4)
    assert graph.state() == "STOPPED"


def test_the_operator_sends_the_robot_home_and_back_to_work(graph):
    graph.enable()
    assert graph.until(lambda: np.abs(graph.recorded()[-1] - HOME).max() > 0.05)
    assert not graph.operator.call("move_home")[0], "not while the policy commands"
    assert graph.operator.call("enable", False)[0]
    graph.reach("READY")
    events = graph.operator.view.events
    seen = len(events)
    assert graph.operator.call("move_home") == (True, "Moving home.")
    assert graph.until(lambda: [event.state for event in events[seen:]][-1:] == ["READY"])
    assert {(event.reason, event.backup) for event in events[seen:-1]} == {("OPERATOR_HOME", "home")}
    assert graph.until(lambda: np.abs(graph.recorded()[-1] - HOME).max() < 1e-6), graph.recorded()[-1]
    assert_within_limits(graph.recorded())
    graph.enable()


def test_a_restarted_policy_does_not_resume_motion(graph):
    graph.enable()
    graph.kill("policy_node")
    graph.start("policy_node")
    assert graph.reach("STOPPED") == "CHUNK_EXHAUSTED"
    seen = len(graph.operator.view.chunk_arrivals_ns)
    assert graph.until(lambda: len(graph.operator.view.chunk_arrivals_ns) > seen + 2), graph.log("policy_node")
    assert graph.state() == "STOPPED"
    graph.insist(lambda: graph.operator.call("reset")[0])
    graph.reach("READY")
    time.sleep(0.2)
    assert graph.state() == "READY"
    graph.enable()


def test_nan_in_an_observation(graph):
    graph.enable()
    graph.operator.call("corrupt_observation", True)
    assert graph.reach("BACKUP", "STOPPED") == "OBSERVATION_NOT_FINITE"
    graph.reach("STOPPED")
    assert_within_limits(graph.recorded())
    assert not graph.operator.call("reset")[0]


def test_a_second_commander_is_named_and_prevents_enabling(graph):
    rival = Node("teleop")
    try:
        rival.create_publisher(Float64MultiArray, graph.topic, 1)
        assert graph.until(lambda: graph.spy.count_publishers(graph.topic) == 2)
        accepted, message = graph.operator.call("enable", True)
        assert not accepted
        assert message == f"Cannot enable: /teleop also publishes commands on {graph.topic}."
        diagnostics = graph.operator.view.diagnostics
        assert graph.until(lambda: "/teleop" in diagnostics.get("safety_node", {}).get("obstacles", ""), 4.0)
    finally:
        rival.destroy_node()
    graph.enable()


def test_lost_joint_states_stop_with_category_1_and_silence(graph):
    graph.enable()
    os.kill(graph.processes["sim_node"].pid, signal.SIGSTOP)
    try:
        graph.reach("BACKUP", "STOPPED")
        assert graph.until(lambda: graph.operator.view.state.stop_category == "1")
        assert graph.reach("STOPPED") == "JOINT_STATE_STALE"
        assert graph.falls_silent()
        assert_within_limits(graph.recorded())
    finally:
        os.kill(graph.processes["sim_node"].pid, signal.SIGCONT)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_robot_before_the_safety_node_ends(graph, number):
    graph.enable()
    assert graph.kill("safety_node", number) == 0
    assert graph.falls_silent()  # what the node sent before its end may still be on its way to a busy listener
    assert_came_to_rest(graph.recorded())
    assert_within_limits(graph.recorded())
    log = graph.log("safety_node")
    assert "BACKUP SHUTDOWN jerk_limited_stop" in log and "the robot was brought to rest" in log
    assert "Traceback" not in log


def test_nothing_that_a_node_said_was_a_traceback(running):
    for name in running.processes:
        assert "Traceback" not in running.log(name)
