import threading
import time

import pytest
import rclpy
from rclpy.clock import Clock, ClockType, JumpThreshold, ROSClock
from rclpy.duration import Duration
from rclpy.exceptions import ROSInterruptException
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.time import Time
from rosgraph_msgs.msg import Clock as ClockMsg

pytestmark = pytest.mark.ros


def test_timer_keeps_its_phase(node, spin_until):
    stamps = []
    node.create_timer(0.02, lambda: stamps.append(time.monotonic()))
    start = time.monotonic()
    assert spin_until(lambda: len(stamps) >= 25, node)
    assert stamps[24] - start == pytest.approx(0.5, abs=0.2)  # no drift: the 25th expiry is due at 0.5 s
    assert stamps[0] - start >= 0.019


def test_slow_callback_skips_expiries_instead_of_catching_up(node, spin_until):
    stamps = []

    def slow():
        stamps.append(time.monotonic())
        time.sleep(0.05)

    node.create_timer(0.02, slow)
    start = time.monotonic()
    assert spin_until(lambda: len(stamps) >= 6, node)
    assert stamps[5] - start >= 5 * 0.05


def test_cancel_and_reset(node, spin_until):
    count = []
    timer = node.create_timer(0.01, lambda: count.append(1))
    assert spin_until(lambda: len(count) >= 2, node)
    timer.cancel()
    assert timer.is_canceled() and not timer.is_ready()
    seen = len(count)
    assert not spin_until(lambda: len(count) > seen, node, timeout=0.1)
    timer.reset()
    assert not timer.is_canceled()
    assert spin_until(lambda: len(count) > seen, node)


def test_timer_quantities(node):
    timer = node.create_timer(10.0, lambda: None)
    assert timer.timer_period_ns == 10_000_000_000
    assert 9_000_000_000 < timer.time_until_next_call() <= 10_000_000_000
    assert 0 <= timer.time_since_last_call() < 1_000_000_000
    assert not timer.is_ready()
    timer.timer_period_ns = 5_000_000_000
    assert timer.timer_period_ns == 5_000_000_000
    assert node.destroy_timer(timer)
    assert timer not in list(node.timers)


def test_cancelling_itself_makes_a_one_shot(node, spin_until):
    count = []
    timer = node.create_timer(0.01, lambda: (count.append(1), timer.cancel()))
    assert spin_until(lambda: count, node)
    assert not spin_until(lambda: len(count) > 1, node, timeout=0.1)


def test_timer_on_a_steady_clock(node, spin_until):
    count = []
    node.create_timer(0.01, lambda: count.append(1), clock=Clock(clock_type=ClockType.STEADY_TIME))
    assert spin_until(lambda: len(count) >= 3, node)


def test_rate_sleeps_while_another_thread_spins(node):
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin)
    thread.start()
    try:
        rate = node.create_rate(50.0)
        start = time.monotonic()
        for _ in range(5):
            rate.sleep()
        assert 0.06 < time.monotonic() - start < 2.0
        node.destroy_rate(rate)
        with pytest.raises(Exception, match="destroyed"):
            rate.sleep()
    finally:
        executor.shutdown()
        thread.join(timeout=5)


def test_rate_is_interrupted_by_shutdown(ros):
    node = Node("sleeper")
    rate = node.create_rate(0.01)
    threading.Timer(0.1, rclpy.try_shutdown).start()
    with pytest.raises(ROSInterruptException):
        rate.sleep()


def test_clocks_and_arithmetic(node):
    now = node.get_clock().now()
    assert now.clock_type == ClockType.ROS_TIME
    assert abs(now.nanoseconds - time.time_ns()) < 1_000_000_000
    later = now + Duration(seconds=1.5)
    assert (later - now) == Duration(nanoseconds=1_500_000_000)
    assert Time.from_msg(later.to_msg()) == later
    with pytest.raises(TypeError):
        _ = now < Clock(clock_type=ClockType.STEADY_TIME).now()
    with pytest.raises(TypeError):
        _ = now - Clock().now()


def test_clock_sleep(node):
    clock = Clock(clock_type=ClockType.STEADY_TIME)
    start = time.monotonic()
    assert clock.sleep_for(Duration(seconds=0.05))
    assert 0.05 <= time.monotonic() - start < 1.0
    with pytest.raises(ValueError, match="clock type"):
        clock.sleep_until(node.get_clock().now())


def test_jump_callbacks(ros):
    clock = ROSClock()
    jumps = []
    threshold = JumpThreshold(min_forward=Duration(seconds=1), min_backward=Duration(seconds=-1))
    with clock.create_jump_callback(threshold, post_callback=jumps.append):
        clock._set_ros_time_is_active(True)
        clock.set_ros_time_override(Time(seconds=10, clock_type=ClockType.ROS_TIME))
        clock.set_ros_time_override(Time(seconds=10.5, clock_type=ClockType.ROS_TIME))
        clock.set_ros_time_override(Time(seconds=1, clock_type=ClockType.ROS_TIME))
    clock.set_ros_time_override(Time(seconds=100, clock_type=ClockType.ROS_TIME))
    deltas = [jump.delta.nanoseconds for jump in jumps[1:]]
    assert deltas == [10_000_000_000, -9_500_000_000]


def test_simulated_time_drives_clock_and_timers(ros, spin_until):
    node = Node("simulated", parameter_overrides=[Parameter("use_sim_time", value=True)])
    qos = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
    publisher = node.create_publisher(ClockMsg, "/clock", qos)
    ticks = []
    node.create_timer(1.0, lambda: ticks.append(node.get_clock().now().nanoseconds))
    assert node.get_clock().ros_time_is_active
    assert node.get_clock().now().nanoseconds == 0
    assert spin_until(lambda: publisher.get_subscription_count() == 1, node)

    def advance(seconds):
        message = ClockMsg()
        message.clock.sec = seconds
        message.clock.nanosec = 500_000_000  # between expiries: exactly on one, rcl calls twice
        publisher.publish(message)
        assert spin_until(lambda: node.get_clock().now().nanoseconds == int((seconds + 0.5) * 1e9), node)

    advance(5)
    assert spin_until(lambda: ticks, node)
    seen = len(ticks)
    assert not spin_until(lambda: len(ticks) > seen, node, timeout=0.2)  # the clock stands still
    advance(7)
    assert spin_until(lambda: len(ticks) > seen, node)
    node.set_parameters([Parameter("use_sim_time", value=False)])
    assert abs(node.get_clock().now().nanoseconds - time.time_ns()) < 1_000_000_000
    node.destroy_node()
