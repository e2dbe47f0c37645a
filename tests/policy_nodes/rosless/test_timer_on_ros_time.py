"""Timers on a clock that is moved by hand."""

import pytest

from policy_nodes.rosless.clock import ROSClock
from policy_nodes.rosless.clock_type import ClockType
from policy_nodes.rosless.context import Context
from policy_nodes.rosless.exceptions import InvalidHandle, ROSInterruptException
from policy_nodes.rosless.time import Time
from policy_nodes.rosless.timer import Rate, Timer

pytestmark = pytest.mark.pure

MS = 10**6


class Bench:
    """A clock at 1000 ms and a timer of 100 ms on it."""

    def __init__(self, **options):
        self.clock = ROSClock()
        self.to(1000)
        self.clock._set_ros_time_is_active(True)
        self.timer = Timer(lambda: "called", None, 100 * MS, self.clock, context=Context(), **options)
        self.woken = 0
        self.timer._wake = self.wake

    def wake(self):
        self.woken += 1

    def to(self, milliseconds):
        self.clock.set_ros_time_override(Time(nanoseconds=milliseconds * MS, clock_type=ClockType.ROS_TIME))


@pytest.fixture
def bench():
    return Bench()


def test_due_after_one_period(bench):
    bench.to(1099)
    assert not bench.timer.is_ready() and bench.timer.time_until_next_call() == MS
    assert bench.timer._take() is None
    bench.to(1100)
    assert bench.timer.is_ready() and bench.timer._take()() == "called"
    assert not bench.timer.is_ready() and bench.timer.time_until_next_call() == 100 * MS
    assert bench.timer.time_since_last_call() == 0


def test_missed_expiries_are_called_once_and_the_phase_stays(bench):
    bench.to(1450)
    assert bench.timer.time_until_next_call() == -350 * MS
    assert bench.timer._take() is not None and bench.timer._take() is None
    assert bench.timer.time_until_next_call() == 50 * MS  # at 1500, not at 1550


def test_cancel_and_reset(bench):
    bench.timer.cancel()
    bench.to(1500)
    assert bench.timer.is_canceled() and not bench.timer.is_ready()
    assert bench.timer.time_until_next_call() is None and bench.timer._wait_ns() is None
    woken = bench.woken
    bench.timer.reset()
    assert bench.woken == woken + 1
    assert not bench.timer.is_canceled() and bench.timer.time_until_next_call() == 100 * MS


def test_without_autostart_it_waits_for_reset():
    bench = Bench(autostart=False)
    bench.to(1200)
    assert bench.timer.is_canceled() and not bench.timer.is_ready()
    bench.timer.reset()
    bench.to(1300)
    assert bench.timer.is_ready()


def test_a_new_period_counts_from_the_expiry_after_this_one(bench):
    bench.timer.timer_period_ns = 30 * MS
    assert bench.timer.timer_period_ns == 30 * MS and bench.woken == 1
    assert bench.timer.time_until_next_call() == 100 * MS
    bench.to(1100)
    bench.timer._take()
    assert bench.timer.time_until_next_call() == 30 * MS


def test_time_that_jumps_back_starts_the_period_anew(bench):
    bench.to(1100)
    bench.timer._take()
    bench.to(400)
    assert bench.timer.time_until_next_call() == 100 * MS and bench.timer.time_since_last_call() == 0
    bench.to(500)
    assert bench.timer.is_ready()


def test_leaving_simulated_time_starts_the_period_anew(bench):
    bench.clock._set_ros_time_is_active(False)
    assert not bench.timer.is_ready()  # although wall time is decades ahead
    assert 0 < bench.timer.time_until_next_call() <= 100 * MS


def test_only_an_event_ends_the_wait_for_simulated_time(bench):
    assert bench.timer._wait_ns() is None  # nobody can say how long that takes on the wall
    bench.to(1100)
    assert bench.timer._wait_ns() == 0
    assert bench.woken == 1


def test_a_destroyed_timer_is_refused(bench):
    bench.to(1100)
    bench.timer.destroy()
    assert not bench.timer.is_ready() and bench.timer._take() is None and bench.timer._wait_ns() is None
    assert bench.timer not in bench.clock._timers
    for use in ("is_canceled", "cancel", "reset", "time_since_last_call", "time_until_next_call"):
        with pytest.raises(InvalidHandle):
            getattr(bench.timer, use)()
    with pytest.raises(InvalidHandle):
        _ = bench.timer.handle
    with pytest.raises(InvalidHandle):
        bench.timer.timer_period_ns = 1


def test_a_negative_period_is_refused():
    with pytest.raises(ValueError, match="negative"):
        Timer(None, None, -1, ROSClock(), context=Context())


def test_a_rate_ends_with_the_context_and_with_itself(bench):
    context = Context()
    rate = Rate(bench.timer, context=context)
    with pytest.raises(ROSInterruptException):
        rate.sleep()  # the context was never initialised: there is nothing to wait for
    context.init([], initialize_logging=False, domain_id=7)
    rate.destroy()
    with pytest.raises(RuntimeError, match="destroyed"):
        rate.sleep()
    context.try_shutdown()


def test_a_rate_counts_the_timers_expiries(bench):
    rate = Rate(bench.timer, context=Context())
    bench.to(1100)
    bench.timer._take()()
    assert rate._ticks == 1
