"""What the simulated robot says: joint states, object poses, felt forces, and of a walking one IMU and odometry."""

from __future__ import annotations

from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseStamped, WrenchStamped
from nav_msgs.msg import Odometry
from rclpy.node import Node
from sensor_msgs.msg import Imu, JointState

from policy_nodes.nodes.conversions import diagnostic_array, to_stamp
from policy_nodes.nodes.parameters import contract_topic
from policy_nodes.nodes.qos import LATCHED, STREAM
from policy_nodes.nodes.simulators import FeelingRobot, SimulatedRobot, WalkingRobot

POSE_EVERY, STATUS_EVERY = 2, 10


class SimOutputs:
    """Publishers of the simulator node.

    Args:
        node: that publishes.
        robot: whose state it is.
        prefix: parameter ``topic_prefix``.

    Attributes:
        corrupt: object poses, or of a robot without objects the joint positions, are published as NaN.
        episode: number reported on ``~/episode``.
    """

    def __init__(self, node: Node, robot: SimulatedRobot, prefix: str) -> None:
        self.corrupt = False
        self.episode = 0
        self._robot, self._tick = robot, 0

        def stream(kind: type, topic: str) -> Any:
            return node.create_publisher(kind, contract_topic(topic, prefix), STREAM)

        self._joint_states = stream(JointState, "/joint_states")
        self._poses = {name: stream(PoseStamped, f"/objects/{name}/pose") for name in robot.object_poses()}
        wrenches = robot.wrenches() if isinstance(robot, FeelingRobot) else {}
        self._wrenches = {topic: stream(WrenchStamped, topic) for topic in wrenches}
        if robot.walking is not None:
            self._imu, self._odometry = stream(Imu, "/imu"), stream(Odometry, "/odom")
        self._status = node.create_publisher(DiagnosticArray, "~/episode", LATCHED)

    def publish(self, stamp_ns: int) -> None:
        """Everything that is due at this tick of the joint states."""
        self._publish_joints(stamp_ns)
        if isinstance(self._robot, FeelingRobot):
            self._publish_wrenches(self._robot, stamp_ns)
        if (walking := self._robot.walking) is not None:
            self._publish_imu(walking, stamp_ns)
            if self._tick % POSE_EVERY == 0:
                self._publish_odometry(walking, stamp_ns)
        if self._tick % POSE_EVERY == 0:
            self._publish_poses(stamp_ns)
        if self._tick % STATUS_EVERY == 0:
            self.publish_status(stamp_ns)
        self._tick += 1

    def publish_status(self, stamp_ns: int) -> None:
        """Number, time and outcome of the episode."""
        robot = self._robot
        outcome = "success" if robot.success() else "failed" if robot.failed() else "running"
        values = {"episode": str(self.episode), "time": f"{robot.episode_time:.2f}"}
        self._status.publish(diagnostic_array(stamp_ns, "episode", DiagnosticStatus.OK, outcome, values))

    def _publish_joints(self, stamp_ns: int) -> None:
        position, velocity, effort = self._robot.joint_state()
        if self.corrupt and not self._poses:
            position = np.full_like(position, np.nan)
        message = JointState(name=list(self._robot.joint_names))
        message.header.stamp = to_stamp(stamp_ns)
        message.position, message.velocity, message.effort = position.tolist(), velocity.tolist(), effort.tolist()
        self._joint_states.publish(message)

    def _publish_poses(self, stamp_ns: int) -> None:
        for name, pose in self._robot.object_poses().items():
            message = PoseStamped()
            message.header.stamp, message.header.frame_id = to_stamp(stamp_ns), self._robot.frame_id
            _fill_pose(message.pose, np.full(7, np.nan) if self.corrupt else pose)
            self._poses[name].publish(message)

    def _publish_wrenches(self, robot: FeelingRobot, stamp_ns: int) -> None:
        for topic, wrench in robot.wrenches().items():
            message = WrenchStamped()
            message.header.stamp, message.header.frame_id = to_stamp(stamp_ns), self._robot.frame_id
            _fill(message.wrench.force, "xyz", wrench[:3])
            _fill(message.wrench.torque, "xyz", wrench[3:])
            self._wrenches[topic].publish(message)

    def _publish_imu(self, robot: WalkingRobot, stamp_ns: int) -> None:
        orientation, rates, force = robot.imu()
        message = Imu()
        message.header.stamp, message.header.frame_id = to_stamp(stamp_ns), robot.base_frame
        _fill(message.orientation, "xyzw", orientation)
        _fill(message.angular_velocity, "xyz", rates)
        _fill(message.linear_acceleration, "xyz", force)
        self._imu.publish(message)

    def _publish_odometry(self, robot: WalkingRobot, stamp_ns: int) -> None:
        pose, twist = robot.odometry()
        message = Odometry(child_frame_id=robot.base_frame)
        message.header.stamp, message.header.frame_id = to_stamp(stamp_ns), self._robot.frame_id
        _fill_pose(message.pose.pose, pose)
        _fill(message.twist.twist.linear, "xyz", twist[:3])
        _fill(message.twist.twist.angular, "xyz", twist[3:])
        self._odometry.publish(message)


def _fill(message: Any, fields: str, values: np.ndarray) -> None:
    for field, value in zip(fields, values, strict=True):
        setattr(message, field, float(value))


def _fill_pose(message: Any, pose: np.ndarray) -> None:
    """``pose`` is xyz + quat_xyzw (7,)."""
    _fill(message.position, "xyz", pose[:3])
    _fill(message.orientation, "xyzw", pose[3:])
