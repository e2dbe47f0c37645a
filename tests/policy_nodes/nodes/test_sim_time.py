"""A run on simulated time: every node takes its clock from /clock, and a simulation that pauses stops the robot."""

import threading
import time

import numpy as np
import pytest
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from policy_nodes.nodes.qos import SENSOR, watched
from tests.policy_nodes.nodes.bundles import drifting_bundle
from tests.policy_nodes.nodes.graph import Graph

pytestmark = pytest.mark.ros
BEGAN_S = 1000.0
"""Simulated time starts far from 0 and from the wall clock, so that no stamp can be right by accident."""
STEP_S = 0.005


class SimulatedTime:
    """Publishes /clock in real time from :data:`BEGAN_S` on, until paused."""

    def __init__(self, node: Node) -> None:
        self._publisher = node.create_publisher(Clock, "/clock", 10)
        self._running, self._ended = threading.Event(), threading.Event()
        self._running.set()
        self.now_s = BEGAN_S
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        last = time.monotonic()
        while not self._ended.wait(STEP_S):
            passed, last = time.monotonic() - last, time.monotonic()
            if not self._running.is_set():
                continue
            self.now_s += passed
            message = Clock()
            message.clock.sec, message.clock.nanosec = int(self.now_s), int(self.now_s % 1 * 1e9)
            self._publisher.publish(message)

    def pause(self) -> None:
        """Stand still."""
        self._running.clear()

    def resume(self) -> None:
        """Go on."""
        self._running.set()

    def end(self) -> None:
        """No more publishing."""
        self._ended.set()
        self._thread.join()


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    directory = tmp_path_factory.mktemp("sim_time")
    with Graph(drifting_bundle(directory, 0.1), directory, common={"use_sim_time": "true"}) as running:
        running.stamps = {"joints": [], "chunks": []}

        def note(kind):
            return lambda m: running.stamps[kind].append(m.header.stamp.sec + m.header.stamp.nanosec * 1e-9)

        running.spy.create_subscription(JointState, "/joint_states", note("joints"), SENSOR)
        running.spy.create_subscription(JointTrajectory, "/policy_node/action_chunk", note("chunks"), watched(10.0))
        running.time = SimulatedTime(running.spy)
        yield running
        running.time.end()


def test_a_run_of_all_nodes_on_the_simulations_clock(graph):
    graph.ready()
    graph.enable()
    assert graph.until(lambda: len(graph.stamps["chunks"]) >= 3)
    for kind, stamps in graph.stamps.items():
        seen = np.array(stamps[-50:])
        assert (seen >= BEGAN_S).all() and (seen <= graph.time.now_s).all(), kind
        assert (np.diff(seen) >= 0.0).all(), kind


def test_a_paused_simulation_is_a_stop_with_its_reason_and_nothing_resumes_by_itself(graph):
    graph.ready()
    graph.enable()
    graph.time.pause()
    try:
        silent = ("JOINT_STATE_STALE", "OBSERVATION_STALE", "CHUNK_EXHAUSTED", "CLOCK_JUMP")  # whatever ends first
        assert graph.reach("BACKUP", "STOPPED") in silent
        graph.reach("STOPPED")
        # The spy may hear the last commands later than the operator the state.
        assert graph.until(lambda: np.abs(np.diff(graph.recorded()[-2:], axis=0)).max() < 1e-9)
        assert np.abs(np.diff(graph.recorded(), axis=0)).max() > 1e-3  # it was in motion, and was brought to rest
    finally:
        graph.time.resume()
    commanded = len(graph.recorded())
    time.sleep(0.5)
    assert graph.state() == "STOPPED"
    assert np.ptp(graph.recorded()[commanded - 1 :], axis=0).max() == 0.0  # silence, or the rest position
    graph.ready()
    graph.enable()
