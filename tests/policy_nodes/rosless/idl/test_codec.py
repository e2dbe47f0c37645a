import random
import struct
from array import array

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_nodes.rosless.idl import HEADER, deserialize, message_class, serialize
from policy_nodes.rosless.idl.model import specs

from .random_messages import STORE, random_message, twin

pytestmark = pytest.mark.pure

MESSAGES = sorted(specs()[0])
IN_ROSBAGS = [name for name in MESSAGES if name in STORE.types]
JointState = message_class("sensor_msgs/msg/JointState")


@pytest.mark.parametrize("name", IN_ROSBAGS)
def test_bytes_equal_an_independent_implementation(name):
    rng = random.Random(name)
    for _ in range(6):
        message = random_message(rng, name)
        theirs = bytes(STORE.serialize_cdr(twin(message), name))
        assert serialize(message) == theirs[: len(serialize(message))]
        assert not any(theirs[len(serialize(message)) :])  # at most padding


@pytest.mark.parametrize("name", MESSAGES)
def test_round_trip_of_every_type(name):
    rng = random.Random(name)
    for message in (message_class(name)(), *(random_message(rng, name) for _ in range(4))):
        again = deserialize(message_class(name), serialize(message))
        assert again == message
        for slot in message.__slots__:
            assert type(getattr(again, slot)) is type(getattr(message, slot))


@pytest.mark.parametrize("name", ["sensor_msgs/msg/Imu", "rcl_interfaces/msg/ParameterEvent", "std_msgs/msg/Empty"])
def test_every_truncation_is_refused(name):
    data = serialize(random_message(random.Random(3), name))
    for length in range(len(data)):
        with pytest.raises(ValueError, match=r"CDR|buffer"):
            deserialize(message_class(name), data[:length])


def test_hand_written_bytes():
    message = JointState(name=["a"], position=[1.5])
    message.header.stamp.sec, message.header.stamp.nanosec, message.header.frame_id = -1, 2, "xy"
    body = struct.pack("<iI", -1, 2) + struct.pack("<I", 3) + b"xy\0" + b"\0"
    body += struct.pack("<II", 1, 2) + b"a\0" + b"\0\0"
    body += struct.pack("<I", 1) + b"\0" * (-(len(body) + 4) % 8) + struct.pack("<d", 1.5)
    body += struct.pack("<II", 0, 0)
    assert serialize(message) == HEADER + body
    assert deserialize(JointState, bytearray(HEADER + body + b"\0\0\0")) == message


def test_absurd_lengths_are_refused_without_allocating():
    data = bytearray(serialize(JointState(position=[1.0])))
    data[20:24] = b"\0\0\0\xff"  # four billion names
    with pytest.raises(ValueError, match="list of strings"):
        deserialize(JointState, data)
    points = message_class("trajectory_msgs/msg/JointTrajectory")
    data = bytearray(serialize(points()))
    data[-4:] = b"\xff\xff\xff\x7f"
    with pytest.raises(ValueError, match="a sequence"):
        deserialize(points, data)
    image = message_class("sensor_msgs/msg/CompressedImage")
    data = bytearray(serialize(image()))
    data[-4:] = b"\xff\xff\xff\xff"
    with pytest.raises(ValueError, match="uint8 array"):
        deserialize(image, data)


@pytest.mark.parametrize("header", [b"\0\0\0\0", b"\0\x07\0\0", b"", b"\0\x01"])
def test_other_encapsulations_are_refused(header):
    with pytest.raises(ValueError, match="little-endian plain CDR"):
        deserialize(message_class("std_msgs/msg/Bool"), header + b"\x01" * (4 if header[1:] == b"\x07" else 0))


def test_bad_utf8_is_a_value_error():
    with pytest.raises(ValueError, match="utf-8"):
        deserialize(message_class("std_msgs/msg/String"), HEADER + struct.pack("<I", 2) + b"\xff\0")


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=96), st.sampled_from(MESSAGES))
def test_arbitrary_bytes_give_a_message_or_a_value_error(body, name):
    try:
        message = deserialize(message_class(name), HEADER + body)
    except ValueError:
        return
    assert deserialize(message_class(name), serialize(message)) is not None


def test_cached_names_do_not_leak_between_messages():
    first = deserialize(JointState, serialize(JointState(name=["a", "b"])))
    first.name.append("c")
    assert deserialize(JointState, serialize(JointState(name=["a", "b"]))).name == ["a", "b"]
    assert deserialize(JointState, serialize(JointState(name=["a", "bb"]))).name == ["a", "bb"]
    assert deserialize(JointState, serialize(JointState(name=["a"]))).name == ["a"]


def test_stored_kinds_after_reading():
    info = deserialize(
        message_class("sensor_msgs/msg/CameraInfo"), serialize(message_class("sensor_msgs/msg/CameraInfo")(d=(1.0,)))
    )
    assert isinstance(info.d, array) and info.d.typecode == "d"
    assert info.k.dtype == np.float64 and info.k.flags.writeable


@pytest.mark.benchmark(group="codec")
def test_joint_state_of_32_joints(benchmark):
    values = [0.1 * i for i in range(32)]
    message = JointState(name=[f"joint_{i}" for i in range(32)], position=values, velocity=values, effort=values)
    again = benchmark(lambda: deserialize(JointState, serialize(message)))
    assert again == message
