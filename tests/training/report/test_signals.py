import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from training.report.arrays import Series
from training.report.schema import Fault, SafetyEvent
from training.report.signals import busiest_joints, decimate, fault_window, planned, standstill_s, state_spans


def event(t, state, reason=None, backup=None):
    return SafetyEvent(t=t, state=state, reason=reason, backup=backup)


def test_states_last_until_the_next_transition_and_repeats_merge():
    events = [
        event(2.0, "BACKUP", "STALE", "hold"),
        event(0.0, "INIT"),
        event(1.0, "INIT"),
        event(2.5, "BACKUP", "STALE", "hold"),
    ]
    spans = state_spans(events, end=4.0)
    assert [(span.state, span.start, span.end) for span in spans] == [("INIT", 0.0, 2.0), ("BACKUP", 2.0, 4.0)]
    assert (spans[1].reason, spans[1].backup) == ("STALE", "hold")


def test_a_state_left_in_the_same_instant_is_not_drawn():
    spans = state_spans([event(0.0, "READY"), event(1.0, "DEGRADED"), event(1.0, "BACKUP")], end=2.0)
    assert [span.state for span in spans] == ["READY", "BACKUP"]


def test_no_events_give_no_spans():
    assert state_spans([], 3.0) == []


@settings(max_examples=40, deadline=None)
@given(arrays(float, st.integers(1, 400), elements=st.floats(-1e6, 1e6)), st.integers(1, 30))
def test_decimation_keeps_extremes_order_and_size(value, buckets):
    t = np.arange(len(value), dtype=float)
    thin_t, thin = decimate(t, value, buckets)
    assert len(thin) <= 2 * buckets or len(value) <= 2 * buckets
    assert (thin.min(), thin.max()) == (value.min(), value.max())
    assert np.all(np.diff(thin_t) > 0)
    np.testing.assert_array_equal(value[thin_t.astype(int)], thin)


def test_decimation_shows_gaps():
    value = np.ones(100)
    value[50:60] = np.nan
    assert np.isnan(decimate(np.arange(100.0), value, 10)[1]).sum() == 1


def test_planned_follows_the_newest_chunk_and_ends_with_it():
    # Two chunks of 3 samples, 0.1 s apart: the first rises from 0 by 1 per step, the second is constant 7.
    chunks = Series(np.array([1.0, 1.2]), np.array([[[0.0], [1.0], [2.0]], [[7.0], [7.0], [7.0]]]))
    t = np.array([0.9, 1.0, 1.05, 1.15, 1.2, 1.45, 1.51])
    want = planned(chunks, 0.1, t, joint=0)
    np.testing.assert_allclose(want, [np.nan, 0.0, 0.5, 1.5, 7.0, 7.0, np.nan])


def test_planned_holds_the_last_sample_for_one_step():
    chunks = Series(np.array([0.0]), np.array([[[0.0], [1.0]]]))
    np.testing.assert_allclose(planned(chunks, 0.1, np.array([0.15, 0.19, 0.21]), 0), [1.0, 1.0, np.nan])


def test_busiest_joints_measure_travel_not_range():
    t = np.arange(4.0)
    value = np.stack([[0, 5, 5, 5], [0, 3, 0, 3], [0, 0, 0, np.nan]], axis=1).astype(float)
    assert busiest_joints(Series(t, value), 3) == [1, 0, 2]
    assert busiest_joints(Series(t, value), 1, end=1.0) == [0]


def fault(**moments):
    return Fault(name="f", passed=True, **moments)


def test_fault_window_grows_to_show_a_late_reaction():
    assert fault_window(fault(t_injected=10.0)) == (9.5, 11.5)
    assert fault_window(fault(t_injected=10.0, t_first_backup_command=12.0)) == pytest.approx((9.5, 12.8))


def test_standstill_counts_from_the_backup_and_needs_to_last():
    t = np.arange(0.0, 1.0, 0.1)
    speed = np.array([1, 1, 0, 0.5, 0.3, 0, 0, 0, 0, 1.0])
    velocity = Series(t, np.stack([speed, 0 * speed], axis=1))
    assert standstill_s(velocity, since=0.1, until=0.85) == pytest.approx(0.4)
    assert standstill_s(velocity, since=0.5, until=0.85) == 0.0
    assert standstill_s(velocity, since=0.1, until=1.0) is None
    assert standstill_s(velocity, since=5.0, until=6.0) is None


def test_standstill_does_not_trust_nan():
    assert standstill_s(Series(np.array([0.0, 0.1]), np.array([[0.0], [np.nan]])), 0.0, 1.0) is None
