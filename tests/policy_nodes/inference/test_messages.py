from types import SimpleNamespace as Message

import numpy as np
import pytest

from policy_nodes.bundle.manifest import Manifest, ObservationTerm
from policy_nodes.errors import ContractError
from policy_nodes.inference.messages import (
    JointReader,
    TermReader,
    extract,
    joint_sample,
    message_stamp_ns,
    projected_gravity,
)
from tests.policy_nodes.bundle_fixture import JOINTS, manifest_fields

MANIFEST = Manifest.model_validate(manifest_fields() | {"files": {}, "digest": "0" * 64})
JOINT_TERM, POSE_TERM = MANIFEST.terms


def header(sec=0, nanosec=0, frame="panda_link0"):
    return Message(stamp=Message(sec=sec, nanosec=nanosec), frame_id=frame)


def joint_state(names, position=None, velocity=()):
    position = list(range(len(names))) if position is None else position
    return Message(header=header(12, 5), name=list(names), position=position, velocity=velocity, effort=[])


def pose(quaternion=(0.0, 0.0, 0.6, 0.8), frame="panda_link0"):
    x, y, z, w = quaternion
    return Message(
        header=header(frame=frame),
        pose=Message(position=Message(x=1.0, y=2.0, z=3.0), orientation=Message(x=x, y=y, z=z, w=w)),
    )


def refused(term, message, said):
    with pytest.raises(ContractError, match=said) as caught:
        extract(term, message)
    assert f"'{term.name}' on {term.topic}" in caught.value.cause
    assert caught.value.fix
    return caught.value


def test_stamps():
    assert message_stamp_ns(joint_state([]), 7) == 12_000_000_005
    assert message_stamp_ns(pose(), 7) == 7  # zero means "not set" in ROS
    assert message_stamp_ns(Message(data=[]), 7) == 7


def test_joints_are_taken_by_name():
    names = ["wheel", *reversed(JOINTS)]
    assert extract(JOINT_TERM, joint_state(names)).tolist() == [8, 7, 6, 5, 4, 3, 2, 1]


def test_a_publisher_that_changes_its_order_is_followed():
    reader = TermReader(JOINT_TERM)
    assert reader.read(joint_state(JOINTS)).tolist() == list(range(8))
    assert reader.read(joint_state(JOINTS[::-1])).tolist() == list(range(7, -1, -1))


def test_missing_joints_are_named():
    names = [name.replace("panda", "fr3") for name in JOINTS[:7]] + JOINTS[7:]
    error = refused(JOINT_TERM, joint_state(names), "joints panda_joint1, panda_joint2")
    assert "'fr3_joint1'" in error.fix
    refused(JOINT_TERM, joint_state([]), "missing")


def test_repeated_joints_and_short_fields():
    refused(JOINT_TERM, joint_state([*JOINTS, JOINTS[0]]), "'panda_joint1' appears twice")
    refused(JOINT_TERM, joint_state(JOINTS, position=[]), "'position' has 0 values for 8 joints")


def test_velocity_term_reads_velocity():
    term = JOINT_TERM.model_copy(update={"field": "velocity"})
    message = joint_state(JOINTS, velocity=np.arange(8) * 0.5)
    assert extract(term, message)[3] == 1.5


def test_pose_is_xyz_then_quaternion_xyzw():
    assert extract(POSE_TERM, pose()).tolist() == [1, 2, 3, 0, 0, 0.6, 0.8]
    assert extract(POSE_TERM, pose(frame="/panda_link0")).size == 7
    raw = POSE_TERM.model_dump() | {"field": "pose.position"}
    raw |= {key: raw[key][:3] for key in ("axes", "unit", "minimum", "maximum")}
    assert extract(ObservationTerm.model_validate(raw), pose(quaternion=(0, 0, 0, 0))).tolist() == [1, 2, 3]


def test_pose_in_another_frame_or_without_rotation():
    refused(POSE_TERM, pose(frame="camera"), "frame is 'camera', the contract says 'panda_link0'")
    refused(POSE_TERM, pose(quaternion=(0, 0, 0, 0)), r"norm 0\.000")
    assert np.isnan(extract(POSE_TERM, pose(quaternion=(np.nan, 0, 0, 1)))[3])


def test_array():
    raw = JOINT_TERM.model_dump() | {"message_type": "std_msgs/msg/Float64MultiArray", "field": "data"}
    term = ObservationTerm.model_validate(raw)
    assert extract(term, Message(data=[1.0] * 8)).tolist() == [1.0] * 8
    refused(term, Message(data=[1.0] * 7), "has 7 values, the contract 8")


def test_joint_sample():
    sample = joint_sample(["b", "a"], joint_state(["a", "b"], [1.0, 2.0], [3.0, 4.0]))
    assert (sample.stamp_ns, sample.position.tolist(), sample.velocity.tolist()) == (12_000_000_005, [2, 1], [4, 3])
    assert joint_sample(["b"], joint_state(["a", "b"])).velocity.tolist() == [0.0]
    with pytest.raises(ContractError, match="joint c missing"):
        joint_sample(["a", "c"], joint_state(["a", "b"]))
    with pytest.raises(ContractError, match="'velocity' has 1 values"):
        joint_sample(["a"], joint_state(["a", "b"], velocity=[1.0]))


def term(message_type, field, size=3, frame=None):
    axes = list("xyzw")[:size]
    return ObservationTerm(
        name="t", topic="/t", message_type=message_type, field=field, axes=axes, unit=["1"] * size, frame_id=frame,
        minimum=[-9.0] * size, maximum=[9.0] * size, max_age_s=0.1,
    )  # fmt: skip


def vector(x, y, z):
    return Message(x=x, y=y, z=z)


def imu(quaternion=(0.0, 0.0, 0.0, 1.0), covariance=0.0, frame="base"):
    x, y, z, w = quaternion
    return Message(
        header=header(frame=frame), orientation=Message(x=x, y=y, z=z, w=w),
        orientation_covariance=[covariance] + [0.0] * 8,
        angular_velocity=vector(1.0, 2.0, 3.0), linear_acceleration=vector(0.0, 0.1, 9.8),
    )  # fmt: skip


IMU, TWIST, STAMPED = "sensor_msgs/msg/Imu", "geometry_msgs/msg/Twist", "geometry_msgs/msg/TwistStamped"


def test_imu():
    assert extract(term(IMU, "angular_velocity"), imu()).tolist() == [1, 2, 3]
    assert extract(term(IMU, "linear_acceleration"), imu()).tolist() == [0, 0.1, 9.8]
    assert extract(term(IMU, "orientation", 4), imu((0.0, 0.6, 0.0, 0.8))).tolist() == [0, 0.6, 0, 0.8]
    refused(term(IMU, "orientation", 4), imu((0.0, 0.0, 0.0, 0.0)), "norm 0.000")
    refused(term(IMU, "orientation", 4, "imu_link"), imu(), "frame is 'base', the contract says 'imu_link'")


def test_projected_gravity():
    """Roll 0.2, pitch 0.3, yaw 1: yaw must not matter (reference vector of the methods digest)."""
    expected = [0.29552, -0.189796, -0.936293]
    assert np.allclose(projected_gravity([0.015342, 0.177814, 0.458581, 0.870546]), expected, atol=2e-5)
    value = extract(term(IMU, "projected_gravity"), imu((np.sin(0.1), 0.0, 0.0, np.cos(0.1))))  # roll 0.2 alone
    assert np.allclose(value, [0.0, -0.198669, -0.980067], atol=1e-6)
    refused(term(IMU, "projected_gravity"), imu(covariance=-1.0), "publishes no orientation")


def test_twists():
    twist = Message(linear=vector(1.0, 2.0, 3.0), angular=vector(4.0, 5.0, 6.0))
    stamped = Message(header=header(1, frame="base"), twist=twist)
    odometry = Message(header=header(1, frame="odom"), child_frame_id="base", twist=Message(twist=twist))
    assert extract(term(TWIST, "planar"), twist).tolist() == [1, 2, 6]
    assert extract(term(STAMPED, "linear", frame="base"), stamped).tolist() == [1, 2, 3]
    assert extract(term(STAMPED, "angular"), stamped).tolist() == [4, 5, 6]
    refused(term(STAMPED, "planar", frame="odom"), stamped, "frame is 'base'")
    # The twist of an Odometry is in the child's frame, not in the header's.
    assert extract(term("nav_msgs/msg/Odometry", "linear", frame="base"), odometry).tolist() == [1, 2, 3]
    refused(term("nav_msgs/msg/Odometry", "linear", frame="odom"), odometry, "frame is 'base'")


def test_wrenches():
    wrench = Message(force=vector(1.0, 2.0, -3.0), torque=vector(0.1, 0.2, 0.3))
    stamped = Message(header=header(1, frame="base"), wrench=wrench)
    kind = "geometry_msgs/msg/WrenchStamped"
    assert extract(term(kind, "force", frame="base"), stamped).tolist() == [1, 2, -3]
    assert extract(term(kind, "torque"), stamped).tolist() == [0.1, 0.2, 0.3]
    refused(term(kind, "force", frame="tool"), stamped, "frame is 'base', the contract says 'tool'")


def test_a_joint_reader_follows_messages_whose_order_changes():
    """It remembers where the joints stand, and looks again when the names are others."""
    reader = JointReader(["b", "a"])
    assert reader.read(joint_state(["a", "b"], [1.0, 2.0], [3.0, 4.0])).position.tolist() == [2.0, 1.0]
    assert reader.read(joint_state(["a", "b"], [5.0, 6.0], [7.0, 8.0])).velocity.tolist() == [8.0, 7.0]
    assert reader.read(joint_state(["b", "x", "a"], [1.0, 2.0, 3.0], [0.0, 0.0, 0.0])).position.tolist() == [1.0, 3.0]
    with pytest.raises(ContractError, match="a missing"):
        reader.read(joint_state(["b", "c"], [1.0, 2.0], [0.0, 0.0]))
    with pytest.raises(ContractError, match="'position' has 1 values for 2 joints"):
        reader.read(joint_state(["a", "b"], [1.0], [0.0, 0.0]))
    assert reader.read(joint_state(["a", "b"], [1.0, 2.0], [3.0, 4.0])).position.tolist() == [2.0, 1.0]
