from dataclasses import replace

import numpy as np
import pytest

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.detector import Detector, Signal, first_alarm, normalised, raw_scores
from policy_nodes.monitors.distance import DistanceScore
from policy_nodes.monitors.entropy import EntropyScore
from policy_nodes.monitors.interface import CallFeatures
from policy_nodes.monitors.stac import CUMULATIVE


def call(distance, spread):
    positions = np.linspace(0.0, spread, 4)[:, None, None] * np.ones((1, 2, 3))
    return CallFeatures(np.zeros(2), positions, positions, distance)


def detector(combination="and"):
    signals = [Signal(DistanceScore(), 2, 3.0), Signal(EntropyScore(np.ones(3)), 1, 1.5)]
    return Detector(signals, combination)


def test_and_needs_both_by_hand():
    found = detector()
    assert found.step(call(2.0, 0.0))["combined"] == pytest.approx(1e-6 / 1.5)
    scores = found.step(call(2.0, 9.0))  # distance sum 4 / 3, four separate samples: 2 bits / 1.5
    assert scores["rnd"] == pytest.approx(4 / 3, abs=1e-5) and scores["entropy"] == pytest.approx(2 / 1.5, abs=1e-5)
    assert scores["combined"] == min(scores["rnd"], scores["entropy"])
    assert found.step(call(0.0, 9.0))["combined"] < 1.0
    found.reset()
    assert found.step(call(2.0, 9.0))["rnd"] == pytest.approx(2 / 3, abs=1e-5)


def test_or_needs_one():
    assert detector("or").step(call(4.0, 0.0))["combined"] == pytest.approx(4 / 3, abs=1e-5)


@pytest.mark.parametrize("combination", ["and", "or"])
def test_offline_equals_online(combination):
    rng = np.random.default_rng(0)
    calls = [call(*rng.uniform(0, 4, 2)) for _ in range(20)]
    online = detector(combination)
    expected = [online.step(c) for c in calls]
    raw = raw_scores([s.score for s in online.signals], calls)
    found = normalised(raw, {"rnd": 2, "entropy": 1}, {"rnd": 3.0, "entropy": 1.5}, combination)
    for name in ("rnd", "entropy", "combined"):
        np.testing.assert_allclose(found[name], [scores[name] for scores in expected], rtol=1e-12)


def test_a_sum_over_the_episode_starts_again_while_the_robot_rests():
    found = Detector([Signal(DistanceScore(), CUMULATIVE, 3.0), Signal(EntropyScore(np.ones(3)), 2, 1.5)], "or")
    for _ in range(4):
        scores = found.step(call(1.0, 9.0))
    assert scores["rnd"] == pytest.approx(4 / 3, abs=1e-5)
    resting = [found.step(replace(call(1.0, 9.0), driving=False)) for _ in range(3)]
    assert [s["rnd"] for s in resting] == pytest.approx([1 / 3] * 3, abs=1e-5)
    # A window holds what it saw, whether the robot moved or not.
    assert [s["entropy"] for s in resting] == pytest.approx([4 / 1.5] * 3, abs=1e-5)
    assert found.step(call(1.0, 9.0))["rnd"] == pytest.approx(2 / 3, abs=1e-5)


def test_nan_distance_is_infinite():
    assert detector().step(call(float("nan"), 9.0))["rnd"] == np.inf


def test_first_alarm_is_strictly_above_one():
    assert first_alarm(np.array([0.5, 1.0, 1.01, 2.0])) == 2
    assert first_alarm(np.array([1.0])) is None


def test_bad_signals_are_refused():
    for threshold in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(CalibrationError, match="threshold of 'rnd'"):
            Signal(DistanceScore(), 1, threshold)
    with pytest.raises(CalibrationError, match="distinct names"):
        Detector([Signal(DistanceScore(), 1, 1.0)] * 2)
    with pytest.raises(CalibrationError, match="at least one"):
        Detector([])
