import numpy as np
import pytest

from policy_nodes.monitors.interface import SCORE_OFFSET
from policy_nodes.monitors.sample_variance import SampleVarianceScore, total_variance
from policy_nodes.monitors.temporal_consistency import TemporalConsistencyScore
from tests.policy_nodes.monitors.calls import make_call


def test_consistency_by_hand_reads_the_first_sample_only():
    score = TemporalConsistencyScore(execution=4)
    first, second = np.zeros((3, 6, 2)), np.full((3, 6, 2), 9.0)
    first[0, 4:] = [[1.0, 2.0], [3.0, 4.0]]
    second[0, :2] = [[1.0, 2.0], [3.0, 8.0]]
    positions = np.zeros((3, 6, 3))
    assert score.step(make_call(chunks=first, positions=positions)) == SCORE_OFFSET
    assert score.step(make_call(chunks=second, positions=positions)) == pytest.approx(16 / 4 + SCORE_OFFSET)
    score.reset()
    assert score.step(make_call(chunks=second, positions=positions)) == SCORE_OFFSET


def test_consistency_without_overlap_or_with_nan():
    score = TemporalConsistencyScore(execution=6)
    score.step(make_call(chunks=np.zeros((1, 6, 2))))
    assert score.step(make_call(chunks=np.ones((1, 6, 2)))) == SCORE_OFFSET  # H - execution = 0
    assert score.step(make_call(chunks=np.full((1, 6, 2), np.inf))) == np.inf


def test_variance_by_hand():
    # Step 0: x in {0, 2} m -> variance 1; step 1: z in {0, 4} -> variance 4; mean 2.5 m^2.
    positions = np.array([[[0, 5, 0], [7, 0, 0]], [[2, 5, 0], [7, 0, 4]]], dtype=float)
    assert total_variance(positions) == 2.5
    assert SampleVarianceScore().step(make_call(positions=positions)) == pytest.approx(2.5e6)
    assert SampleVarianceScore().step(make_call(positions=positions + 100)) == pytest.approx(2.5e6)
    assert SampleVarianceScore().step(make_call(positions=positions * np.nan)) == np.inf
    assert SampleVarianceScore().step(make_call()) == SCORE_OFFSET
