import numpy as np
import pytest

from policy_nodes.bundle.manifest import GraphTensor
from policy_nodes.errors import ObservationError
from policy_nodes.inference import feeds as module
from policy_nodes.inference.feeds import Feeds, all_finite, repeated


def tensor(name, role, *shape):
    return GraphTensor(name=name, role=role, shape=list(shape), dtype="uint8" if role == "image" else "float32")


STATE, GOAL, TOP = tensor("state", "observation", 2, 3), tensor("goal", "observation", 1, 2), tensor("top", "image", 4)
PREVIOUS, NOISE = tensor("previous", "previous_chunk", 2, 1), tensor("noise", "noise", 2, 1)


@pytest.fixture
def feeds():
    return Feeds([STATE, GOAL, NOISE, PREVIOUS])


def values(batch=None):
    lead = () if batch is None else (batch,)
    state = np.arange(np.prod((*lead, 6)), dtype=np.float64).reshape(*lead, 2, 3)
    return {"state": state, "goal": np.full((*lead, 1, 2), 7.0)}


def test_inputs_are_single_precision_with_a_batch_and_hold_what_was_given(feeds):
    filled = feeds.fill(values(), {"previous": np.ones((2, 1))}, 1)
    assert set(filled) == {"state", "goal", "previous"} and feeds.extra == ("previous",)
    assert {name: (value.dtype, value.shape) for name, value in filled.items()} == {
        "state": (np.float32, (1, 2, 3)), "goal": (np.float32, (1, 1, 2)), "previous": (np.float32, (1, 2, 1)),
    }  # fmt: skip
    assert filled["state"].tolist() == [[[0, 1, 2], [3, 4, 5]]] and filled["goal"].tolist() == [[[7, 7]]]


def test_one_observation_meets_every_sample_of_a_batch(feeds):
    once = feeds.fill(values(), {"previous": np.ones((1, 2, 1))}, 3)
    assert once["state"].shape == (3, 2, 3) and (once["state"] == once["state"][0]).all()
    many = feeds.fill(values(3), {"previous": np.ones((3, 2, 1))}, 3)
    assert many["state"][2].tolist() == [[12, 13, 14], [15, 16, 17]]


def test_every_call_sees_its_own_values(feeds):
    extra = {"previous": np.zeros((2, 1))}
    feeds.fill(values(), extra, 1)
    other = feeds.fill({name: value + 1 for name, value in values().items()}, extra, 1)
    assert other["state"][0, 0].tolist() == [1, 2, 3]
    other["noise"] = np.zeros(1)  # what a caller adds is gone next time
    assert "noise" not in feeds.fill(values(), extra, 1)


@pytest.mark.parametrize(
    ("given", "noise", "expected"),
    [(values(), None, 4), (values(), np.zeros((5, 2, 1)), 5), (values(1), np.zeros((5, 2, 1)), 5), (values(3), None, 3),
     (values(3), np.zeros((1, 2, 1)), 3), ({}, None, 4)],
)  # fmt: skip
def test_the_batch(feeds, given, noise, expected):
    assert feeds.batch(given, noise, 4) == expected


def test_batches_that_disagree(feeds):
    with pytest.raises(ValueError, match=r"batch sizes disagree: \[2, 3\]"):
        feeds.batch(values(3), np.zeros((2, 2, 1)), 1)
    with pytest.raises(ValueError, match=r"disagree: \[0\]"):
        feeds.batch(values(0), None, 1)


@pytest.mark.parametrize("shape", [(3,), (2, 1), (1, 3), (3, 2), (2, 2, 3), (1, 1, 2, 3), ()])
def test_what_numpy_would_stretch_to_fit_is_refused(feeds, shape):
    """(3,) and (2, 1) broadcast to (2, 3) without a word: every step of the history would be the same."""
    with pytest.raises(ObservationError, match=r"'state' has shape .*, expected \(2, 3\)"):
        feeds.fill(values() | {"state": np.zeros(shape)}, {"previous": np.zeros((2, 1))}, 1)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_named(feeds, bad):
    given = values()
    given["goal"][0, 1] = bad
    with pytest.raises(ObservationError, match="'goal' holds a value that is not finite"):
        feeds.fill(given, {"previous": np.zeros((2, 1))}, 1)
    with pytest.raises(ObservationError, match="'previous' is not finite"):
        feeds.fill(values(), {"previous": np.full((2, 1), bad)}, 1)
    assert np.isfinite(feeds.fill(values(), {"previous": np.zeros((2, 1))}, 1)["goal"]).all()  # and is forgotten


def test_large_values_are_finite(feeds):
    """Their squares overflow single precision."""
    with np.errstate(over="ignore"):
        filled = feeds.fill(values() | {"goal": np.full((1, 2), 1e30)}, {"previous": np.zeros((2, 1))}, 1)
        assert all_finite(np.full((3, 1), 1e300)) and not all_finite(np.array([1e300, np.inf]))
    assert filled["goal"].tolist() == [[[np.float32(1e30)] * 2]]
    assert all_finite(np.ones((1, 0))) and not all_finite(np.array([[1.0, np.nan]], np.float32))


def test_a_missing_feature_is_named(feeds):
    with pytest.raises(ObservationError, match="'state' is missing"):
        feeds.fill({"goal": np.zeros((1, 2))}, None, 1)


def test_pictures_are_passed_on_and_never_converted():
    feeds = Feeds([STATE, TOP])
    picture = np.arange(4, dtype=np.uint8)
    given = {"state": np.zeros((2, 3)), "top": picture}
    assert np.shares_memory(feeds.fill(given, None, 1)["top"], picture)
    assert feeds.fill(given, None, 2)["top"].tolist() == [[0, 1, 2, 3]] * 2
    assert feeds.batch({"top": np.zeros((6, 4), np.uint8)}, None, 1) == 6
    with pytest.raises(ObservationError, match="'top' gives float64, expected uint8"):
        feeds.fill(given | {"top": picture / 255}, None, 1)
    with pytest.raises(ObservationError, match=r"'top' has shape \(5,\), expected \(4,\)"):
        feeds.fill(given | {"top": np.zeros(5, np.uint8)}, None, 1)


def test_few_batch_sizes_are_kept(monkeypatch):
    monkeypatch.setattr(module, "MOST_SIZES", 2)
    feeds = Feeds([STATE])
    for batch in (1, 2, 3):
        assert feeds.fill({"state": np.zeros((2, 3))}, None, batch)["state"].shape == (batch, 2, 3)
    assert list(feeds._blocks) == [2, 3]


def test_repeating_copies_only_where_it_must():
    value = np.arange(3.0)
    assert np.shares_memory(repeated(value, (1, 3)), value)
    assert repeated(value, (2, 3)).flags["C_CONTIGUOUS"] and repeated(value, (2, 3)).tolist() == [[0, 1, 2]] * 2
