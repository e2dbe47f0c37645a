"""An episode's frames: converted where that loses nothing, refused by feature, frame and element otherwise."""

import numpy as np
import pytest

from training.datasets import DatasetError, Feature
from training.datasets.lerobot_v3.frames import checked_frames

FEATURES = {"state": Feature((2,), ("shoulder", "elbow")), "done": Feature((1,), dtype="bool")}


def frames(**changes):
    return {"state": np.zeros((3, 2)), "done": np.array([False, False, True]), **changes}


def test_a_flat_series_becomes_a_column_of_its_declared_type():
    found = checked_frames(frames(), FEATURES, 0)
    assert found["done"].shape == (3, 1) and found["done"].dtype == np.bool_
    assert found["state"].dtype == np.float32


def test_lists_are_as_good_as_arrays():
    found = checked_frames({"state": [[1, 2], [3, 4]], "done": [True, False]}, FEATURES, 0)
    assert found["state"].tolist() == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"state": np.zeros((3, 3))}, r"episode 7: feature 'state' has shape \(3, 3\), expected \(T, 2\)"),
        ({"state": np.zeros(3)}, r"'state' has shape \(3,\)"),
        ({"state": 0.5}, r"'state' has shape \(\)"),
        ({"state": np.zeros((3, 2, 1))}, r"'state' has shape \(3, 2, 1\)"),
        ({"state": np.zeros((2, 2))}, r"different lengths: \{'state': 2, 'done': 3\}"),
        ({"done": np.array([0, 1, 1])}, "'done' is int64, not bool"),
        ({"state": np.array([["a", "b"]] * 3)}, "'state' is <U1, not float32"),
        ({"extra": np.zeros(3)}, r"unknown feature\(s\) \['extra'\]"),
        ({"state": [[0.0, 1.0], [2.0]]}, "'state' has rows of different lengths"),
    ],
)
def test_what_does_not_fit_is_named_with_its_episode(changes, message):
    with pytest.raises(DatasetError, match=message) as refused:
        checked_frames(frames(**changes), FEATURES, 7)
    assert "episode 7" in str(refused.value)


def test_a_missing_feature_and_an_empty_episode():
    with pytest.raises(DatasetError, match=r"missing feature\(s\) \['done'\]"):
        checked_frames({"state": np.zeros((3, 2))}, FEATURES, 0)
    with pytest.raises(DatasetError, match="episode 4 is empty"):
        checked_frames({"state": np.zeros((0, 2)), "done": np.zeros(0, bool)}, FEATURES, 4)


@pytest.mark.parametrize(("value", "said"), [(np.nan, "nan"), (-np.inf, "-inf"), (1e39, "inf")])
def test_the_first_number_that_is_not_finite_is_located(value, said):
    """1e39 is finite in float64 and not in the float32 that is stored."""
    state = np.zeros((3, 2))
    state[2, 1], state[2, 0] = value, 0.0
    with pytest.raises(DatasetError, match=rf"'state' is {said} at frame 2, element 1 \(elbow\)"):
        checked_frames(frames(state=state), FEATURES, 0)


def test_an_element_without_a_name_is_counted():
    with pytest.raises(DatasetError, match=r"at frame 0, element 1\."):
        checked_frames({"x": np.array([[0.0, np.nan]])}, {"x": Feature((2,))}, 0)


def test_the_given_arrays_are_left_as_they_were():
    given = frames(state=np.full((3, 2), 0.1))
    checked_frames(given, FEATURES, 0)
    assert given["state"].dtype == np.float64 and given["done"].shape == (3,)
