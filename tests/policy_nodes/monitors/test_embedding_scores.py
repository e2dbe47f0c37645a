import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.fitted import Fitted
from policy_nodes.monitors.interface import SCORE_OFFSET
from policy_nodes.monitors.logpzo import LogpzoScore
from policy_nodes.monitors.mahalanobis import MahalanobisScore, fit_mahalanobis, ledoit_wolf
from policy_nodes.monitors.neighbours import NeighbourScore, fit_neighbours
from tests.policy_nodes.monitors.calls import make_call

RNG = np.random.default_rng(0)
DATA = RNG.normal(size=(500, 4)) * np.array([1.0, 2.0, 0.5, 0.0]) + np.array([3.0, 0.0, -1.0, 7.0])


def test_mahalanobis_counts_standard_deviations():
    score = MahalanobisScore(fit_mahalanobis(RNG.normal(size=(20_000, 3)) * [1.0, 4.0, 0.5] + 5.0), 3)
    for offset, expected in (([0, 0, 0], 0.0), ([3, 0, 0], 3.0), ([0, 12, 0], 3.0), ([0, 0, 1.5], 3.0)):
        assert score.step(make_call(5.0 + np.array(offset))) == pytest.approx(expected, abs=0.15)
    assert score.step(make_call([np.nan, 0, 0])) == np.inf


def test_ledoit_wolf_against_its_definition():
    x = np.random.default_rng(1).normal(size=(12, 5)) @ np.diag([1.0, 2, 3, 4, 5])
    centred = x - x.mean(0)
    sample = centred.T @ centred / 12
    target = np.trace(sample) / 5 * np.eye(5)
    spread = sum(np.sum((np.outer(row, row) - sample) ** 2) for row in centred) / 12**2
    share = min(1.0, spread / np.sum((sample - target) ** 2))
    covariance, found = ledoit_wolf(x)
    assert found == pytest.approx(share) and 0 < share < 1
    np.testing.assert_allclose(covariance, (1 - share) * sample + share * target)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 8), st.integers(1, 30))
def test_mahalanobis_fits_fewer_calls_than_dimensions_and_constant_ones(calls, size):
    data = np.random.default_rng(calls * 100 + size).normal(size=(calls, size))
    data[:, size // 2 :] = 1.0
    if not np.ptp(data, axis=0).any():
        return
    score = MahalanobisScore(fit_mahalanobis(data), size)
    assert np.isfinite(score.step(make_call(data[0]))) and score.step(make_call(data[0] + 100)) > 10


def test_neighbours_by_hand():
    # Centred store: the four unit directions of the plane, twice each with different lengths.
    data = np.array([[1, 0], [-1, 0], [0, 1], [0, -1], [2, 0], [-2, 0], [0, 2], [0, -2]], dtype=float)
    score = NeighbourScore(fit_neighbours(data), 2, neighbours=2)
    assert score.step(make_call([5.0, 0.0])) == pytest.approx(SCORE_OFFSET, abs=1e-7)
    assert score.step(make_call([1.0, 1.0])) == pytest.approx(1 - np.sqrt(0.5), abs=1e-5)
    assert score.step(make_call([0.0, 0.0])) == pytest.approx(1.0, abs=1e-5)  # no direction
    assert score.step(make_call([np.inf, 0.0])) == np.inf


def test_neighbours_keep_a_bounded_store():
    fitted = fit_neighbours(DATA, most=100)
    assert fitted.array("store", None, 4).shape == (100, 4) and fitted == fit_neighbours(DATA, most=100)
    np.testing.assert_allclose(np.linalg.norm(fitted.arrays["store"], axis=1), 1.0, rtol=1e-5)
    with pytest.raises(CalibrationError, match="6 neighbours of 5"):
        NeighbourScore(fit_neighbours(DATA[:5]), 4, neighbours=6)


def test_logpzo_by_hand():
    # One hidden unit: silu(x0 + 1) * 2 added to the first standardised coordinate.
    fitted = Fitted(
        {
            "mean": np.array([1.0, 0.0]), "std": np.array([2.0, 1.0]),
            "weight_0": np.array([[1.0, 0.0]]), "bias_0": np.array([1.0]),
            "weight_1": np.array([[2.0], [0.0]]), "bias_1": np.array([0.0, -0.5]),
        }
    )  # fmt: skip
    value = LogpzoScore(fitted, 2).step(make_call([3.0, 4.0]))
    silu = 2.0 / (1.0 + np.exp(-2.0))
    assert value == pytest.approx(((1.0 + 2 * silu) ** 2 + 3.5**2) / 2 + SCORE_OFFSET)
    assert LogpzoScore(fitted, 2).step(make_call([np.nan, 0.0])) == np.inf
    assert np.isfinite(LogpzoScore(fitted, 2).step(make_call([-1e6, 0.0])))


def test_logpzo_refuses_layers_that_do_not_fit():
    arrays = {"mean": np.zeros(2), "std": np.ones(2), "weight_0": np.zeros((3, 2)), "bias_0": np.zeros(3)}
    with pytest.raises(CalibrationError, match="end at width 3"):
        LogpzoScore(Fitted(arrays), 2)
    with pytest.raises(CalibrationError, match="'bias_0' is missing"):
        LogpzoScore(Fitted({k: v for k, v in arrays.items() if k != "bias_0"}), 2)
    with pytest.raises(CalibrationError, match="end at width 2"):
        LogpzoScore(Fitted({"mean": np.zeros(2), "std": np.zeros(2)}), 2)


@pytest.mark.parametrize("fit", [fit_mahalanobis, fit_neighbours])
def test_unusable_embeddings_are_refused(fit):
    for data, message in (
        (DATA[:1], "at least"), (DATA[0], "cannot be fitted"), (DATA * np.nan, "NaN"), (np.ones((9, 3)), "equal"),
    ):  # fmt: skip
        with pytest.raises(CalibrationError, match=message):
            fit(data)


def test_fitted_arrays_are_checked_when_read():
    fitted = Fitted({"mean": np.zeros(3), "bad": np.array([np.nan])})
    assert fitted.array("mean", None).shape == (3,)
    for name, shape, message in (
        ("mean", (2,), r"shape \(3,\)"), ("mean", (3, 3), "expected"),
        ("gone", (1,), "missing"), ("bad", (1,), "finite"),
    ):  # fmt: skip
        with pytest.raises(CalibrationError, match=message):
            fitted.array(name, *shape)
    assert fitted != Fitted({"mean": np.zeros(3)}) and Fitted({"a": np.ones(2)}) == Fitted({"a": np.ones(2)})
    assert Fitted() != 3 and len({Fitted(), Fitted()}) == 1
