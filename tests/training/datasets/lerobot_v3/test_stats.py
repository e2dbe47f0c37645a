import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.datasets import DatasetError
from training.datasets.lerobot_v3.stats import feature_statistics, mean_std, min_max, statistics_sha256


def test_hand_computed():
    found = feature_statistics(np.array([[1.0, 7.0], [2.0, 7.0], [3.0, 7.0], [6.0, 7.0]]))
    assert found["mean"].tolist() == [3.0, 7.0] and found["min"].tolist() == [1.0, 7.0]
    assert found["max"].tolist() == [6.0, 7.0] and found["count"].tolist() == [4]
    np.testing.assert_allclose(found["std"], [np.sqrt(14 / 4), 0.0])  # population: (4 + 1 + 0 + 9) / 4
    np.testing.assert_allclose([found["q50"][0], found["q10"][0], found["q99"][0]], [2.5, 1.3, 5.91])


def test_large_offsets_do_not_cancel():
    values = np.float32(16777216.0) + np.array([[0.0], [2.0], [4.0]], np.float32)
    np.testing.assert_allclose(feature_statistics(values)["std"], [np.sqrt(8 / 3)], rtol=1e-12)


def test_booleans_have_statistics():
    assert feature_statistics(np.array([[True], [False]]))["mean"].tolist() == [0.5]


def test_constant_elements_map_to_zero_and_stay_tame():
    stats = {"x": feature_statistics(np.full((9, 2), [0.3, 0.0], np.float32))}
    mean, std = mean_std(stats, "x")
    low, high = min_max(stats, "x")
    constant = np.float32(0.3)
    assert abs((constant - mean[0]) / std[0]) < 1e-6 and std.tolist() == [1.0, 1.0]
    assert abs(2 * (constant - low[0]) / (high[0] - low[0]) - 1) < 1e-6
    assert abs((constant + 1e-3 - mean[0]) / std[0]) < 2e-3


@settings(max_examples=20, deadline=None)
@given(st.floats(-1e3, 1e3), st.floats(0.1, 10), st.integers(2, 50), st.integers(0, 9))
def test_normalised_data_has_unit_moments(offset, scale, count, seed):
    values = offset + scale * np.random.default_rng(seed).standard_normal((count, 3))
    stats = {"x": feature_statistics(values)}
    mean, std = mean_std(stats, "x")
    normal = (values - mean) / std
    np.testing.assert_allclose([normal.mean(0), normal.std(0)], [[0] * 3, [1] * 3], atol=1e-6)
    low, high = min_max(stats, "x")
    unit = 2 * (values - low) / (high - low) - 1
    np.testing.assert_allclose([unit.min(0), unit.max(0)], [[-1] * 3, [1] * 3], atol=1e-9)


def test_absent_or_non_finite_statistics_are_refused():
    with pytest.raises(DatasetError, match="'x' has no statistics"):
        mean_std({}, "x")
    with pytest.raises(DatasetError, match="'x' has no statistic 'std'"):
        mean_std({"x": {"mean": np.zeros(1)}}, "x")
    with pytest.raises(DatasetError, match="'std' of feature 'x' is not finite"):
        mean_std({"x": {"mean": np.zeros(1), "std": np.array([np.nan])}}, "x")
    with pytest.raises(ValueError, match="N >= 1"):
        feature_statistics(np.zeros((0, 2)))


def test_digest_is_stable_and_sensitive():
    first, second = (feature_statistics(np.array([[v], [2.0]])) for v in (1.0, 1.5))
    assert statistics_sha256({"x": first}) == statistics_sha256({"x": dict(reversed(first.items()))})
    assert statistics_sha256({"x": first}) != statistics_sha256({"x": second})
