import numpy as np
import pytest

from training.report.arrays import Series, read_scores, read_trace
from training.report.files import ReportError

T = np.arange(5.0)


def save(path, **arrays):
    np.savez(path / "a.npz", **arrays)
    return path / "a.npz"


def test_trace_pairs_times_with_values_and_keeps_what_is_there(tmp_path):
    path = save(tmp_path, joint_t=T, joint_position=np.ones((5, 2)), score_t=T[:2], score_rnd=np.ones(2))
    trace = read_trace(path)
    assert trace.joint_names == ("joint 1", "joint 2")
    assert trace.position is not None and trace.position.value.shape == (5, 2)
    assert trace.velocity is trace.command is trace.chunk is trace.cube is None
    assert list(trace.scores) == ["rnd"]
    assert trace.end_s == 4.0


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"joint_t": T, "joint_position": np.ones((4, 2))}, "joint_position"),
        ({"joint_t": T, "joint_position": np.ones(5)}, "N,J"),
        ({"joint_t": T[::-1], "joint_position": np.ones((5, 2))}, "backwards"),
        ({"joint_t": T * np.nan, "joint_position": np.ones((5, 2))}, "not finite"),
        ({"joint_t": T, "joint_position": np.full((5, 2), "x")}, "not numeric"),
        ({"joint_t": T, "joint_position": np.ones((5, 2)), "joint_names": np.array(["a"])}, "1 joint_names for 2"),
        ({"joint_t": T, "joint_position": np.ones((5, 2)), "command_t": T, "command": np.ones((5, 3))}, "differ"),
        ({"chunk_t": T, "chunk": np.ones((5, 4, 2))}, "chunk_step_s"),
    ],
)
def test_contradictory_traces_are_refused_by_name(tmp_path, arrays, message):
    with pytest.raises(ReportError, match=message) as caught:
        read_trace(save(tmp_path, **arrays))
    assert "keel run" in caught.value.fix


def test_empty_arrays_count_as_absent(tmp_path):
    assert read_trace(save(tmp_path, command_t=T[:0], command=np.ones((0, 8)))).command is None


def test_a_nan_in_a_signal_is_data_not_damage(tmp_path):
    value = np.ones((5, 2))
    value[2, 0] = np.nan
    trace = read_trace(save(tmp_path, joint_t=T, joint_position=value))
    assert trace.position is not None and np.isnan(trace.position.value[2, 0])


def test_scores_follow_the_order_of_the_episodes(tmp_path):
    path = save(tmp_path, time_1=T, rnd_1=T, fiper_1=T / 2)
    scores = read_scores(path, 2)
    assert scores[0] == {}
    assert sorted(scores[1]) == ["fiper", "rnd"]
    np.testing.assert_array_equal(scores[1]["fiper"].value, T / 2)


def test_scores_of_an_unknown_episode_are_refused(tmp_path):
    with pytest.raises(ReportError, match="time_2"):
        read_scores(save(tmp_path, time_2=T, rnd_2=T), 2)


def test_window_includes_both_ends():
    assert Series(T, T).window(1.0, 3.0).value.tolist() == [1.0, 2.0, 3.0]
