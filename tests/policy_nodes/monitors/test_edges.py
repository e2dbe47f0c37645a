"""Monitors at their edges: one rollout, no overlap, tiny quantiles, NaN, and phases at their borders."""

import math

import numpy as np
import pytest

from policy_nodes.errors import CalibrationError, ConfigError
from policy_nodes.monitors.bands import extend, functional_band, pointwise_quantile, split_longest_first, stack
from policy_nodes.monitors.conformal import conformal_rank, rank_threshold, required_rollouts, rollout_maxima
from policy_nodes.monitors.metrics import RolloutVerdict, detection_metrics
from policy_nodes.monitors.mondrian import mondrian_thresholds, phase_maxima, phase_quantile
from policy_nodes.monitors.overlap import PreviousCall, overlap
from policy_nodes.monitors.phases import CallBins, ToolPhases
from policy_nodes.monitors.thresholds import SMALLEST, BandThreshold, ConstantThreshold, PhaseThreshold
from policy_nodes.monitors.window import TrailingSum, trailing_sum


@pytest.mark.parametrize(
    ("n", "q", "rank"),
    [(9, 0.9, 9), (10, 0.9, 10), (99, 0.99, 99), (1, 0.5, 1), (5, 1e-12, 1), (0, 0.3, 1), (4, 0.2, 1)],
)
def test_ranks_are_at_least_one(n, q, rank):
    assert conformal_rank(n, q) == rank


def test_the_smallest_quantile_asks_for_the_smallest_score():
    assert rank_threshold([3.0, 1.0, 2.0], 1e-12) == 1.0
    assert rank_threshold([3.0, 1.0, 2.0], 0.75) == 3.0
    with pytest.raises(CalibrationError, match="rank 4 exceeds"):
        rank_threshold([3.0, 1.0, 2.0], 0.76)


def test_a_threshold_of_infinity_is_refused_wherever_it_stands():
    with pytest.raises(CalibrationError, match="infinite"):
        rank_threshold([1.0, 2.0, math.inf], 0.5)  # although the rank would be finite
    with pytest.raises(CalibrationError, match="rollout 1 has no scores"):
        rollout_maxima([np.ones(2), np.ones(0)])
    assert [required_rollouts(q) for q in (0.5, 0.9, 0.95, 0.99)] == [1, 9, 19, 99]


def test_a_window_longer_than_the_rollout_is_a_running_sum():
    scores = [1.0, -2.0, 4.0]
    assert trailing_sum(scores, 10).tolist() == [1.0, -1.0, 3.0] and trailing_sum([], 3).tolist() == []
    on_line = TrailingSum(10)
    assert [on_line.step(s) for s in scores] == [1.0, -1.0, 3.0]
    on_line.reset()
    assert on_line.step(7.0) == 7.0
    with pytest.raises(ConfigError, match="window is 0"):
        TrailingSum(0)


def test_rollouts_of_unequal_length():
    series = [np.array([1.0, 2.0]), np.array([3.0]), np.array([5.0, 6.0, 7.0])]
    np.testing.assert_array_equal(stack(series), [[1, 2, np.nan], [3, np.nan, np.nan], [5, 6, 7]])
    np.testing.assert_allclose(pointwise_quantile(series, 0.5), [3.0, 4.0, 7.0])
    assert split_longest_first(series) == ([2, 0], [1])
    with pytest.raises(CalibrationError, match="2 rollouts cannot make a band"):
        functional_band(series[:2], 0.9)


def test_a_band_is_extended_by_its_end():
    band = np.array([1.0, 3.0])
    assert extend(band, 4).tolist() == [1, 3, 3, 3] and extend(band, 1).tolist() == [1]
    assert extend(band, 3, "mean").tolist() == [1, 3, 2]


def test_phases_of_a_rollout_that_skips_one():
    series, labels = [np.array([1.0, 5.0, 2.0]), np.array([4.0])], [np.array([0, 0, 2]), np.array([2])]
    found = phase_maxima(series, labels, 3)
    assert [values.tolist() for values in found] == [[5.0], [], [2.0, 4.0]]
    with pytest.raises(ValueError, match="rollout 0: 3 scores"):
        phase_maxima(series, [np.array([0, 0, 3]), labels[1]], 3)
    with pytest.raises(CalibrationError, match="rollout 0 has a NaN"):
        phase_maxima([np.array([np.nan])], [np.array([0])], 1)


def test_every_phase_that_is_short_is_named_with_the_number_it_needs():
    assert phase_quantile(0.9, 2) == pytest.approx(0.95) and phase_quantile(0.9, 2, "phase") == 0.9
    with pytest.raises(CalibrationError, match=r"needs 19 .*'b' has 3, 'c' has 0"):
        mondrian_thresholds([np.ones(19), np.ones(3), np.ones(0)], ["a", "b", "c"], 0.85)
    with pytest.raises(CalibrationError, match="0 phases"):
        phase_quantile(0.9, 0)


@pytest.mark.parametrize(("call", "phase"), [(0, 0), (9, 0), (10, 1), (29, 1), (30, 2), (10_000, 2)])
def test_bins_begin_at_their_edge(call, phase):
    bins = CallBins(edges=(10, 30))
    assert bins.of(call, None) == phase and bins.names == ("calls 0-9", "calls 10-29", "calls 30-")


class Call:
    def __init__(self, opening, height):
        self.chunks = np.full((5, 4, 8), np.nan)
        self.positions = np.full((5, 4, 3), np.nan)
        self.chunks[:, 0, 7], self.positions[:, 0, 2] = opening, height


@pytest.mark.parametrize(
    ("opening", "height", "phase"),
    [
        (0.04, 0.3, 0), (0.04, 0.05, 1), (0.01, 0.05, 2), (0.01, 0.3, 3), (0.02, 0.1, 0),  # neither below its limit
        (np.nan, 0.05, 1), (np.nan, np.nan, 0), ([0.0, 0.0, 0.04, 0.04, 0.04], 0.3, 0),  # the median sample decides
    ],
)  # fmt: skip
def test_tool_phases(opening, height, phase):
    phases = ToolPhases(gripper=7, closed_below=0.02, low_below=0.1)
    assert phases.of(0, Call(opening, height)) == phase and len(phases.names) == 4


def test_thresholds_are_positive_numbers():
    for wrong in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(CalibrationError, match="threshold is"):
            ConstantThreshold(wrong)
        with pytest.raises(CalibrationError, match="phase thresholds"):
            PhaseThreshold((1.0, wrong))
    for band in (np.zeros((2, 2)), np.zeros(0), np.array([1.0, np.nan])):
        with pytest.raises(CalibrationError, match="band"):
            BandThreshold(band)
    band = BandThreshold(np.array([2.0, -1.0, 3.0]))
    assert [band.at(call, 0) for call in (0, 1, 2, 99)] == [2.0, SMALLEST, 3.0, 3.0]
    assert PhaseThreshold((1.0, 2.0)).at(0, 1) == 2.0 and ConstantThreshold(5.0).at(3, 3) == 5.0


@pytest.mark.parametrize(
    ("elapsed", "old", "new"), [(0, [0, 1, 2], [0, 1, 2]), (1, [1, 2], [0, 1]), (2, [2], [0]), (3, [], []), (9, [], [])]
)
def test_overlap_by_hand(elapsed, old, new):
    chunk = np.arange(3.0).reshape(1, 3, 1)
    before, now = overlap(chunk, chunk, elapsed)
    assert (before.ravel().tolist(), now.ravel().tolist()) == (old, new)


def test_what_is_remembered_is_the_last_call_even_without_overlap():
    memory = PreviousCall(2)
    one, two = np.zeros((1, 3, 1)), np.ones((1, 3, 1))
    assert memory.step(one, None) is None
    assert memory.step(two, 7) is None  # too late to speak about the same instants
    old, new = memory.step(one, None)
    assert old.ravel().tolist() == [1.0] and new.ravel().tolist() == [0.0]
    memory.reset()
    assert memory.step(two, None) is None
    with pytest.raises(CalibrationError, match="0 steps"):
        PreviousCall(0)


def test_an_alarm_at_the_last_call_of_the_longest_episode_is_time_one():
    found = detection_metrics([RolloutVerdict(False, 11, 10), RolloutVerdict(True, 3, None)])
    assert found.detection_time == 1.0 and found.tpr == 1.0 and found.timestep_accuracy == 0.5
    assert detection_metrics([RolloutVerdict(False, 1, 0)]).detection_time == 0.0
