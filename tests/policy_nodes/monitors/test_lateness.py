"""The expected end stays while the task advances, slips by one per call while it stands still."""

import math

import numpy as np
import pytest

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.fitted import Fitted
from policy_nodes.monitors.interface import SCORE_OFFSET
from policy_nodes.monitors.lateness import LatenessScore
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
    return LatenessScore(Fitted({**ARRAYS, **changes}), 2, execution)


def run(judge, remaining, elapsed=None):
    return [judge.step(make_call(np.array([value, 0.0]), elapsed=elapsed)) for value in remaining]


def test_a_task_that_advances_is_never_late():
    assert run(score(), range(12, -1, -1)) == pytest.approx([SCORE_OFFSET] * 13)


def test_a_task_that_stands_still_gets_later_by_a_call_per_call():
    assert run(score(), [12, 11, 10, 10, 10, 10]) == pytest.approx(np.array([0, 0, 0, 1, 2, 3]) + SCORE_OFFSET)


def test_lateness_counts_from_the_best_expectation_and_survives_a_recovery():
    # The end was expected after 12 calls, after 9 at the second call; then the task falls back, and recovers half.
    assert run(score(), [12, 8, 12, 8]) == pytest.approx(np.array([0, 0, 5, 2]) + SCORE_OFFSET)


def test_what_follows_the_end_is_not_late():
    judge = score()
    assert run(judge, [2, 1, 0, 0, 0, 0.9]) == pytest.approx([SCORE_OFFSET] * 6)
    # Undone again: late from there on.
    assert run(judge, [5, 5]) == pytest.approx([4.1 + 1.0 + SCORE_OFFSET, 6.1 + SCORE_OFFSET])


def test_time_is_what_the_robot_executed():
    assert run(score(), [12, 12, 12], elapsed=0) == pytest.approx([SCORE_OFFSET] * 3)
    assert run(score(), [12, 12, 12], elapsed=4) == pytest.approx(np.array([0, 0.5, 1.0]) + SCORE_OFFSET)


def test_an_estimate_beyond_all_successes_is_the_longest_of_them():
    assert score().remaining(np.array([100.0, 0.0])) == 20.0
    assert score().remaining(np.array([-100.0, 0.0])) == 0.0


def test_a_new_episode_forgets_and_nan_is_infinitely_late():
    judge = score()
    run(judge, [12, 12, 12])
    judge.reset()
    assert run(judge, [12]) == pytest.approx([SCORE_OFFSET])
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
