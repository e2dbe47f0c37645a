import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.entropy import EntropyScore, action_chunk_entropy, calibrate_cell, step_entropies
from policy_nodes.monitors.interface import CallFeatures


def digest_positions():
    b, h = np.meshgrid(np.arange(12), np.arange(4), indexing="ij")
    x = ((7 * b + 3 * h) % 12) / 12 * (h + 1) * 0.1
    y = ((5 * b + h) % 12) / 12 * (h + 1) * 0.1
    z = ((b + h) % 3) / 3 * 0.1
    return np.stack([x, y, z], axis=-1)


@pytest.mark.parametrize(
    ("factor", "steps", "mean"),
    [
        (0.03, [3.58496, 3.58496, 3.58496, 3.58496], 3.58496),
        (0.25, [2.12581, 2.9183, 3.58496, 3.58496], 3.05351),
        (0.5, [1.58496, 2.08496, 2.85539, 3.25163], 2.44424),
    ],
)
def test_digest_vectors(factor, steps, mean):
    positions = digest_positions()
    extent = np.ptp(positions.reshape(-1, 3), axis=0)
    np.testing.assert_allclose(extent, [0.366667, 0.366667, 0.066667], atol=1e-6)
    cell = calibrate_cell(extent, factor)
    np.testing.assert_allclose(step_entropies(positions, cell), steps, atol=5e-6)
    assert action_chunk_entropy(positions, cell) == pytest.approx(mean, abs=5e-6)


def reference_entropy(points, cell):
    """The grid written out with numpy's own histogram."""
    low, high = points.min(0), points.max(0)
    pad = 0.01 * (high - low)
    edges = [np.arange(a, b + 2 * c, c) for a, b, c in zip(low - pad, high + pad, cell, strict=True)]
    p = np.histogramdd(points, bins=edges)[0].ravel() / len(points)
    return -(p[p > 0] * np.log2(p[p > 0])).sum()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 40), st.floats(0.05, 2.0))
def test_equals_an_explicit_histogram(seed, samples, cell):
    points = np.random.default_rng(seed).normal(size=(samples, 2, 3))
    expected = [reference_entropy(points[:, h], np.full(3, cell)) for h in range(2)]
    np.testing.assert_allclose(step_entropies(points, np.full(3, cell)), expected, atol=1e-9)


def test_bounds_and_shift_invariance():
    rng = np.random.default_rng(0)
    cell = np.full(3, 0.1)
    assert action_chunk_entropy(np.zeros((8, 4, 3)), cell) == 0.0
    assert action_chunk_entropy(100 * rng.normal(size=(32, 4, 3)), cell) == pytest.approx(5.0)
    points = np.round(rng.normal(size=(32, 4, 3)), 2)
    assert action_chunk_entropy(points + 8.0, cell) == pytest.approx(action_chunk_entropy(points, cell))
    assert action_chunk_entropy(1e300 * points, cell) == pytest.approx(5.0)  # no grid is allocated


def test_cell_from_range():
    np.testing.assert_allclose(calibrate_cell([1.0, 0.5, 0.2]), [0.03, 0.015, 0.006])
    np.testing.assert_allclose(calibrate_cell([1.0, 0.0, 1e-9]), [0.03, 0.03, 0.03])


@pytest.mark.parametrize("extent", [[0.0, 0.0, 0.0], [1.0, -1.0, 1.0], [1.0, np.nan, 1.0], [1.0, 1.0]])
def test_useless_ranges_are_refused(extent):
    with pytest.raises(CalibrationError):
        calibrate_cell(extent)


def test_bad_positions():
    cell = np.ones(3)
    with pytest.raises(ValueError, match="expected"):
        action_chunk_entropy(np.zeros((4, 2, 2)), cell)
    bad = np.zeros((4, 2, 3))
    bad[1, 1, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        action_chunk_entropy(bad, cell)
    score = EntropyScore(cell)
    assert score.step(CallFeatures(np.zeros(1), bad, bad, 0.0)) == np.inf
    good = np.zeros((4, 2, 3))
    assert score.step(CallFeatures(np.zeros(1), good, good, 0.0)) == pytest.approx(1e-6)
