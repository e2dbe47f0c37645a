"""policy_node as a process, fed with joint states and pictures over the wire."""

import time

import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import Image, JointState
from trajectory_msgs.msg import JointTrajectory

from policy_nodes.nodes.conversions import to_stamp
from policy_nodes.nodes.qos import COMMAND, STREAM
from tests.policy_nodes.bundle_fixture import JOINTS
from tests.policy_nodes.camera_bundle import SIZES, TOP, WRIST, camera_bundle
from tests.policy_nodes.nodes.graph import Processes, node_command

pytestmark = pytest.mark.ros
SPEED = 0.4
ROW = SPEED * 0.02
"""Motion from one row of the chunk to the next where every pixel is white, rad."""


class PolicyOnly(Processes):
    """Just policy_node."""

    def __init__(self, bundle, logs):
        super().__init__(bundle, logs)
        self._commands = {"policy_node": node_command("policy_node", bundle=bundle)}


class Robot:
    """Publishes joint states at 50 Hz and, as told, pictures of both cameras; keeps the newest chunks."""

    def __init__(self):
        rclpy.init(args=[])
        self.node = Node("robot")
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.joints = self.node.create_publisher(JointState, "/joint_states", STREAM)
        self.cameras = {
            name: self.node.create_publisher(Image, f"/{name.rpartition('.')[2]}/image_raw", STREAM) for name in SIZES
        }
        self.chunks = []
        self.node.create_subscription(
            JointTrajectory, "policy_node/action_chunk", lambda message: self.chunks.append(self.row(message)), COMMAND
        )

    @staticmethod
    def row(message):
        """Difference of the first two rows at the first joint."""
        return message.points[1].positions[0] - message.points[0].positions[0]

    def tick(self, **pictures):
        """One period: publish, then let callbacks run."""
        now = to_stamp(self.node.get_clock().now().nanoseconds)
        state = JointState(name=JOINTS, position=[0.0] * 8, velocity=[0.0] * 8)
        state.header.stamp = now
        self.joints.publish(state)
        for name, message in pictures.items():
            message.header.stamp = now
            self.cameras[f"observation.images.{name}"].publish(message)
        self.executor.spin_once(timeout_sec=0.02)
        time.sleep(0.005)

    def until(self, condition, timeout_s=60.0, **pictures):
        """Tick until the condition holds; whether it came to hold."""
        end = time.monotonic() + timeout_s
        while not condition() and time.monotonic() < end:
            self.tick(**pictures)
        return bool(condition())

    def close(self):
        """Leave the graph."""
        self.node.destroy_node()
        rclpy.try_shutdown()


def picture(name, value, encoding="rgb8", **changes):
    """A message of one brightness."""
    height, width, _ = SIZES[name]
    pixels = np.full((height, width, 3), value, np.uint8)
    fields = {"encoding": encoding, "height": height, "width": width, "step": 3 * width, "data": pixels.tobytes()}
    return Image(**(fields | changes))


@pytest.fixture(scope="module")
def robot():
    robot = Robot()
    yield robot
    robot.close()


def test_chunks_follow_the_pictures_and_stop_without_them(robot, tmp_path):
    with PolicyOnly(camera_bundle(tmp_path, SPEED), tmp_path) as processes:
        log = lambda: processes.log("policy_node")  # noqa: E731
        white, black = ({"top": picture(TOP, v), "wrist": picture(WRIST, v, "bgr8")} for v in (255, 0))
        missing = f"'{WRIST}' was never received"
        assert robot.until(lambda: missing in log(), top=white["top"]), log()
        assert robot.chunks == []

        assert robot.until(lambda: robot.chunks and robot.chunks[-1] == pytest.approx(ROW, abs=1e-6), **white), log()
        assert robot.until(lambda: robot.chunks[-1] == pytest.approx(0.0, abs=1e-6), **black), log()

        wide = picture(WRIST, 255, width=8, step=24, data=bytes(96))
        said = "the picture is 8x4, the contract says 4x4"
        assert robot.until(lambda: said in log(), top=white["top"], wrist=wide), log()
        assert robot.until(lambda: "the limit is 0.5 s" in log(), top=white["top"], wrist=wide), log()
        count = len(robot.chunks)
        for _ in range(20):
            robot.tick(top=white["top"], wrist=wide)
        assert len(robot.chunks) <= count + 1  # one may have been on its way
        assert robot.until(lambda: robot.chunks[-1] == pytest.approx(ROW, abs=1e-6), **white), log()
