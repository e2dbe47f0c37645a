"""What the recorder keeps, without a graph: messages that do not fit are lost, the trace is not."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from policy_nodes.nodes.conversions import chunk_to_message
from policy_nodes.nodes.recorder_node import RecorderNode
from policy_nodes.nodes.trace import SECOND_NS, Trace
from policy_nodes.types import ActionChunk

pytestmark = pytest.mark.pure

JOINTS = ("a", "b")


@pytest.fixture
def recorder():
    trace = Trace(JOINTS, 0.02, ["cube"])
    return SimpleNamespace(_trace=trace, _joints=JOINTS, _horizon=3, _now_ns=lambda: 7 * SECOND_NS)


def message(points, stamp=5 * SECOND_NS, sequence=4):
    values = np.arange(2.0 * points).reshape(points, 2)
    return chunk_to_message(ActionChunk(stamp_ns=stamp, step_ns=20_000_000, values=values, sequence=sequence), JOINTS)


def test_a_chunk_of_another_length_costs_one_chunk_and_not_the_trace(recorder, tmp_path):
    RecorderNode._on_chunk(recorder, message(3))
    for points in (2, 4):
        with pytest.raises(ValueError, match=f"a chunk of {points} points, the contract's has 3"):
            RecorderNode._on_chunk(recorder, message(points))
    RecorderNode._on_chunk(recorder, message(3, stamp=6 * SECOND_NS, sequence=5))
    recorder._trace.save(tmp_path)
    with np.load(tmp_path / "trace.npz") as found:
        assert found["chunk"].shape == (2, 3, 2) and found["chunk_t"].tolist() == [0.0, 1.0]
        assert found["chunk_arrival"].tolist() == [4, 5] and found["chunk_arrival_t"].tolist() == [2.0, 2.0]


def test_a_command_of_another_length_is_refused(recorder):
    with pytest.raises(ValueError, match="a command of 3 values"):
        RecorderNode._on_command(recorder, SimpleNamespace(data=[1.0, 2.0, 3.0]))
    RecorderNode._on_command(recorder, SimpleNamespace(data=[1.0, 2.0]))
    assert recorder._trace.lost == 0


def test_time_begins_with_the_earliest_stream(tmp_path):
    trace = Trace(JOINTS, 0.02, ["cube", "goal"])
    trace.keep("command", 2 * SECOND_NS, np.array([1.0, 2.0]))
    trace.keep("joint", 1 * SECOND_NS, np.array([[1.0, 2.0], [3.0, 4.0]]))
    trace.keep("object", 3 * SECOND_NS, np.stack([np.arange(7.0), np.arange(7.0) + 10]))
    trace.keep_scores(SECOND_NS // 2, {"entropy": 0.5})
    trace.keep_scores(SECOND_NS * 3, {"combined": 2.0})
    trace.keep_state(SECOND_NS * 4, {"state": "ACTIVE", "reason": "", "backup": ""})
    trace.save(tmp_path / "new" / "folder")
    with np.load(tmp_path / "new" / "folder" / "trace.npz") as found:
        assert found["t0_ns"] == SECOND_NS and found["chunk_step_s"] == 0.02
        assert found["joint_t"].tolist() == [0.0] and found["command_t"].tolist() == [1.0]
        assert found["joint_position"].tolist() == [[1.0, 2.0]] and found["joint_velocity"].tolist() == [[3.0, 4.0]]
        assert found["object_goal"][0, 0] == 10.0 and found["object_cube"].shape == (1, 7)
        assert found["score_t"].tolist() == [-0.5, 2.0]  # a verdict on what came before the recording
        np.testing.assert_array_equal(found["score_entropy"], [0.5, np.nan])
        np.testing.assert_array_equal(found["score_fiper"], [np.nan, 2.0])
    events = json.loads((tmp_path / "new" / "folder" / "events.json").read_text())
    assert events["t0_ns"] == SECOND_NS and [event["t"] for event in events["events"]] == [3.0]
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == ["events.json", "trace.npz"]


def test_heartbeats_are_no_events():
    trace = Trace(JOINTS, 0.02, [])
    states = [
        ("ACTIVE", "", ""), ("ACTIVE", "", "brake"), ("BACKUP", "estop", "brake"), ("BACKUP", "estop", "brake"),
        ("BACKUP", "estop", ""), ("STOPPED", "estop", "brake"), ("STOPPED", "estop", ""), ("STOPPED", "fallen", ""),
    ]  # fmt: skip
    for stamp, (state, reason, backup) in enumerate(states):
        trace.keep_state(stamp, {"state": state, "reason": reason, "backup": backup})
    assert [event["stamp_ns"] for event in trace._events] == [0, 2, 4, 5, 7]


def test_an_empty_recording_writes_nothing(tmp_path):
    trace = Trace(JOINTS, 0.02, [])
    trace.keep_state(1, {"state": "INIT"})
    assert trace.save(tmp_path / "x") is None and not (tmp_path / "x").exists()
