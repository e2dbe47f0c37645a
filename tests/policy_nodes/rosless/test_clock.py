"""ROS time and jump callbacks, by rcl's rules (rcl/src/rcl/time.c), without a clock that runs."""

import pytest

from policy_nodes.rosless.clock import Clock, ClockChange, JumpThreshold, ROSClock
from policy_nodes.rosless.clock_type import ClockType
from policy_nodes.rosless.duration import Duration
from policy_nodes.rosless.time import Time

pytestmark = pytest.mark.pure

SAME, ON, OFF = ClockChange.ROS_TIME_NO_CHANGE, ClockChange.ROS_TIME_ACTIVATED, ClockChange.ROS_TIME_DEACTIVATED


def ros(seconds):
    return Time(seconds=seconds, clock_type=ClockType.ROS_TIME)


@pytest.fixture
def clock():
    clock = ROSClock()
    clock.set_ros_time_override(ros(10))
    clock._set_ros_time_is_active(True)
    return clock


def listen(clock, **threshold):
    heard = []
    options = {"min_forward": None, "min_backward": None, **threshold}
    clock.create_jump_callback(JumpThreshold(**options), post_callback=heard.append)
    return heard


def test_ros_time_makes_a_ros_clock_and_others_do_not():
    assert isinstance(Clock(clock_type=ClockType.ROS_TIME), ROSClock)
    assert type(Clock(clock_type=ClockType.STEADY_TIME)) is Clock
    assert Clock().clock_type is ClockType.SYSTEM_TIME
    with pytest.raises(TypeError, match="ClockType"):
        Clock(clock_type=1)


def test_an_override_is_kept_back_until_ros_time_is_active():
    clock = ROSClock()
    clock.set_ros_time_override(ros(3))
    assert not clock.ros_time_is_active and clock.now().nanoseconds > 10**18  # wall time, after 2001
    clock._set_ros_time_is_active(True)
    assert clock.now() == ros(3)
    clock._set_ros_time_is_active(False)
    assert clock.now().nanoseconds > 10**18


def test_the_override_must_be_a_time(clock):
    with pytest.raises(TypeError, match=r"rclpy\.time\.Time"):
        clock.set_ros_time_override(5)
    assert clock.now() == ros(10)


@pytest.mark.parametrize(
    ("change", "delta", "told"),
    [
        (SAME, 5, True), (SAME, 4, False), (SAME, 0, False), (SAME, -3, True), (SAME, -2, False),
        (ON, 0, True), (OFF, 0, True), (ON, 4, True), (OFF, -2, True),
    ],
)  # fmt: skip
def test_thresholds_include_their_edge(change, delta, told):
    threshold = JumpThreshold(min_forward=Duration(nanoseconds=5), min_backward=Duration(nanoseconds=-3))
    assert threshold.exceeded(change, delta) is told


@pytest.mark.parametrize("change", [ON, OFF])
def test_a_change_of_source_that_is_not_asked_for_still_counts_by_its_distance(change):
    threshold = JumpThreshold(
        min_forward=Duration(nanoseconds=5), min_backward=Duration(nanoseconds=-3), on_clock_change=False
    )
    assert [threshold.exceeded(change, delta) for delta in (-3, -2, 0, 4, 5)] == [True, False, False, False, True]


def test_a_side_that_is_not_asked_for_is_silent():
    forward = JumpThreshold(min_forward=Duration(nanoseconds=1), min_backward=None)
    backward = JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1))
    assert not forward.exceeded(SAME, -(10**9)) and forward.exceeded(SAME, 1)
    assert not backward.exceeded(SAME, 10**9) and backward.exceeded(SAME, -1)


@pytest.mark.parametrize(
    ("forward", "backward", "on_change", "cause"),
    [
        (0, None, True, "min_forward"), (-1, None, True, "min_forward"), (None, 0, True, "min_backward"),
        (None, 1, True, "min_backward"), (None, None, False, "At least one"),
    ],
)  # fmt: skip
def test_thresholds_without_sense(forward, backward, on_change, cause):
    spans = [None if value is None else Duration(nanoseconds=value) for value in (forward, backward)]
    with pytest.raises(ValueError, match=cause):
        JumpThreshold(min_forward=spans[0], min_backward=spans[1], on_clock_change=on_change)


def test_jumps_are_told_with_their_signed_distance(clock):
    heard = listen(clock, min_forward=Duration(seconds=2), min_backward=Duration(seconds=-1))
    for seconds in (11, 13, 12.5, 11.5):
        clock.set_ros_time_override(ros(seconds))
    assert [(jump.clock_change, jump.delta.nanoseconds) for jump in heard] == [(SAME, 2 * 10**9), (SAME, -(10**9))]


def test_before_the_jump_the_clock_still_says_the_old_time(clock):
    seen = []
    clock.create_jump_callback(
        JumpThreshold(min_forward=Duration(nanoseconds=1), min_backward=None),
        pre_callback=lambda: seen.append(clock.now()),
        post_callback=lambda _: seen.append(clock.now()),
    )
    clock.set_ros_time_override(ros(12))
    assert seen == [ros(10), ros(12)]


def test_leaving_ros_time_is_a_change_of_source(clock):
    heard = listen(clock)
    clock._set_ros_time_is_active(True)  # already so
    clock._set_ros_time_is_active(False)
    (jump,) = heard
    assert jump.clock_change is OFF and jump.delta.nanoseconds > 10**18


def test_an_unregistered_callback_is_silent_and_may_be_unregistered_twice(clock):
    heard = []
    threshold = JumpThreshold(min_forward=Duration(nanoseconds=1), min_backward=None)
    with clock.create_jump_callback(threshold, post_callback=heard.append) as handle:
        clock.set_ros_time_override(ros(11))
    handle.unregister()
    clock.set_ros_time_override(ros(12))
    assert len(heard) == 1


def test_a_jump_callback_needs_a_function(clock):
    with pytest.raises(ValueError, match="pre_callback or post_callback"):
        clock.create_jump_callback(JumpThreshold(min_forward=None, min_backward=None))
    assert clock._handles == []
