import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_nodes.rosless.clock_type import ClockType
from policy_nodes.rosless.duration import Duration, Infinite
from policy_nodes.rosless.idl import message_class
from policy_nodes.rosless.time import Time

pytestmark = pytest.mark.pure

SPAN = st.integers(-(2**62), 2**62)
INSTANT = st.integers(0, 2**31 * 10**9 - 1)  # builtin_interfaces/Time holds int32 seconds


def test_duration_units_and_limits():
    assert Duration(seconds=1.5, nanoseconds=3).nanoseconds == 1_500_000_003
    assert str(Duration(nanoseconds=5)) == "5 nanoseconds" and str(Infinite) == "Infinite"
    with pytest.raises(OverflowError):
        Duration(nanoseconds=2**63)
    assert Duration(seconds=1) < Duration(seconds=2) <= Duration(nanoseconds=2_000_000_000)
    assert Duration(seconds=1) != 1
    with pytest.raises(TypeError):
        _ = Duration() < 1


@settings(max_examples=50)
@given(st.integers(-(2**31) * 10**9, 2**31 * 10**9 - 1))
def test_duration_messages_round_trip(nanoseconds):
    message = Duration(nanoseconds=nanoseconds).to_msg()
    assert 0 <= message.nanosec < 10**9
    assert Duration.from_msg(message) == Duration(nanoseconds=nanoseconds)


@settings(max_examples=50)
@given(INSTANT)
def test_time_messages_round_trip(nanoseconds):
    time = Time(nanoseconds=nanoseconds, clock_type=ClockType.ROS_TIME)
    assert Time.from_msg(time.to_msg()) == time
    seconds, rest = time.seconds_nanoseconds()
    assert seconds * 10**9 + rest == nanoseconds


@settings(max_examples=50)
@given(st.integers(0, 2**61), st.integers(0, 2**61))
def test_difference_and_sum_are_inverse(first, second):
    a, b = Time(nanoseconds=first), Time(nanoseconds=second)
    assert b + (a - b) == a
    assert (a - b).nanoseconds == first - second


def test_times_of_different_clocks_do_not_mix():
    ros, steady = Time(clock_type=ClockType.ROS_TIME), Time(clock_type=ClockType.STEADY_TIME)
    for operation in ("__eq__", "__lt__", "__le__", "__gt__", "__ge__", "__sub__"):
        with pytest.raises(TypeError, match="different clock types"):
            getattr(ros, operation)(steady)
    with pytest.raises(TypeError):
        _ = ros + 1
    assert ros != 1


def test_time_refuses_what_it_cannot_hold():
    with pytest.raises(ValueError, match="negative"):
        Time(seconds=-1)
    with pytest.raises(ValueError, match="negative"):
        Time(nanoseconds=-1)
    with pytest.raises(ValueError, match="negative time"):
        _ = Time(nanoseconds=1) - Duration(nanoseconds=2)
    with pytest.raises(OverflowError):
        Time(seconds=2**40)
    with pytest.raises(TypeError):
        Time(clock_type=1)


def test_messages_of_other_types_are_refused():
    with pytest.raises(TypeError):
        Time.from_msg(message_class("builtin_interfaces/msg/Duration")())
    with pytest.raises(TypeError):
        Duration.from_msg(message_class("builtin_interfaces/msg/Time")())
