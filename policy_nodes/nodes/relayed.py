"""Messages <-> what faults change of them, for ``fault_node``; stamps are read and written in the bytes themselves."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import PoseStamped, Twist
from sensor_msgs.msg import Imu, JointState
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from policy_nodes.nodes.conversions import SECOND_NS, to_ns, to_stamp
from policy_nodes.running.campaign.streams import Sample

Adapter = tuple[Callable[[Any], Sample], Callable[[Any, Sample], Any]]
"""Message -> what faults change, and back: a new message like the first, with the changed part."""


_STAMP = struct.Struct("<iI")
_STAMP_AT = 4
"""Behind the encapsulation header of a little-endian CDR message whose first field is a header."""


def read_stamp(data: bytes) -> int:
    """Stamp (ns) of a serialised message that begins with a header."""
    seconds, nanoseconds = _STAMP.unpack_from(data, _STAMP_AT)
    return int(seconds) * SECOND_NS + int(nanoseconds)


def with_stamp(data: bytes, stamp_ns: int) -> bytes:
    """The same message with another stamp; nothing is decoded."""
    changed = bytearray(data)
    _STAMP.pack_into(changed, _STAMP_AT, stamp_ns // SECOND_NS, stamp_ns % SECOND_NS)
    return bytes(changed)


def _read_joints(message: JointState) -> Sample:
    return Sample(to_ns(message.header.stamp), np.array(message.position), tuple(message.name))


def _write_joints(message: JointState, sample: Sample) -> JointState:
    count = len(sample.names)
    order = [list(message.name).index(name) for name in sample.names]
    made = JointState(name=list(sample.names))
    made.header.frame_id, made.header.stamp = message.header.frame_id, to_stamp(sample.stamp_ns)
    made.position = sample.values[:count].tolist()
    made.velocity = [message.velocity[i] for i in order] if message.velocity else []
    made.effort = [message.effort[i] for i in order] if message.effort else []
    return made


def _read_pose(message: PoseStamped) -> Sample:
    p, o = message.pose.position, message.pose.orientation
    return Sample(to_ns(message.header.stamp), np.array([p.x, p.y, p.z, o.x, o.y, o.z, o.w]))


def _write_pose(message: PoseStamped, sample: Sample) -> PoseStamped:
    made = PoseStamped()
    made.header.frame_id, made.header.stamp = message.header.frame_id, to_stamp(sample.stamp_ns)
    p, o = made.pose.position, made.pose.orientation
    p.x, p.y, p.z, o.x, o.y, o.z, o.w = (float(value) for value in sample.values)
    return made


def _read_imu(message: Imu) -> Sample:
    o, w, a = message.orientation, message.angular_velocity, message.linear_acceleration
    values = np.array([o.x, o.y, o.z, o.w, w.x, w.y, w.z, a.x, a.y, a.z])
    return Sample(to_ns(message.header.stamp), values)


def _write_imu(message: Imu, sample: Sample) -> Imu:
    made = Imu()
    made.header.frame_id, made.header.stamp = message.header.frame_id, to_stamp(sample.stamp_ns)
    o, w, a = made.orientation, made.angular_velocity, made.linear_acceleration
    o.x, o.y, o.z, o.w, w.x, w.y, w.z, a.x, a.y, a.z = (float(value) for value in sample.values)
    return made


def _read_twist(message: Twist) -> Sample:
    return Sample(0, np.array([message.linear.x, message.linear.y, message.angular.z]))


def _write_twist(message: Twist, sample: Sample) -> Twist:
    made = Twist()
    made.linear.x, made.linear.y, made.angular.z = (float(value) for value in sample.values)
    return made


def _read_chunk(message: JointTrajectory) -> Sample:
    values = np.array([list(point.positions) for point in message.points])
    return Sample(to_ns(message.header.stamp), values, tuple(message.joint_names))


def _write_chunk(message: JointTrajectory, sample: Sample) -> JointTrajectory:
    made = JointTrajectory(joint_names=list(sample.names))
    made.header.frame_id, made.header.stamp = message.header.frame_id, to_stamp(sample.stamp_ns)
    points = message.points[: len(sample.values)]  # a fault may have cut the chunk short
    for point, row in zip(points, sample.values, strict=True):
        made.points.append(JointTrajectoryPoint(positions=row.tolist(), time_from_start=point.time_from_start))
    return made


def _read_command(message: Float64MultiArray) -> Sample:
    return Sample(0, np.array(message.data))


def _write_command(message: Float64MultiArray, sample: Sample) -> Float64MultiArray:
    return Float64MultiArray(data=sample.values.tolist())


def _read_alarm(message: DiagnosticArray) -> Sample:
    status = message.status[0]
    scores = np.array([float(item.value) for item in status.values])
    alarming = bytes(status.level) != bytes(DiagnosticStatus.OK)
    return Sample(to_ns(message.header.stamp), scores, tuple(item.key for item in status.values), alarming)


def _write_alarm(message: DiagnosticArray, sample: Sample) -> DiagnosticArray:
    level = DiagnosticStatus.ERROR if sample.alarming else DiagnosticStatus.OK
    pairs = [KeyValue(key=k, value=f"{v:.6g}") for k, v in zip(sample.names, sample.values, strict=True)]
    made = DiagnosticArray(
        status=[
            DiagnosticStatus(level=level, name=message.status[0].name, message=message.status[0].message, values=pairs)
        ]
    )
    made.header.stamp = to_stamp(sample.stamp_ns)
    return made


JOINTS: Adapter = (_read_joints, _write_joints)
POSE: Adapter = (_read_pose, _write_pose)
IMU: Adapter = (_read_imu, _write_imu)
TWIST: Adapter = (_read_twist, _write_twist)
CHUNK: Adapter = (_read_chunk, _write_chunk)
COMMAND: Adapter = (_read_command, _write_command)
ALARM: Adapter = (_read_alarm, _write_alarm)
