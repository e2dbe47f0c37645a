from typing import get_args

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_nodes.bundle.manifest import ObservationTerm
from policy_nodes.errors import ContractError
from policy_nodes.nodes.conversions import (
    alarm_to_message,
    chunk_to_message,
    command_to_message,
    diagnostic_array,
    message_to_alarm,
    message_to_chunk,
    to_ns,
    to_stamp,
)
from policy_nodes.nodes.message_types import message_type
from policy_nodes.realtime.histogram import Histogram, timing_values
from policy_nodes.types import ActionChunk, Alarm

pytestmark = pytest.mark.pure

JOINTS = ["a", "b"]
CHUNK = ActionChunk(1_500_000_001, 20_000_000, np.array([[0.0, 1.0], [0.5, 2.0], [1.0, 3.0]]), sequence=7)


@given(st.integers(min_value=0, max_value=2**31 * 1_000_000_000 - 1))
@settings(max_examples=50)
def test_stamps_are_lossless(time_ns):
    stamp = to_stamp(time_ns)
    assert 0 <= stamp.nanosec < 1_000_000_000
    assert to_ns(stamp) == time_ns


def test_to_ns_of_a_known_stamp():
    assert to_ns(Time(sec=2, nanosec=3)) == 2_000_000_003


def test_a_chunk_survives_the_wire_in_any_joint_order():
    message = chunk_to_message(CHUNK, JOINTS)
    assert [p.time_from_start.nanosec for p in message.points] == [0, 20_000_000, 40_000_000]
    same = message_to_chunk(message, JOINTS)
    assert (same.stamp_ns, same.step_ns, same.sequence) == (1_500_000_001, 20_000_000, 7)
    assert np.array_equal(same.values, CHUNK.values)
    assert np.array_equal(message_to_chunk(message, ["b", "a"]).values, CHUNK.values[:, ::-1])


@pytest.mark.parametrize("frame", ["", "base", "-3", "²"])
def test_without_a_number_the_stamp_is_the_sequence(frame):
    message = chunk_to_message(CHUNK, JOINTS)
    message.header.frame_id = frame
    assert message_to_chunk(message, JOINTS).sequence == CHUNK.stamp_ns


def broken(change):
    message = chunk_to_message(CHUNK, JOINTS)
    change(message)
    return message


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda m: m.joint_names.append("c"), r"commands \['a', 'b', 'c'\]"),
        (lambda m: m.joint_names.__setitem__(0, "b"), "the contract"),
        (lambda m: m.points.clear(), "evenly spaced"),
        (lambda m: m.points.pop(0), "do not start at 0"),
        (lambda m: setattr(m.points[2].time_from_start, "nanosec", 50_000_000), "evenly spaced"),
        (lambda m: [setattr(p.time_from_start, "nanosec", 0) for p in m.points], "evenly spaced"),
        (lambda m: m.points[1].positions.pop(), "lacks positions"),
    ],
)
def test_messages_that_are_no_chunks_are_refused(change, text):
    with pytest.raises(ContractError, match=text) as caught:
        message_to_chunk(broken(change), JOINTS)
    assert caught.value.fix


def test_a_command_names_its_joints():
    message = command_to_message(np.array([1.0, -2.0]), JOINTS)
    assert list(message.data) == [1.0, -2.0]
    assert message.layout.dim[0].label == "a,b" and message.layout.dim[0].size == 2


@pytest.mark.parametrize("active", [True, False])
def test_an_alarm_survives_the_wire(active):
    message = alarm_to_message(Alarm(5, active, {"rnd": 1.25, "entropy": float("inf")}))
    assert message.status[0].level == (DiagnosticStatus.ERROR if active else DiagnosticStatus.OK)
    assert message_to_alarm(message) == Alarm(5, active, {"rnd": 1.25, "entropy": float("inf")})


def test_the_latency_of_a_verdict_is_no_score():
    alarm = Alarm(5, False, {"rnd": 0.5}, latency_s=0.012345)
    message = alarm_to_message(alarm)
    assert [item.key for item in message.status[0].values] == ["rnd", "latency_s"]
    assert message_to_alarm(message) == alarm
    assert message_to_alarm(alarm_to_message(Alarm(5, False, {"rnd": 0.5}))).latency_s is None


def test_a_message_without_status_is_no_alarm():
    with pytest.raises(ContractError, match="exactly one status"):
        message_to_alarm(DiagnosticArray())


def test_a_score_that_is_no_number_is_named():
    message = alarm_to_message(Alarm(5, True, {"rnd": 1.25}))
    message.status[0].values[0].value = "high"
    with pytest.raises(ContractError, match="no number: could not convert string to float: 'high'"):
        message_to_alarm(message)


def test_diagnostics_and_timing():
    assert timing_values("tick", Histogram()) == {}
    histogram = Histogram()
    histogram.add(0.002)
    values = timing_values("tick", histogram)
    assert values["tick max (ms)"] == "2.000"
    array = diagnostic_array(3, "n", DiagnosticStatus.WARN, "text", values)
    assert to_ns(array.header.stamp) == 3
    assert {v.key: v.value for v in array.status[0].values} == values


def test_every_type_that_a_contract_can_name_has_a_class():
    names = get_args(ObservationTerm.model_fields["message_type"].annotation)
    assert len(names) >= 3
    for name in names:
        assert message_type(name).__name__ == name.rpartition("/")[2]
    with pytest.raises(ContractError, match="'sensor_msgs/msg/CompressedImage' is not supported"):
        message_type("sensor_msgs/msg/CompressedImage")
