"""Signals end a node process in time, however it was started and whatever it is doing."""

import os
import signal
import subprocess
import sys
import time

import pytest

from policy_nodes.rosless.signals import DEFAULT_DEADLINE_S, deadline_s

pytestmark = pytest.mark.ros

NODE = """
from policy_nodes.rosless.activate import ensure_ros
ensure_ros()
import sys, time
import rclpy
from rclpy.executors import ExternalShutdownException, MultiThreadedExecutor
from rclpy.node import Node
rclpy.init()
node = Node('victim')
node.create_timer(0.05, lambda: None)
"""
# Said by a callback: a signal before the spin would be another case.
READY = """
once = node.create_timer(0.01, lambda: (once.cancel(), print('ready', flush=True)))
"""
SPIN = (
    READY
    + """
try:
    rclpy.spin(node)
except (KeyboardInterrupt, ExternalShutdownException) as reason:
    print(type(reason).__name__, flush=True)
finally:
    print('ok' if rclpy.ok() else 'down', flush=True)
    node.destroy_node()
    rclpy.try_shutdown()
"""
)


def wait_ready(process):
    assert process.stdout.readline().strip() == "ready", process.stderr.read()
    time.sleep(0.1)  # until it waits again: during a callback the signal ends spin() without an exception, as in rclpy


@pytest.mark.parametrize(
    ("number", "reason"), [(signal.SIGTERM, "ExternalShutdownException"), (signal.SIGINT, "KeyboardInterrupt")]
)
def test_signal_ends_a_spinning_node(run_python, number, reason):
    process = run_python(NODE + SPIN)
    wait_ready(process)
    start = time.monotonic()
    process.send_signal(number)
    assert process.wait(timeout=5) == 0
    assert time.monotonic() - start < 1.0
    assert process.stdout.read().split() == [reason, "down"]


def test_sigterm_uncaught_is_an_error_exit_as_in_rclpy(run_python):
    process = run_python(NODE + READY + "rclpy.spin(node)\n")
    wait_ready(process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=5) == 1
    assert "ExternalShutdownException" in process.stderr.read()


def test_sigint_works_in_a_background_job(tmp_path):
    """A non-interactive shell starts background jobs with SIGINT ignored; rclpy stops all the same."""
    script = tmp_path / "node.py"
    script.write_text(NODE + SPIN)
    shell = subprocess.Popen(
        ["sh", "-c", f"{sys.executable} -u {script} & echo $!; wait"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        child = int(shell.stdout.readline())
        assert shell.stdout.readline().strip() == "ready"
        time.sleep(0.1)
        start = time.monotonic()
        os.kill(child, signal.SIGINT)
        assert shell.stdout.read().split() == ["ExternalShutdownException", "down"]
        assert time.monotonic() - start < 1.5
    finally:
        os.killpg(shell.pid, signal.SIGKILL)
        shell.wait(timeout=5)
        shell.stdout.close()


def test_multi_threaded_spin_returns_on_sigterm(run_python):
    process = run_python(
        NODE
        + READY
        + """
executor = MultiThreadedExecutor(2)
executor.add_node(node)
executor.spin()
executor.shutdown()
print('returned', flush=True)
rclpy.try_shutdown()
"""
    )
    wait_ready(process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=5) == 0
    assert process.stdout.read().split() == ["returned"]


def test_a_stuck_callback_cannot_keep_the_process_alive(run_python):
    process = run_python(
        NODE
        + """
def stuck():
    print('ready', flush=True)
    time.sleep(60)
node.create_timer(0.01, stuck)
rclpy.spin(node)
""",
        env={"KEEL_SHUTDOWN_DEADLINE_S": "0.5"},
    )
    wait_ready(process)
    start = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=5) == 128 + signal.SIGTERM
    assert 0.4 < time.monotonic() - start < 2.0
    assert "still running 0.5 s after signal" in process.stderr.read()


def test_the_deadline_is_lifted_by_shutdown(run_python):
    process = run_python(
        NODE
        + READY
        + """
try:
    rclpy.spin(node)
except ExternalShutdownException:
    rclpy.try_shutdown()
time.sleep(0.8)
print('cleaned up', flush=True)
""",
        env={"KEEL_SHUTDOWN_DEADLINE_S": "0.3"},
    )
    wait_ready(process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=5) == 0
    assert "cleaned up" in process.stdout.read()


def test_blocking_service_call_ends_on_sigterm(run_python):
    process = run_python(
        NODE
        + """
from std_srvs.srv import Trigger
client = node.create_client(Trigger, 'nobody')
print('ready', flush=True)
print(client.call(Trigger.Request()), client.wait_for_service(), flush=True)
"""
    )
    wait_ready(process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=5) == 0
    assert process.stdout.read().split() == ["None", "False"]


def test_handlers_are_restored_after_shutdown(run_python):
    process = run_python(
        """
import signal
from policy_nodes.rosless.activate import ensure_ros
ensure_ros()
import rclpy
before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
rclpy.init()
assert signal.getsignal(signal.SIGINT) is not before[0]
rclpy.shutdown()
assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
assert signal.set_wakeup_fd(-1) == -1
"""
    )
    assert process.wait(timeout=10) == 0, process.stderr.read()


@pytest.mark.parametrize(
    ("text", "seconds"), [(None, DEFAULT_DEADLINE_S), ("3", 3.0), ("0", 0.0), ("-1", 0.0), ("x", 10.0)]
)
def test_deadline_variable(text, seconds):
    assert deadline_s(text) == seconds
