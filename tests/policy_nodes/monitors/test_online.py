import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.artefact import load_artefact, save_artefact
from policy_nodes.monitors.online import OnlineCalibration, Outcome
from tests.policy_nodes.monitors.test_artefact import make_artefact

DATE = "2026-02-01T00:00:00+00:00"


def both(value):
    return {"rnd": value, "entropy": value}


def filled(values, outcome=Outcome.SUCCESS, **kwargs):
    """Calibrated on maxima 1 .. 10 with q = 0.9 (threshold 10), then these."""
    online = OnlineCalibration(make_artefact(), **kwargs)
    for value in values:
        online.add(both(value), outcome)
    return online


def thresholds(artefact):
    return [signal.threshold for signal in artefact.signals]


def test_calm_successes_tighten_by_the_rank_rule():
    result = filled([0.5] * 9).recalibrated(DATE)  # 19 maxima, rank 18: the second largest
    assert thresholds(result) == [9.0, 9.0] and result.n == 19
    assert result.record == [f"{DATE}: 9 rollouts added, not loosened"]


def test_higher_thresholds_need_a_named_operator():
    online = filled([20.0] * 9)
    assert [(c.before, c.candidate, c.after, c.withheld) for c in online.changes()] == [(10.0, 20.0, 10.0, True)] * 2
    held = online.recalibrated(DATE)
    assert thresholds(held) == [10.0, 10.0] and held.signals[0].held == 10.0
    loose = online.recalibrated(DATE, loosen_by="A. Operator")
    assert thresholds(loose) == [20.0, 20.0] and "loosened by A. Operator" in loose.record[0]
    with pytest.raises(CalibrationError, match="operator's name"):
        online.recalibrated(DATE, loosen_by="  ")


def test_failures_never_enter():
    online = filled([0.1] * 30, Outcome.FAILURE)
    assert online.failures == 30 and online.recalibrated(DATE).n == 10


def test_interrupted_episodes_wait_and_nothing_tightens_meanwhile():
    online = filled([0.5] * 9)
    online.add(both(30.0), Outcome.INTERRUPTED)
    assert online.pending == 1 and thresholds(online.recalibrated(DATE)) == [10.0, 10.0]
    online.judge(both(30.0), good=True)  # 20 maxima, rank 19: one above it
    assert online.pending == 0 and thresholds(online.recalibrated(DATE)) == [10.0, 10.0]
    with pytest.raises(CalibrationError, match="no interrupted episode"):
        online.judge(both(1.0), good=False)


def test_the_oldest_leave_first():
    online = filled([0.5] * 12, capacity=12)
    assert online.recalibrated(DATE).n == 12 and thresholds(online.recalibrated(DATE)) == [0.5, 0.5]


def test_unusable_episodes_and_calibrations_are_refused():
    online = OnlineCalibration(make_artefact())
    for maxima in ({"rnd": 1.0}, both(np.nan), both(0.0)):
        with pytest.raises(CalibrationError, match="maximum of"):
            online.add(maxima, Outcome.SUCCESS)
    with pytest.raises(CalibrationError, match="cannot support"):
        OnlineCalibration(make_artefact(), capacity=5)
    other = make_artefact().model_copy(update={"threshold_method": "functional_band"})
    with pytest.raises(CalibrationError, match="cannot be recalibrated"):
        OnlineCalibration(other)


def test_a_held_threshold_survives_the_file_and_needs_its_record(tmp_path):
    held = filled([20.0] * 9).recalibrated(DATE)
    save_artefact(held, tmp_path / "calibration.npz")
    assert load_artefact(tmp_path / "calibration.npz") == held
    with pytest.raises(CalibrationError, match="not the rank"):
        save_artefact(held.model_copy(update={"record": []}), tmp_path / "calibration.npz")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.01, 100), st.sampled_from(Outcome)), max_size=40),
    st.integers(10, 60),
    st.lists(st.booleans(), max_size=3),
)
def test_without_an_operator_no_threshold_ever_rises(episodes, capacity, restarts):
    artefact = make_artefact()
    for _ in [*restarts, True]:  # each round starts from the last artefact, as a restarted monitor would
        online = OnlineCalibration(artefact, capacity)
        for value, outcome in episodes:
            online.add(both(value), outcome)
        following = online.recalibrated(DATE)
        assert all(b <= a for a, b in zip(thresholds(artefact), thresholds(following), strict=True))
        artefact = following
