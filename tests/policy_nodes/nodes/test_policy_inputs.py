"""The policy node's first ticks in this process: what does not fit is named, and is not planned for."""

import pytest
import rclpy
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import JointState

from policy_nodes.nodes.policy_node import PolicyNode
from tests.policy_nodes.bundle_fixture import JOINTS
from tests.policy_nodes.nodes.bundles import drifting_bundle

pytestmark = pytest.mark.ros
SECOND = 1_000_000_000
HOME = [0.0, -0.3, 0.0, -2.2, 0.0, 2.0, 0.8, 0.02]


@pytest.fixture
def node(tmp_path):
    rclpy.try_shutdown()
    bundle = drifting_bundle(tmp_path, 0.1)
    rclpy.init(args=["--ros-args", "-p", f"bundle:={bundle}", "-p", "first_ticks:=require"])
    made = PolicyNode()
    made.start()
    yield made
    made.stop()
    made.destroy_node()
    rclpy.try_shutdown()


def stamped(kind, frame, ns):
    message = kind()
    message.header.frame_id = frame
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(ns, SECOND)
    return message


def hear(node, start_ns, names=JOINTS, frame="panda_link0"):
    """Three seconds at 50 Hz of what a robot sends, on the contract's topics."""
    node.stop_timer()  # the test says when it is judged
    heard = {handle.topic_name: handle.callback for handle in node._inputs.handles}
    for index in range(151):
        stamp = start_ns + index * SECOND // 50
        state = stamped(JointState, "", stamp)
        state.name, state.position = list(names), list(HOME)
        heard["/joint_states"](state)
        for topic, callback in heard.items():
            if topic != "/joint_states":
                pose = stamped(PoseStamped, frame, stamp)
                pose.pose.position.x, pose.pose.position.z, pose.pose.orientation.w = 0.5, 0.05, 1.0
                callback(pose)
    return node._inputs.gate.poll(start_ns + 3 * SECOND)


def found(node, **options):
    return [(f.item, f.sentence) for f in hear(node, node.now_ns(), **options) if f.item in ("names", "refused")]


def test_a_joint_under_another_name(node):
    findings = found(node, names=[*JOINTS[:7], "panda_finger"])
    assert [item for item, _ in findings] == ["names"]
    assert "'panda_finger_joint1', which this robot lacks; it has 'panda_finger'" in findings[0][1]
    assert not node._inputs.gate.open
    assert node.health()[1] == "the robot's first samples are compared with the contract"
    assert "first_ticks_names" in node.health()[2]


def test_a_pose_in_another_frame(node):
    findings = found(node, frame="world")
    assert {item for item, _ in findings} == {"refused"}
    assert all("frame is 'world', the contract says 'panda_link0'" in sentence for _, sentence in findings)
    assert not node._inputs.gate.open


def test_a_robot_that_fits_brings_no_names_or_refusals(node):
    assert found(node) == []
