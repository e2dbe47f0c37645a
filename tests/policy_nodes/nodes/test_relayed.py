"""What fault_node reads of a message, it can write back; what it changes arrives changed."""

import numpy as np
import pytest
from builtin_interfaces.msg import Duration
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import PoseStamped, Twist
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import Imu, JointState
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from policy_nodes.nodes.conversions import message_to_alarm, to_stamp
from policy_nodes.nodes.relayed import ALARM, CHUNK, COMMAND, IMU, JOINTS, POSE, TWIST, read_stamp, with_stamp
from policy_nodes.running.campaign import streams

pytestmark = pytest.mark.pure

STAMP = 1_700_000_000_123_456_789


def joints():
    message = JointState(name=["a", "b", "c"])
    message.header.stamp = to_stamp(STAMP)
    message.position, message.velocity, message.effort = [0.1, 0.2, 0.3], [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]
    return message


def pose():
    message = PoseStamped()
    message.header.stamp, message.header.frame_id = to_stamp(STAMP), "base"
    message.pose.position.x, message.pose.position.z, message.pose.orientation.w = 0.5, -0.1, 1.0
    return message


def imu():
    message = Imu()
    message.header.stamp, message.header.frame_id = to_stamp(STAMP), "trunk"
    message.orientation.w, message.angular_velocity.y, message.linear_acceleration.z = 1.0, 0.5, 9.81
    return message


def twist():
    message = Twist()
    message.linear.x, message.linear.y, message.angular.z = 0.8, -0.1, 0.3
    return message


def chunk():
    message = JointTrajectory(joint_names=["a", "b"])
    message.header.stamp, message.header.frame_id = to_stamp(STAMP), "17"
    for k in range(3):
        since = Duration(sec=0, nanosec=k * 20_000_000)
        message.points.append(JointTrajectoryPoint(positions=[float(k), -float(k)], time_from_start=since))
    return message


def alarm():
    status = DiagnosticStatus(level=DiagnosticStatus.OK, name="failure predictor", message="nominal")
    status.values = [KeyValue(key="rnd", value="0.5"), KeyValue(key="entropy", value="0.25")]
    message = DiagnosticArray(status=[status])
    message.header.stamp = to_stamp(STAMP)
    return message


CASES = {
    "joints": (JOINTS, joints),
    "pose": (POSE, pose),
    "imu": (IMU, imu),
    "twist": (TWIST, twist),
    "chunk": (CHUNK, chunk),
    "alarm": (ALARM, alarm),
    "command": (COMMAND, lambda: Float64MultiArray(data=[0.1, 0.2])),
}


@pytest.mark.parametrize("name", CASES)
def test_round_trip(name):
    (read, write), make = CASES[name]
    sample = read(make())
    again = read(write(make(), sample))
    np.testing.assert_array_equal(again.values, sample.values)
    assert (again.stamp_ns, again.names, again.alarming) == (sample.stamp_ns, sample.names, sample.alarming)


def test_permuted_joint_states_keep_their_velocities():
    ((_, sample),) = streams.permuted()(JOINTS[0](joints()))
    made = JOINTS[1](joints(), sample)
    assert list(made.name) == ["c", "b", "a"]
    assert (list(made.position), list(made.velocity), list(made.effort)) == ([0.3, 0.2, 0.1], [3, 2, 1], [6, 5, 4])


def test_a_missing_joint_is_missing_everywhere():
    ((_, sample),) = streams.shorten()(JOINTS[0](joints()))
    made = JOINTS[1](joints(), sample)
    assert list(made.name) == ["a", "b"] and len(made.position) == len(made.velocity) == 2


def test_chunks_and_alarms_change_as_told():
    ((_, sample),) = streams.shift_stamp(0.5)()(CHUNK[0](chunk()))
    made = CHUNK[1](chunk(), sample)
    assert CHUNK[0](made).stamp_ns == STAMP + 500_000_000 and made.header.frame_id == "17"
    ((_, cut),) = streams.truncate()(CHUNK[0](chunk()))
    assert len(CHUNK[1](chunk(), cut).points) == len(chunk().points) - 1
    ((_, alarming),) = streams.alarm()(ALARM[0](alarm()))
    assert message_to_alarm(ALARM[1](alarm(), alarming)).active
    ((_, bad),) = streams.element(0, float("nan"))()(ALARM[0](alarm()))
    assert np.isnan(message_to_alarm(ALARM[1](alarm(), bad)).scores["rnd"])


@pytest.mark.parametrize("make", [joints, pose, imu, chunk, alarm])
def test_stamps_are_read_and_written_in_the_bytes(make):
    """Every stamped message that is relayed begins with a header; nothing else of it changes."""
    message = make()
    data = serialize_message(message)
    assert read_stamp(data) == STAMP
    later = with_stamp(data, STAMP + 1_500_000_000)
    assert read_stamp(later) == STAMP + 1_500_000_000 and read_stamp(data) == STAMP
    message.header.stamp = to_stamp(STAMP + 1_500_000_000)
    assert deserialize_message(later, type(message)) == message


def test_an_overturned_robot_lies_on_its_back():
    ((_, sample),) = streams.overwrite(0, (1.0, 0.0, 0.0, 0.0))()(IMU[0](imu()))
    made = IMU[1](imu(), sample)
    o = made.orientation
    assert (o.x, o.y, o.z, o.w) == (1.0, 0.0, 0.0, 0.0)
    assert (made.angular_velocity.y, made.linear_acceleration.z, made.header.frame_id) == (0.5, 9.81, "trunk")
