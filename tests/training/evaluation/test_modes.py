import math

import pytest

from training.evaluation.episode import Episode
from training.evaluation.modes import count_modes, evenness


def test_only_successes_count_and_modes_not_taken_are_named():
    episodes = [Episode(0, success=True, mode="a"), Episode(1, success=False, mode="b"), Episode(2, success=True)]
    assert count_modes(episodes, ("a", "b")) == {"a": 1, "b": 0}
    assert count_modes(episodes, ()) == {}


def test_evenness_is_entropy_over_its_largest_value():
    assert evenness({"a": 5, "b": 5, "c": 5, "d": 5}) == pytest.approx(1.0)
    assert evenness({"a": 7, "b": 0}) == 0.0
    assert evenness({"a": 1, "b": 3}) == pytest.approx(-(0.25 * math.log(0.25) + 0.75 * math.log(0.75)) / math.log(2))
    assert evenness({}) == evenness({"a": 0, "b": 0}) == 0.0
