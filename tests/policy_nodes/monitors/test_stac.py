import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.interface import SCORE_OFFSET
from policy_nodes.monitors.overlap import overlap
from policy_nodes.monitors.stac import StacScore, mean_discrepancy, median_gamma, squared_distances
from tests.policy_nodes.monitors.calls import make_call


def digest_chunks():
    b, h, a = np.meshgrid(np.arange(6), np.arange(12), np.arange(2), indexing="ij")

    def chunk(step, k):
        return (0.1 * h * (a + 1) + 0.05 * ((3 * b + 2 * k + h) % 5))[:, step : step + 8]

    return chunk(0, 0), chunk(4, 1)


def test_published_vector():
    old, new = overlap(*digest_chunks(), 4)
    assert old.shape == new.shape == (6, 4, 2)
    value, gamma = mean_discrepancy(old.reshape(6, -1), new.reshape(6, -1))
    assert (round(value, 6), round(gamma, 4)) == (0.021859, 4.7619)


def test_by_hand():
    # Samples {0, 2} and {1}: squared distances 4, 1, 1; median 1, gamma 1/2.
    left, right = np.array([[0.0], [2.0]]), np.array([[1.0]])
    value, gamma = mean_discrepancy(left, right)
    assert gamma == pytest.approx(0.5)
    assert value == pytest.approx((1 + np.exp(-2)) / 2 + 1 - 2 * np.exp(-0.5))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-1e3, 1e3))
def test_symmetric_shift_invariant_and_zero_for_the_same_samples(seed, shift):
    rng = np.random.default_rng(seed)
    left, right = rng.normal(size=(7, 5)), rng.normal(size=(9, 5))
    value = mean_discrepancy(left, right)[0]
    assert 0.0 <= value <= 2.0 and value == pytest.approx(mean_discrepancy(right, left)[0])
    assert value == pytest.approx(mean_discrepancy(left + shift, right + shift)[0], abs=1e-9)
    assert mean_discrepancy(left, left)[0] == pytest.approx(0.0, abs=1e-12)


def test_equal_samples_have_no_scale_and_no_discrepancy():
    point = np.full((4, 3), 1e6)
    assert mean_discrepancy(point, point) == (0.0, 0.0) and median_gamma(point) == 0.0
    assert (squared_distances(point, point) == 0).all()


def shifted(offset):
    """Positions (4, 6, 3) that continue along x by one per step, ``offset`` steps on."""
    steps = np.arange(6.0) + offset
    return steps[None, :, None] + np.arange(4.0)[:, None, None] * np.array([0.1, 0.0, 0.0])


def test_a_plan_that_continues_is_silent_and_one_that_jumps_is_not():
    score = StacScore(execution=2)
    assert score.step(make_call(positions=shifted(0))) == SCORE_OFFSET
    assert score.step(make_call(positions=shifted(2))) == pytest.approx(SCORE_OFFSET, abs=1e-9)
    assert score.step(make_call(positions=shifted(9))) > 0.5
    score.reset()
    assert score.step(make_call(positions=shifted(50))) == SCORE_OFFSET


def test_a_missed_call_is_compared_where_it_really_overlaps():
    score = StacScore(execution=2)
    score.step(make_call(positions=shifted(0)))
    assert score.step(make_call(positions=shifted(4), elapsed=4)) == pytest.approx(SCORE_OFFSET, abs=1e-9)
    assert score.step(make_call(positions=shifted(99), elapsed=6)) == SCORE_OFFSET  # nothing in common


def test_bad_positions_are_infinite_and_are_not_remembered():
    score = StacScore(execution=2)
    score.step(make_call(positions=shifted(0)))
    assert score.step(make_call(positions=np.full((4, 6, 3), np.nan))) == np.inf
    assert score.step(make_call(positions=shifted(2))) == SCORE_OFFSET
    with pytest.raises(CalibrationError, match="execution horizon is 0"):
        StacScore(0)


def test_a_resolution_tells_rest_from_a_changed_plan():
    rng = np.random.default_rng(0)
    fine = [1e-4 * rng.normal(size=(16, 12)) + offset for offset in (0.0, 3e-4)]  # 0.3 mm apart, 0.1 mm wide
    coarse = [1e-4 * rng.normal(size=(16, 12)) + offset for offset in (0.0, 3e-2)]
    assert mean_discrepancy(*fine)[0] > 0.5 and mean_discrepancy(*coarse)[0] > 0.5  # published: all the same
    assert mean_discrepancy(*fine, 0.005)[0] < 0.01 and mean_discrepancy(*coarse, 0.005)[0] > 0.5
    # By hand: one coordinate, resolution 1, so gamma = 1/4; samples 0 and 1.
    value, gamma = mean_discrepancy(np.zeros((1, 1)), np.ones((1, 1)), 1.0)
    assert gamma == 0.25 and value == pytest.approx(2 - 2 * np.exp(-0.25))
    assert mean_discrepancy(*coarse, 1e-9) == mean_discrepancy(*coarse)
    assert (StacScore(2).name, StacScore(2, 0.005).name) == ("stac", "stac_floor")
    with pytest.raises(CalibrationError, match="resolution is -1"):
        StacScore(2, -1.0)
