"""The simulator node's services, called without the wire."""

from types import SimpleNamespace

import numpy as np
import pytest
import rclpy
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import Trigger

from policy_nodes.errors import ConfigError
from policy_nodes.nodes.sim_node import SimNode
from policy_nodes.nodes.sim_outputs import SimOutputs
from policy_nodes.nodes.simulators import load_simulator
from tests.policy_nodes.nodes.scripted_robot import HOME, ScriptedRobot

pytestmark = pytest.mark.ros


class FallingRobot(ScriptedRobot):
    """Restoring puts it back home, as a robot that fell is put on its feet."""

    def displace_object(self):
        self.position = HOME + 0.5
        return "pushed over"

    def restore_object(self):
        self.position = HOME.copy()
        return "on its feet"


@pytest.fixture
def node():
    rclpy.try_shutdown()
    rclpy.init(args=["--ros-args", "-p", f"simulator:={__name__}:FallingRobot"])
    made = SimNode()
    yield made
    made.destroy_node()
    rclpy.try_shutdown()


def test_a_robot_put_on_its_feet_is_not_thrown_over_by_the_old_target(node):
    lying = HOME + 0.3
    node._on_command(Float64MultiArray(data=lying.tolist()))
    node._advance()
    np.testing.assert_allclose(node._robot.position, lying)
    assert node._on_restore(Trigger.Request(), Trigger.Response()).message == "on its feet"
    node._advance()
    np.testing.assert_allclose(node._robot.position, HOME)


def test_a_new_episode_that_moves_only_objects_keeps_the_target(node):
    node._on_command(Float64MultiArray(data=(HOME + 0.1).tolist()))
    node._on_new_episode(Trigger.Request(), Trigger.Response())
    node._advance()
    np.testing.assert_allclose(node._robot.position, HOME + 0.1)


@pytest.mark.parametrize("data", [[0.0] * 7, [float("nan")] * 8])
def test_a_wrong_command_is_dropped(node, data):
    node._on_command(Float64MultiArray(data=data))
    node._advance()
    np.testing.assert_allclose(node._robot.position, HOME)


class LamePuppy(ScriptedRobot):
    """Forgot two parts of a simulated robot."""

    success = failed = property()  # reading it raises AttributeError, as if it were not there


class Walker(ScriptedRobot):
    """Walks straight ahead at 0.5 m/s."""

    base_frame = "trunk"

    @property
    def walking(self):
        return self

    def object_poses(self):
        return {}

    def imu(self):
        return np.array([0.0, 0.0, 0.0, 1.0]), np.array([0.1, 0.2, 0.3]), np.array([0.0, 0.0, 9.81])

    def odometry(self):
        return np.array([1.0, 2.0, 0.3, 0.0, 0.0, 0.0, 1.0]), np.array([0.5, 0.0, 0.0, 0.0, 0.0, 0.1])


class Recorder:
    """Stands in for a node: keeps what is published, by topic."""

    def __init__(self):
        self.sent = {}

    def create_publisher(self, kind, topic, qos):
        log = self.sent.setdefault(topic, [])
        return SimpleNamespace(publish=log.append)


def test_a_simulator_without_all_parts_is_refused_by_name():
    with pytest.raises(ConfigError, match="has no failed, success") as caught:
        load_simulator(f"{__name__}:LamePuppy", 0)
    assert "walking" in caught.value.fix


def test_a_walking_robot_has_imu_at_every_tick_and_odometry_at_every_second():
    node = Recorder()
    outputs = SimOutputs(node, Walker(), "left")
    for tick in range(4):
        outputs.publish(1_000_000_000 + tick)
    counts = {topic: len(log) for topic, log in node.sent.items()}
    assert counts == {"/left/joint_states": 4, "/left/imu": 4, "/left/odom": 2, "~/episode": 1}
    imu, odometry = node.sent["/left/imu"][0], node.sent["/left/odom"][0]
    assert (imu.header.frame_id, imu.angular_velocity.z, imu.linear_acceleration.z) == ("trunk", 0.3, 9.81)
    assert (odometry.child_frame_id, odometry.header.frame_id) == ("trunk", "panda_link0")
    assert (odometry.pose.pose.position.y, odometry.twist.twist.linear.x, odometry.twist.twist.angular.z) == (
        2,
        0.5,
        0.1,
    )


def test_corruption_spoils_poses_or_of_a_robot_without_objects_its_joints():
    for robot, topic in ((ScriptedRobot(), "/objects/cube/pose"), (Walker(), "/joint_states")):
        node = Recorder()
        outputs = SimOutputs(node, robot, "")
        outputs.publish(1)
        outputs.corrupt = True
        outputs.publish(2), outputs.publish(3)
        values = [m.position[0] if topic == "/joint_states" else m.pose.position.x for m in node.sent[topic]]
        assert np.isfinite(values[0]) and np.isnan(values[-1])
    assert not np.isnan(node.sent["/joint_states"][0].position).any()


def test_a_robot_that_stands_has_neither_imu_nor_odometry():
    node = Recorder()
    SimOutputs(node, ScriptedRobot(), "").publish(1)
    assert set(node.sent) == {"/joint_states", "/objects/cube/pose", "~/episode"}
    (status,) = node.sent["~/episode"][0].status
    assert (status.message, {v.key: v.value for v in status.values}) == ("running", {"episode": "0", "time": "0.00"})
