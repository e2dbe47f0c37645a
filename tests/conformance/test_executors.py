import contextlib
import threading
import time

import pytest
import rclpy
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from rclpy.executors import ExternalShutdownException, MultiThreadedExecutor, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.task import Future
from std_msgs.msg import String
from std_srvs.srv import Trigger

pytestmark = pytest.mark.ros


def test_spin_once_runs_one_callback(node):
    calls = []
    node.create_timer(0.01, lambda: calls.append("a"))
    node.create_timer(0.01, lambda: calls.append("b"))
    time.sleep(0.03)
    rclpy.spin_once(node, timeout_sec=1.0)
    assert len(calls) == 1


def test_spin_once_gives_everyone_a_turn(node):
    """A topic that always has something to read does not keep a service from answering."""
    received = []
    publisher = node.create_publisher(String, "flood", 10)
    node.create_subscription(String, "flood", received.append, 10)
    node.create_service(Trigger, "ask", lambda request, response: response)
    client = node.create_client(Trigger, "ask")
    assert client.wait_for_service(timeout_sec=10.0)
    answer = client.call_async(Trigger.Request())
    end = time.monotonic() + 10.0
    while not (received and answer.done()) and time.monotonic() < end:
        publisher.publish(String())
        publisher.publish(String())
        rclpy.spin_once(node, timeout_sec=0.05)
    assert answer.done()


def test_spin_once_times_out_and_does_not_wait_for_zero(node):
    start = time.monotonic()
    rclpy.spin_once(node, timeout_sec=0.2)
    assert 0.15 < time.monotonic() - start < 2.0
    start = time.monotonic()
    rclpy.spin_once(node, timeout_sec=0.0)
    assert time.monotonic() - start < 0.15


def test_waiting_does_not_burn_cpu(node):
    node.create_subscription(String, "quiet", lambda msg: None, 1)
    node.create_timer(0.05, lambda: None)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    executor.spin_once(timeout_sec=0.01)
    cpu, start = time.thread_time(), time.monotonic()
    while time.monotonic() - start < 0.5:
        executor.spin_once(timeout_sec=0.5)
    assert time.thread_time() - cpu < 0.1
    executor.shutdown()


def test_a_busy_group_does_not_make_the_executor_spin(ros):
    node = Node("busy")
    group = MutuallyExclusiveCallbackGroup()
    release = threading.Event()
    node.create_timer(0.01, lambda: release.wait(5), callback_group=group)  # and more expiries become due meanwhile
    executor = MultiThreadedExecutor(2)
    executor.add_node(node)
    executor.spin_once(timeout_sec=1.0)
    cpu, start = time.thread_time(), time.monotonic()
    while time.monotonic() - start < 0.3:
        executor.spin_once(timeout_sec=0.3)
    assert time.thread_time() - cpu < 0.1
    release.set()
    executor.shutdown()


def test_exception_of_a_callback_leaves_spin(node):
    def fail():
        raise ValueError("boom")

    node.create_timer(0.01, fail)
    with pytest.raises(ValueError, match="boom"):
        rclpy.spin(node)


def test_exception_leaves_a_multi_threaded_spin(node):
    def fail():
        raise ValueError("boom")

    node.create_timer(0.01, fail)
    executor = MultiThreadedExecutor(2)
    executor.add_node(node)
    with pytest.raises(ValueError, match="boom"):
        executor.spin()
    executor.shutdown()


def test_spin_until_future_complete(node):
    future = Future()
    node.create_timer(0.02, lambda: future.set_result(42))
    rclpy.spin_until_future_complete(node, future, timeout_sec=10.0)
    assert future.done() and future.result() == 42
    never = Future()
    start = time.monotonic()
    rclpy.spin_until_future_complete(node, never, timeout_sec=0.1)
    assert not never.done() and time.monotonic() - start < 2.0


def test_future_completed_by_another_thread_wakes_the_executor(node):
    future = Future()
    threading.Timer(0.1, lambda: future.set_result("done")).start()
    start = time.monotonic()
    rclpy.spin_until_future_complete(node, future, timeout_sec=10.0)
    assert future.result() == "done" and time.monotonic() - start < 3.0


def test_tasks_and_coroutines(node):
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    gate = Future()

    async def work(value):
        return value + await gate

    task = executor.create_task(work, 1)
    plain = executor.create_task(lambda: "plain")
    executor.spin_until_future_complete(plain, timeout_sec=5.0)
    assert plain.result() == "plain" and not task.done()
    node.create_timer(0.02, lambda: gate.set_result(41))
    executor.spin_until_future_complete(task, timeout_sec=5.0)
    assert task.result() == 42
    executor.shutdown()


def test_coroutine_callback_holds_its_group_until_it_ends(node, spin_until):
    gate, events = Future(), []

    async def slow(msg):
        events.append("start")
        await gate
        events.append("end")

    publisher = node.create_publisher(String, "slow", 10)
    group = MutuallyExclusiveCallbackGroup()
    node.create_subscription(String, "slow", slow, 10, callback_group=group)
    assert spin_until(lambda: publisher.get_subscription_count() == 1, node)
    publisher.publish(String())
    publisher.publish(String())
    assert spin_until(lambda: events == ["start"], node)
    assert not spin_until(lambda: len(events) > 1, node, timeout=0.1)
    gate.set_result(None)
    assert spin_until(lambda: len(events) == 4, node)
    assert events == ["start", "end", "start", "end"]


@pytest.mark.parametrize(
    ("group_class", "parallel"), [(ReentrantCallbackGroup, 2), (MutuallyExclusiveCallbackGroup, 1)]
)
def test_callback_groups(ros, group_class, parallel):
    node = Node("groups")
    group = group_class()
    lock, running, most, calls = threading.Lock(), [0], [0], []

    def work():
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.05)
        with lock:
            running[0] -= 1
            calls.append(1)

    node.create_timer(0.02, work, callback_group=group)
    node.create_timer(0.02, work, callback_group=group)
    executor = MultiThreadedExecutor(4)
    executor.add_node(node)
    end = time.monotonic() + 10
    while len(calls) < 8 and time.monotonic() < end:
        executor.spin_once(timeout_sec=0.1)
    executor.shutdown()
    assert len(calls) >= 8
    assert most[0] >= parallel if parallel > 1 else most[0] == 1


def test_guard_condition_from_another_thread(node, spin_until):
    calls = []
    guard = node.create_guard_condition(lambda: calls.append(threading.current_thread()))
    threading.Timer(0.05, guard.trigger).start()
    assert spin_until(lambda: calls, node)
    assert calls == [threading.current_thread()]
    assert node.destroy_guard_condition(guard)


def test_shutdown_in_a_callback_ends_spin(ros):
    node = Node("ender")
    node.create_timer(0.02, rclpy.shutdown)
    rclpy.spin(node)
    assert not rclpy.ok()


def test_shutdown_from_another_thread_ends_spin(ros):
    node = Node("ended")
    threading.Timer(0.1, rclpy.try_shutdown).start()
    start = time.monotonic()
    with contextlib.suppress(ExternalShutdownException):  # rclpy 7.1 raises it only out of a wait
        rclpy.spin(node)
    assert time.monotonic() - start < 3.0


def test_executor_shutdown_waits_for_running_callbacks(ros):
    node = Node("slow_end")
    started, ended = threading.Event(), threading.Event()

    def slow():
        started.set()
        time.sleep(0.2)
        ended.set()

    node.create_timer(0.01, slow)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin)
    thread.start()
    assert started.wait(5)
    assert executor.shutdown(timeout_sec=5.0)
    assert ended.wait(5)  # the layer has waited for it, rclpy 7.1 has not
    thread.join(timeout=5)
    assert not thread.is_alive()


def test_add_and_remove_nodes(ros):
    executor = SingleThreadedExecutor()
    node = Node("moving")
    assert executor.add_node(node) and not executor.add_node(node)
    assert executor.get_nodes() == [node] and node.executor is executor
    other = SingleThreadedExecutor()
    other.add_node(node)
    assert executor.get_nodes() == [] and node.executor is other
    other.remove_node(node)
    assert other.get_nodes() == []
    executor.shutdown()
    other.shutdown()


def test_entities_created_while_spinning_are_served(ros):
    node = Node("growing")
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin)
    thread.start()
    called = threading.Event()
    try:
        node.create_timer(0.01, called.set)
        assert called.wait(5)
    finally:
        executor.shutdown()
        thread.join(timeout=5)


def test_init_happens_once():
    rclpy.init(args=[])
    assert rclpy.ok()
    with pytest.raises(RuntimeError):
        rclpy.init(args=[])
    rclpy.shutdown()
    assert not rclpy.ok()
    with pytest.raises(Exception, match=r"init\(\) has not been called"):
        Node("too_late")
    rclpy.init(args=[])  # a new context takes the place of the old one
    rclpy.shutdown()
    with pytest.raises(RuntimeError):
        rclpy.shutdown()
