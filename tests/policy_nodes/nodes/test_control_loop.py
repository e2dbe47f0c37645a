"""The loop around the governor: publishing that fails, a thread that dies, a tick that hangs."""

import threading
import time

import numpy as np
import pytest

from policy_nodes.nodes import control_loop
from policy_nodes.nodes.control_loop import ControlLoop, Governor
from policy_nodes.safety.reasons import Reason
from policy_nodes.safety.supervisor import State
from policy_nodes.types import JointSample
from tests.policy_nodes.safety.rig import JOINTS, PERIOD_MS, Rig, config, term

PERIOD_S = PERIOD_MS / 1e3


class LiveRig(Rig):
    """The rig, in motion, with a governor that can be told of failures."""

    def __post_init__(self):
        super().__post_init__()
        self.governor = Governor(self.settings, JOINTS, [term()], PERIOD_S, 0.16, self.monitor)
        self.active()


class Driver:
    """Time for the governor that runs with its ticks, and signals that never go stale."""

    def __init__(self, rig):
        self.rig, self.published, self.broken, self.said = rig, [], False, []

    def now_ns(self):
        return self.rig.now

    def publish(self, decision):
        self.rig.now += PERIOD_MS * 1_000_000
        self.rig.feed()
        self.rig.count += 1
        if self.broken:
            raise RuntimeError("no wire")
        self.published.append(decision)
        if decision.command is not None:
            self.rig.position = decision.command


@pytest.fixture
def driver():
    return Driver(LiveRig(settings=config()))


@pytest.fixture
def loop(driver):
    made = ControlLoop(driver.rig.governor, PERIOD_S, driver.now_ns, driver.publish, driver.said.append)
    yield made
    made.stop(timeout_s=0.5)


def until(condition, timeout_s=3.0):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


def test_a_failure_is_internal_error_latched_and_stops_smoothly():
    rig = LiveRig(settings=config())
    rig.governor.fail(rig.now, "publishing failed: no wire")
    rig.tick(80)
    assert rig.governor.state is State.STOPPED
    assert rig.governor.reason is Reason.INTERNAL_ERROR
    assert rig.log[-1].stop_category == 1
    assert rig.governor.status()["internal_error"] == "publishing failed: no wire"
    rig.assert_limits()


def test_what_was_measured_is_read_before_every_decision(driver):
    order = []
    tick = driver.rig.governor.tick
    driver.rig.governor.tick = lambda now: (order.append("tick"), tick(now))[1]
    made = ControlLoop(
        driver.rig.governor, PERIOD_S, driver.now_ns, driver.publish, driver.said.append,
        listen=lambda: order.append("listen"),
    )  # fmt: skip
    made.start()
    until(lambda: len(order) > 7)
    made.stop(timeout_s=1.0)
    assert set(zip(order[::2], order[1::2], strict=False)) == {("listen", "tick")}


def test_a_loop_that_cannot_read_still_brings_the_robot_to_rest(driver):
    def deaf():
        raise RuntimeError("no topic")

    made = ControlLoop(
        driver.rig.governor, PERIOD_S, driver.now_ns, driver.publish, driver.said.append, listen=deaf
    )  # fmt: skip
    made.start()
    until(lambda: driver.rig.governor.state is State.STOPPED)
    assert driver.rig.governor.reason is Reason.INTERNAL_ERROR and made.failed() == ""
    assert driver.said[0] == "reading the topics failed: RuntimeError: no topic" and made.errors >= 3
    made.stop(timeout_s=1.0)


def test_the_loop_survives_a_publisher_that_fails_for_a_while(driver, loop):
    loop.start()
    until(lambda: len(driver.published) > 3)
    assert driver.published[-1].state is State.ACTIVE
    driver.broken = True
    until(lambda: loop.errors >= 3)
    driver.broken = False
    until(lambda: driver.published[-1].state is State.STOPPED)
    assert driver.published[-1].reason is Reason.INTERNAL_ERROR
    assert loop.failed() == ""
    assert any("RuntimeError: no wire" in text for text in driver.said)


def test_a_publisher_that_never_recovers_is_a_failure(driver, loop, monkeypatch):
    monkeypatch.setattr(control_loop, "GIVE_UP_S", 5 * PERIOD_S)
    driver.broken = True
    loop.start()
    until(loop.failed)
    assert "no command could be published" in loop.failed() and "no wire" in loop.failed()


def test_a_report_that_fails_does_not_end_the_loop(driver):
    def report(text):
        raise OSError("disk full")

    loop = ControlLoop(driver.rig.governor, PERIOD_S, driver.now_ns, driver.publish, report)
    driver.broken = True
    loop.start()
    until(lambda: loop.errors >= 3)
    assert loop.timing.running
    driver.broken = False
    assert loop.stop(timeout_s=2.0)


def test_a_dead_thread_is_noticed_and_the_stop_is_made_without_it(driver, loop):
    loop.start()
    until(lambda: len(driver.published) > 3)
    loop.timing._stop.set()  # the thread ends as if it had died
    until(lambda: not loop.timing.running)
    assert loop.failed().startswith("the control loop has ended")
    count = len(driver.published)
    assert loop.stop(timeout_s=2.0)
    stop = [decision for decision in driver.published[count:] if decision.command is not None]
    assert len(stop) > 2 and driver.published[-1].state is State.STOPPED
    assert np.ptp([decision.command[0] for decision in stop[-2:]]) < 1e-3


def test_a_tick_that_hangs_is_noticed(driver, monkeypatch):
    monkeypatch.setattr(control_loop, "GIVE_UP_S", 0.05)
    release = threading.Event()
    loop = ControlLoop(driver.rig.governor, PERIOD_S, driver.now_ns, lambda d: release.wait(5.0), driver.said.append)
    loop.start()
    assert loop.failed() == ""
    until(lambda: "stuck" in loop.failed())
    release.set()
    loop.stop(timeout_s=0.1)


def test_a_process_that_did_not_run_at_all_is_no_dead_loop(driver, monkeypatch):
    """After SIGSTOP and SIGCONT nobody has asked and nothing has ticked: the node must live and stop the robot."""
    monkeypatch.setattr(control_loop, "GIVE_UP_S", 0.05)
    monkeypatch.setattr(control_loop, "ABSENT_S", 0.1)
    release = threading.Event()
    loop = ControlLoop(driver.rig.governor, PERIOD_S, driver.now_ns, lambda d: release.wait(5.0), driver.said.append)
    loop.start()
    assert loop.failed() == ""
    time.sleep(0.3)
    assert loop.failed() == ""
    until(lambda: "stuck" in loop.failed())  # a loop that hangs in a process that runs is still noticed
    release.set()
    loop.stop(timeout_s=0.1)


def test_a_stop_that_takes_too_long_is_told(driver):
    loop = ControlLoop(driver.rig.governor, PERIOD_S, driver.now_ns, lambda d: time.sleep(0.05), driver.said.append)
    loop.start()
    assert not loop.stop(timeout_s=0.0)


def test_before_motion_there_is_nothing_to_stop():
    rig = Rig()
    governor = Governor(rig.settings, JOINTS, [term()], PERIOD_S, 0.16, False)
    loop = ControlLoop(governor, PERIOD_S, lambda: rig.now, lambda decision: None, print)
    loop.start()
    began = time.monotonic()
    assert loop.stop(timeout_s=5.0)
    assert time.monotonic() - began < 1.0
    assert governor.on_joint_state(rig.now, JointSample(rig.now, np.zeros(2), np.zeros(2))) is None
