"""The simulator node's services, called without the wire."""

import numpy as np
import pytest
import rclpy
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import Trigger

from policy_nodes.nodes.sim_node import SimNode
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
