"""sim_node: a simulated robot behind exactly the topics of the real one, with faults on request.

Publishes ``/joint_states`` and ``/objects/<name>/pose``, obeys the command topic like a ros2_control forward command
controller, and reports ``~/episode``. The simulator is a plug-in named ``module:factory`` (parameter ``simulator``), as
with pluginlib, so that this package does not depend on any simulator. A simulator with an IMU also publishes ``/imu``
at the rate of the joint states, and its true motion on ``/odom``.

Services: ``~/new_episode`` (objects placed anew, the robot stays), ``~/displace_object`` (an out-of-distribution pose),
``~/restore_object`` (back to where it was), ``~/corrupt_observation`` (SetBool: object poses, or of a robot without
objects the joint states, become NaN). For a walking robot displacing is a push, restoring puts it on its feet.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Odometry
from rclpy.node import Node
from sensor_msgs.msg import Imu, JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import SetBool, Trigger

from policy_nodes.nodes.conversions import diagnostic_array, to_stamp
from policy_nodes.nodes.parameters import TOPIC_PREFIX, Option, contract_topic, declare_options, read
from policy_nodes.nodes.qos import COMMAND, LATCHED, STREAM
from policy_nodes.nodes.simulators import load_simulator
from policy_nodes.nodes.spinning import run_node

OPTIONS = (
    Option("simulator", "sim.tasks.pick_place.simulated_robot:SimulatedPanda", "the simulated robot, module:factory"),
    Option("seed", 0, "seed of the world", 0, 2**31 - 1),
    Option("state_rate_hz", 100.0, "rate of joint states; object poses come at half of it", 1.0, 1000.0),
    Option("command_topic", "/forward_position_controller/commands", "joint position commands, in the robot's order"),
    TOPIC_PREFIX,
)
POSE_EVERY, STATUS_EVERY = 2, 10
MOVED = 1e-3
"""Joints that a service moved further than this (rad or m) were put there; no physics runs meanwhile."""


class SimNode(Node):
    """Steps the simulator in real time; parameters: ``OPTIONS``."""

    def __init__(self) -> None:
        super().__init__("sim_node", automatically_declare_parameters_from_overrides=True)
        declare_options(self, OPTIONS)
        prefix = read(self, "topic_prefix", str)
        self._seed = read(self, "seed", int)
        self._robot = load_simulator(read(self, "simulator", str), self._seed)
        self._period = 1.0 / read(self, "state_rate_hz", float)
        self._command = self._robot.joint_state()[0].copy()
        self._episode, self._corrupt, self._tick = 0, False, 0
        self._joint_states = self.create_publisher(JointState, contract_topic("/joint_states", prefix), STREAM)
        self._poses = {
            name: self.create_publisher(PoseStamped, contract_topic(f"/objects/{name}/pose", prefix), STREAM)
            for name in self._robot.object_poses()
        }
        self._walks = hasattr(self._robot, "imu")
        if self._walks:
            self._imu = self.create_publisher(Imu, contract_topic("/imu", prefix), STREAM)
            self._odometry = self.create_publisher(Odometry, contract_topic("/odom", prefix), STREAM)
        self._status = self.create_publisher(DiagnosticArray, "~/episode", LATCHED)
        commands = contract_topic(read(self, "command_topic", str), prefix)
        self.create_subscription(Float64MultiArray, commands, self._on_command, COMMAND)
        self.create_service(Trigger, "~/new_episode", self._on_new_episode)
        self.create_service(Trigger, "~/displace_object", self._on_displace)
        self.create_service(Trigger, "~/restore_object", self._on_restore)
        self.create_service(SetBool, "~/corrupt_observation", self._on_corrupt)

    def start(self) -> None:
        """Let time run."""
        self.create_timer(self._period, self._advance)

    def failed(self) -> str:
        """Nothing that would be noticed later than at once."""
        return ""

    def stop(self) -> None:
        """The simulated drives stand where they are."""

    def _on_command(self, message: Float64MultiArray) -> None:
        """As forward_command_controller: a command of the wrong size, or not finite, is dropped."""
        command = np.asarray(message.data, dtype=np.float64)
        if command.shape != self._command.shape or not np.isfinite(command).all():
            self.get_logger().error(
                f"command dropped: {command.size} values, want {self._command.size} finite ones",
                throttle_duration_sec=1.0,
            )
            return
        self._command = command

    def _advance(self) -> None:
        self._robot.advance(self._command, self._period)
        stamp = self.get_clock().now().nanoseconds
        position, velocity, effort = self._robot.joint_state()
        if self._corrupt and not self._poses:
            position = np.full_like(position, np.nan)
        message = JointState(name=list(self._robot.joint_names))
        message.header.stamp = to_stamp(stamp)
        message.position, message.velocity, message.effort = position.tolist(), velocity.tolist(), effort.tolist()
        self._joint_states.publish(message)
        if self._walks:
            self._publish_motion(stamp)
        if self._tick % POSE_EVERY == 0:
            self._publish_poses(stamp)
        if self._tick % STATUS_EVERY == 0:
            self._publish_status(stamp)
        self._tick += 1

    def _publish_poses(self, stamp_ns: int) -> None:
        for name, pose in self._robot.object_poses().items():
            value = np.full(7, np.nan) if self._corrupt else pose
            message = PoseStamped()
            message.header.stamp, message.header.frame_id = to_stamp(stamp_ns), self._robot.frame_id
            target = message.pose
            target.position.x, target.position.y, target.position.z = (float(v) for v in value[:3])
            o = target.orientation
            o.x, o.y, o.z, o.w = (float(v) for v in value[3:])
            self._poses[name].publish(message)

    def _publish_motion(self, stamp_ns: int) -> None:
        robot: Any = self._robot
        orientation, rates, force = robot.imu()
        imu = Imu()
        imu.header.stamp, imu.header.frame_id = to_stamp(stamp_ns), robot.base_frame
        _fill(imu.orientation, "xyzw", orientation)
        _fill(imu.angular_velocity, "xyz", rates)
        _fill(imu.linear_acceleration, "xyz", force)
        self._imu.publish(imu)
        if self._tick % POSE_EVERY:
            return
        pose, twist = robot.odometry()
        odometry = Odometry(child_frame_id=robot.base_frame)
        odometry.header.stamp, odometry.header.frame_id = to_stamp(stamp_ns), robot.frame_id
        _fill(odometry.pose.pose.position, "xyz", pose[:3])
        _fill(odometry.pose.pose.orientation, "xyzw", pose[3:])
        _fill(odometry.twist.twist.linear, "xyz", twist[:3])
        _fill(odometry.twist.twist.angular, "xyz", twist[3:])
        self._odometry.publish(odometry)

    def _publish_status(self, stamp_ns: int) -> None:
        outcome = "success" if self._robot.success() else "failed" if self._robot.failed() else "running"
        values = {"episode": str(self._episode), "time": f"{self._robot.episode_time:.2f}"}
        self._status.publish(diagnostic_array(stamp_ns, "episode", DiagnosticStatus.OK, outcome, values))

    def _on_new_episode(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._episode += 1
        before = self._robot.joint_state()[0].copy()
        self._robot.new_episode(seed=self._seed + self._episode)
        self._hold_if_moved(before)
        self._publish_status(self.get_clock().now().nanoseconds)
        response.success, response.message = True, f"episode {self._episode}"
        return response

    def _on_restore(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        before = self._robot.joint_state()[0].copy()
        response.success, response.message = True, self._robot.restore_object()
        self._hold_if_moved(before)
        return response

    def _hold_if_moved(self, before: np.ndarray) -> None:
        """A robot that was put somewhere else holds that pose; the old target would throw it over."""
        position = self._robot.joint_state()[0]
        if np.abs(position - before).max() > MOVED:
            self._command = position.copy()

    def _on_displace(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = True, self._robot.displace_object()
        return response

    def _on_corrupt(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._corrupt = bool(request.data)
        response.success, response.message = True, "object poses are NaN" if self._corrupt else "object poses are true"
        return response


def _fill(message: Any, fields: str, values: np.ndarray) -> None:
    for field, value in zip(fields, values, strict=True):
        setattr(message, field, float(value))


def main() -> int:
    """Run the node."""
    return run_node(SimNode)
