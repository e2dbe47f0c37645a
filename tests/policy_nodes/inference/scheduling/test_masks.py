import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_nodes.inference.scheduling.masks import horizons_fit, prefix_weights

sizes = st.integers(0, 24)
schedules = st.sampled_from(["exponential", "linear", "hard", "ones"])


def test_the_published_formula_by_hand():
    """H = 8, d = 2, s = 3: c = (5 - i) / 4 for i = 2, 3, 4."""
    c = np.array([3, 2, 1]) / 4
    expected = [1, 1, *(c * (np.e**c - 1) / (np.e - 1)), 0, 0, 0]
    np.testing.assert_allclose(prefix_weights(8, 2, 5), expected, rtol=1e-6)


def test_the_linear_schedule_is_the_inside_of_an_even_grid():
    expected = [1, 1, *np.linspace(1, 0, 5)[1:-1], 0, 0, 0]
    np.testing.assert_allclose(prefix_weights(8, 2, 5, "linear"), expected, rtol=1e-6)


def test_the_hard_and_the_full_schedule():
    assert prefix_weights(6, 2, 4, "hard").tolist() == [1, 1, 0, 0, 0, 0]
    assert prefix_weights(6, 2, 4, "ones").tolist() == [1, 1, 1, 1, 0, 0]


@given(st.integers(1, 24), sizes, sizes, schedules)
def test_weights_fall_from_one_to_zero_and_stay_inside_the_overlap(horizon, frozen, overlap, schedule):
    weights = prefix_weights(horizon, frozen, overlap, schedule)
    assert weights.shape == (horizon,) and weights.dtype == np.float32
    assert np.all(weights[: min(frozen, overlap, horizon)] == 1.0)
    assert np.all(weights[overlap:] == 0.0)
    assert np.all(np.diff(weights) <= 0.0) and np.all((weights >= 0.0) & (weights <= 1.0))


@pytest.mark.parametrize(("frozen", "executed", "fits"), [(3, 5, True), (5, 3, False), (4, 14, False), (8, 8, True)])
def test_horizons(frozen, executed, fits):
    assert horizons_fit(16, frozen, executed) is fits


@pytest.mark.parametrize("wrong", [(0, 0, 0), (8, -1, 4), (8, 1, -1), (8, 1, 4, "steep")])
def test_nonsense_is_refused(wrong):
    with pytest.raises(ValueError, match=r"out of range|is none of"):
        prefix_weights(*wrong)
