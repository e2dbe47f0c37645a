import math

import pytest

from policy_nodes.monitors.metrics import RolloutVerdict, detection_metrics, metrics_from_times


def test_digest_vector():
    found = metrics_from_times([1, 1, 0, 0, 1, 0], [0, 0, 0, 1, 1, 1], [0.25, 0.5])
    assert found.timestep_accuracy == pytest.approx(0.5416667, abs=5e-8)
    assert (found.tpr, found.tnr, found.accuracy) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    assert found.balanced_accuracy == pytest.approx(2 / 3) and found.detection_time == pytest.approx(0.375)


def test_time_is_relative_to_the_longest_episode():
    found = detection_metrics(
        [RolloutVerdict(False, 11, 5), RolloutVerdict(False, 41, 30), RolloutVerdict(True, 20, None)]
    )
    assert found.detection_time == pytest.approx((5 / 40 + 30 / 40) / 2)
    assert found.timestep_accuracy == pytest.approx(((35 / 40 + 10 / 40) / 2 + 1) / 2)


def test_first_call_alarm_counts_as_an_alarm():
    found = detection_metrics([RolloutVerdict(False, 5, 0), RolloutVerdict(True, 5, 0)])
    assert (found.tpr, found.tnr, found.detection_time) == (1.0, 0.0, 0.0)


def test_no_detection_is_slowest():
    found = detection_metrics([RolloutVerdict(False, 5, None), RolloutVerdict(True, 5, None)])
    assert (found.tpr, found.detection_time, found.timestep_accuracy) == (0.0, 1.0, 0.5)


def test_undefined_rates_are_nan():
    found = detection_metrics([RolloutVerdict(True, 5, None)])
    assert math.isnan(found.tpr) and math.isnan(found.balanced_accuracy) and found.tnr == found.accuracy == 1.0
    assert math.isnan(detection_metrics([RolloutVerdict(False, 5, None)]).tnr)
    with pytest.raises(ValueError, match="no rollouts"):
        detection_metrics([])
