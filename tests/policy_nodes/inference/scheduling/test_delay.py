import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_nodes.inference.scheduling.delay import DelayEstimator, delay_steps

seconds = st.floats(0, 10)


@given(st.lists(seconds, max_size=30), st.integers(1, 10))
def test_the_expected_delay_is_the_longest_in_the_window(delays, window):
    estimator = DelayEstimator(window, initial_s=0.5)
    for delay in delays:
        estimator.add(delay)
    assert estimator.expected_s == max(delays[-window:], default=0.5)
    assert estimator.last_s == (delays[-1] if delays else 0.0)


def test_a_clock_that_jumped_teaches_nothing():
    estimator = DelayEstimator(3)
    for wrong in (-0.1, math.nan, math.inf):
        estimator.add(wrong)
    assert estimator.expected_s == 0.0
    estimator.add(0.03)
    estimator.reset()
    assert estimator.expected_s == 0.0


@given(seconds)
def test_the_frozen_steps_cover_the_delay_and_no_step_more(delay):
    steps = delay_steps(delay, 0.02)
    assert steps * 0.02 >= delay - 1e-9
    assert (steps - 1) * 0.02 < delay or steps == 0


def test_a_whole_number_of_steps_is_not_rounded_up():
    assert [delay_steps(k * 0.02, 0.02) for k in range(9)] == list(range(9))
    estimator = DelayEstimator(2)
    estimator.add(0.021)
    assert estimator.steps(0.02) == 2


@pytest.mark.parametrize(
    "make", [lambda: DelayEstimator(0), lambda: DelayEstimator(1, -1.0), lambda: delay_steps(1, 0)]
)
def test_nonsense_is_refused(make):
    with pytest.raises(ValueError, match=r"out of range|not positive"):
        make()
