"""What ends a node's spin, and what must not."""

import sys
import threading

import pytest
import rclpy
from rclpy._rclpy_pybind11 import RCLError
from rclpy.node import Node

from policy_nodes.errors import ConfigError
from policy_nodes.nodes.spinning import _spin, run_node

pytestmark = pytest.mark.ros


class Busy(Node):
    """Raises what it is told in the first of its timer's calls, and ends the spin in the third."""

    def __init__(self, error=None, reason=""):
        super().__init__("busy")
        self.error, self.reason, self.calls, self.stopped = error, reason, 0, 0
        self.ended = threading.Event()

    def start(self):
        self.create_timer(0.01, self._work)

    def failed(self):
        return self.reason if self.calls else ""

    def stop(self):
        self.stopped += 1

    def _work(self):
        self.calls += 1
        if self.calls == 3 and not self.reason:
            self.ended.set()
        if self.calls == 1 and self.error is not None:
            raise self.error


@pytest.fixture
def spin():
    """Spin a node to its end; returns the exit code and the node."""
    rclpy.try_shutdown()
    rclpy.init(args=[])
    made = []

    def run(**given):
        made.append(Busy(**given))
        return _spin(made[-1], made[-1].ended), made[-1]

    yield run
    for node in made:
        node.destroy_node()
    rclpy.try_shutdown()


def test_a_signal_ends_it_with_0_and_stops_the_node_once(spin):
    code, node = spin()
    assert (code, node.calls, node.stopped) == (0, 3, 1)


def test_an_impossible_transition_somebody_asked_for_does_not_end_it(spin):
    code, node = spin(error=RCLError("Failed to trigger lifecycle state machine transition: not registered"))
    assert (code, node.calls, node.stopped) == (0, 3, 1)


@pytest.mark.parametrize("error", [RCLError("Failed to publish: out of memory"), ZeroDivisionError("x")])
def test_any_other_error_ends_it_with_1_after_the_stop(spin, error):
    code, node = spin(error=error)
    assert (code, node.calls, node.stopped) == (1, 1, 1)


def test_a_named_refusal_comes_out(spin):
    with pytest.raises(ConfigError, match="no such thing"):
        spin(error=ConfigError("no such thing", "choose another"))


def test_its_own_failure_ends_it_with_1(spin):
    code, node = spin(reason="the control loop has ended")
    assert (code, node.stopped) == (1, 1) and node.calls >= 1


def test_its_health_is_asked_for_at_its_own_pace_and_not_once_per_message(spin, monkeypatch):
    asked = []
    monkeypatch.setattr(Busy, "failed", lambda self: asked.append(self.calls) or "")
    monkeypatch.setattr("policy_nodes.nodes.spinning.HEALTH_S", 1e9)
    code, node = spin()
    assert (code, node.calls, len(asked)) == (0, 3, 1)


def test_a_name_that_ros_forbids_is_refused_by_name(monkeypatch):
    rclpy.try_shutdown()
    monkeypatch.setattr("sys.argv", ["node", "--ros-args", "-r", "__ns:=/9lives"])
    with pytest.raises(ConfigError) as caught:
        run_node(Busy)
    assert caught.value.fix
    assert not rclpy.ok()


def test_a_thread_of_a_node_waits_far_less_than_a_control_period_for_the_interpreter(monkeypatch):
    """Python's own 5 ms would be half of a period at 100 Hz."""
    before, seen = sys.getswitchinterval(), []
    monkeypatch.setattr("sys.argv", ["node"])

    def refuse():
        seen.append(sys.getswitchinterval())
        raise ConfigError("no such thing", "choose another")

    rclpy.try_shutdown()
    try:
        with pytest.raises(ConfigError, match="no such thing"):
            run_node(refuse)
    finally:
        sys.setswitchinterval(before)
    assert seen == [pytest.approx(2e-4)]
