"""Signals with gaps, infinities, single samples and nothing at all."""

import numpy as np
import pytest

from training.report.arrays import Series, Trace, read_scores, read_trace
from training.report.files import ReportError
from training.report.schema import Fault, SafetyEvent
from training.report.signals import busiest_joints, decimate, fault_window, planned, standstill_s, state_spans


def series(t, value):
    return Series(np.asarray(t, dtype=float), np.asarray(value, dtype=float))


def test_an_infinite_sample_is_no_travel():
    value = [[0, 0, 0], [np.inf, 1, np.nan], [0, 2, 0]]
    assert busiest_joints(series([0, 1, 2], value), 3) == [1, 0, 2]


def test_a_window_of_one_sample_or_none_has_no_travel():
    position = series([0, 1, 2], [[0, 5], [1, 0], [2, 9]])
    assert busiest_joints(position, 2, start=1.0, end=1.0) == [0, 1]
    assert busiest_joints(position, 2, start=7.0) == [0, 1]
    assert busiest_joints(position, 5) == [1, 0]  # no more than there are


def test_decimation_of_little_changes_nothing():
    for n in (0, 1, 2, 20):
        t, value = np.arange(float(n)), np.arange(float(n)) ** 2
        thin_t, thin = decimate(t, value, 10)
        assert thin_t is t and thin is value


def test_decimation_keeps_a_single_spike_and_its_neighbours_sign():
    value = np.zeros(10_000)
    value[7777], value[2222] = 1.0, -1.0
    t, thin = decimate(np.arange(10_000.0), value, 50)
    assert t[thin == 1.0].tolist() == [7777.0] and t[thin == -1.0].tolist() == [2222.0]


def test_infinite_samples_are_no_extremes():
    value = np.tile([0.0, 1.0, np.inf, -np.inf], 100)
    assert set(decimate(np.arange(400.0), value, 10)[1].tolist()) == {0.0, 1.0}


def test_before_the_first_chunk_nothing_is_planned():
    chunks = series([1.0], [[[1.0], [2.0]]])
    assert np.isnan(planned(chunks, 0.1, np.array([0.0, 0.999]), 0)).all()
    assert planned(chunks, 0.1, np.array([]), 0).shape == (0,)


def test_of_two_chunks_at_one_instant_the_later_counts():
    chunks = series([1.0, 1.0], [[[1.0], [1.0]], [[5.0], [5.0]]])
    assert planned(chunks, 0.1, np.array([1.0]), 0).tolist() == [5.0]


def test_every_joint_must_stand():
    velocity = series([0, 1, 2, 3], [[0, 1], [0, 1], [1, 0], [0, 0]])
    assert standstill_s(velocity, 0.0, 3.0) == 3.0
    assert standstill_s(velocity, 0.0, 3.0, threshold=2.0) == 0.0
    assert standstill_s(velocity, 0.0, 2.5) is None
    assert standstill_s(velocity, 3.0, 2.0) is None  # an empty window


def test_a_speed_at_the_threshold_still_moves():
    assert standstill_s(series([0, 1], [[0.02], [0.0]]), 0.0, 1.0) == 1.0


def event(t, state, **more):
    return SafetyEvent(t=t, state=state, **more)


def test_the_last_state_ends_with_the_recording_or_where_it_began():
    assert state_spans([event(1.0, "A")], end=0.5) == []
    (span,) = state_spans([event(1.0, "A")], end=4.0)
    assert (span.start, span.end, span.reason, span.backup) == (1.0, 4.0, "", "")


def test_another_reason_is_another_span():
    events = [
        event(0, "BACKUP", reason="x"),
        event(1, "BACKUP", reason="y"),
        event(2, "BACKUP", reason="y", backup="b"),
    ]
    assert [(s.start, s.end) for s in state_spans(events, 3.0)] == [(0, 1), (1, 2), (2, 3)]


def test_a_state_passed_in_an_instant_does_not_split_its_neighbours():
    spans = state_spans([event(0, "A"), event(1, "B"), event(1, "A")], 2.0)
    assert [(s.state, s.start, s.end) for s in spans] == [("A", 0, 2)]


@pytest.mark.parametrize(
    ("moments", "window"),
    [
        ({}, (9.5, 11.5)),
        ({"t_observable": 10.2, "t_detected": 10.3, "t_first_backup_command": 10.4}, (9.5, 11.5)),
        ({"t_detected": 13.0}, (9.5, 13.8)),
    ],
)
def test_the_window_shows_what_is_known_of_a_fault(moments, window):
    assert fault_window(Fault(name="f", passed=True, t_injected=10.0, **moments)) == pytest.approx(window)


def trace_of(tmp_path, **arrays):
    np.savez(tmp_path / "trace.npz", **arrays)
    return read_trace(tmp_path / "trace.npz")


def test_an_empty_trace_ends_at_zero(tmp_path):
    found = trace_of(tmp_path, joint_t=np.zeros(0), joint_position=np.zeros((0, 3)))
    assert isinstance(found, Trace) and found.end_s == 0.0 and found.position is None and found.joint_names == ()


def test_names_are_made_up_when_they_are_missing(tmp_path):
    found = trace_of(tmp_path, joint_t=[0.0, 2.0], joint_position=np.zeros((2, 2)), score_t=[5.0], score_rnd=[0.5])
    assert found.joint_names == ("joint 1", "joint 2") and found.end_s == 5.0 and set(found.scores) == {"rnd"}


@pytest.mark.parametrize(
    ("arrays", "cause"),
    [
        ({"joint_t": [0.0, 1.0], "joint_position": np.zeros((3, 2))}, "joint_position' has shape"),
        ({"joint_t": [1.0, 0.0], "joint_position": np.zeros((2, 2))}, "run backwards"),
        ({"joint_t": [0.0, np.nan], "joint_position": np.zeros((2, 2))}, "not finite"),
        ({"joint_t": ["a"], "joint_position": np.zeros((1, 2))}, "not numeric"),
        ({"joint_t": [0.0], "joint_position": np.zeros((1, 2)), "joint_names": ["a"]}, "1 joint_names for 2"),
        (
            {"joint_t": [0.0], "joint_position": np.zeros((1, 2)), "command_t": [0.0], "command": np.zeros((1, 3))},
            "joint counts differ",
        ),
        ({"chunk_t": [0.0], "chunk": np.zeros((1, 4, 2))}, "chunk_step_s"),
        ({"chunk_t": [0.0], "chunk": np.zeros((1, 4, 2)), "chunk_step_s": -0.1}, "chunk_step_s"),
        ({"object_t": [0.0], "object_cube": np.zeros(7)}, "object_cube' has shape"),
    ],
)
def test_traces_that_contradict_themselves_are_refused_with_cause_and_fix(tmp_path, arrays, cause):
    with pytest.raises(ReportError, match=cause) as caught:
        trace_of(tmp_path, **{name: np.asarray(value) for name, value in arrays.items()})
    assert "trace.npz" in caught.value.cause and "keel run" in caught.value.fix


def test_scores_of_an_episode_that_was_not_evaluated(tmp_path):
    path = tmp_path / "scores.npz"
    np.savez(path, time_0=[0.0], rnd_0=[1.0], time_2=[0.0])
    with pytest.raises(ReportError, match="'time_2' belongs to none of the 2 episodes") as caught:
        read_scores(path, 2)
    assert "keel evaluate" in caught.value.fix
    found = read_scores(path, 3)
    assert [set(one) for one in found] == [{"rnd"}, set(), set()]
