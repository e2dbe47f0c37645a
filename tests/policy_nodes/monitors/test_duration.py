"""The expected duration stays while the task advances, and grows by one per call while it stands still."""

import math

import numpy as np
import pytest

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.duration import DurationScore
from policy_nodes.monitors.fitted import Fitted
from policy_nodes.monitors.interface import SCORE_OFFSET
from tests.policy_nodes.monitors.calls import make_call

# Remaining calls = first number of the embedding, which is standardised by 10 +- 2.
ARRAYS = {
    "mean": np.array([10.0, 0.0]),
    "std": np.array([2.0, 1.0]),
    "weight_0": np.array([[2.0, 0.0]]),
    "bias_0": np.array([10.0]),
    "longest": np.array([20.0]),
    "done": np.array([1.0]),
}


def score(execution=8, **changes):
    return DurationScore(Fitted({**ARRAYS, **changes}), 2, execution)


def run(judge, remaining, elapsed=None):
    """Durations without the offset."""
    return [judge.step(make_call(np.array([v, 0.0]), elapsed=elapsed)) - SCORE_OFFSET for v in remaining]


def test_a_task_that_advances_keeps_its_duration():
    assert run(score(), range(12, 1, -1)) == pytest.approx([12.0] * 11)


def test_a_task_that_stands_still_takes_a_call_longer_per_call():
    assert run(score(), [12, 11, 10, 10, 10, 10]) == pytest.approx([12, 12, 12, 13, 14, 15])


def test_what_is_undone_lengthens_it_at_once_and_a_recovery_shortens_it():
    assert run(score(), [12, 8, 12, 8]) == pytest.approx([12, 9, 14, 11])


def test_time_stops_after_the_end_and_goes_on_when_it_is_undone():
    judge = score()
    assert run(judge, [2, 1, 0.5, 0, 0.9]) == pytest.approx([2, 2, 1.5, 1, 1.9])
    assert run(judge, [5, 5]) == pytest.approx([6, 7])


def test_time_is_what_the_robot_executed():
    assert run(score(), [12, 12, 12], elapsed=0) == pytest.approx([12.0] * 3)
    assert run(score(), [12, 12, 12], elapsed=4) == pytest.approx([12, 12.5, 13])


def test_a_robot_that_rests_begins_a_new_attempt():
    judge = score()
    run(judge, [12] * 30)
    resting = [judge.step(make_call(np.array([12.0, 0.0]), elapsed=0, driving=False)) for _ in range(3)]
    assert resting == pytest.approx([12 + SCORE_OFFSET] * 3)
    assert run(judge, [12, 12]) == pytest.approx([13, 14])


def test_an_estimate_beyond_all_successes_is_the_longest_of_them():
    assert score().remaining(np.array([100.0, 0.0])) == 20.0
    assert score().remaining(np.array([-100.0, 0.0])) == 0.0


def test_a_new_episode_forgets_and_nan_is_infinite():
    judge = score()
    run(judge, [12, 12, 12])
    judge.reset()
    assert run(judge, [12]) == pytest.approx([12])
    assert run(judge, [math.nan]) == [math.inf]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weight_0": np.zeros((2, 2)), "bias_0": np.zeros(2)}, "end at width 2, expected 1"),
        ({"std": np.zeros(2)}, "has no scale"),
        ({"longest": np.zeros(2)}, "'longest' is of shape"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(CalibrationError, match=message):
        score(**changes)
