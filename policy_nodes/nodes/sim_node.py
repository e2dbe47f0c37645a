"""sim_node: a simulated robot behind exactly the topics of the real one, with faults on request.

Publishes ``/joint_states`` and ``/objects/<name>/pose``, obeys the command topic like a ros2_control forward command
controller, and reports ``~/episode``. The simulator is a plug-in named ``module:factory`` (parameter ``simulator``), as
with pluginlib, so that this package does not depend on any simulator.

Services: ``~/new_episode`` (objects placed anew, the robot stays), ``~/displace_object`` (an out-of-distribution pose),
``~/corrupt_observation`` (SetBool: object poses become NaN).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Protocol

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseStamped
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import SetBool, Trigger

from policy_nodes.errors import ConfigError, KeelError
from policy_nodes.nodes.conversions import diagnostic_array, to_stamp
from policy_nodes.nodes.qos import COMMAND, LATCHED, STREAM


class SimulatedRobot(Protocol):
    """What a simulator must offer; positions in rad and m, poses as xyz + quat_xyzw in ``frame_id``."""

    joint_names: tuple[str, ...]
    frame_id: str
    episode_time: float

    def advance(self, command: np.ndarray, seconds: float) -> None: ...  # noqa: D102
    def joint_state(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]: ...  # noqa: D102
    def object_poses(self) -> dict[str, np.ndarray]: ...  # noqa: D102
    def new_episode(self, seed: int | None = None) -> None: ...  # noqa: D102
    def displace_object(self) -> str: ...  # noqa: D102
    def success(self) -> bool: ...  # noqa: D102
    def failed(self) -> bool: ...  # noqa: D102


def load_simulator(reference: str, seed: int) -> SimulatedRobot:
    """Build the simulator ``module:factory`` with a seed.

    Raises:
        ConfigError: the reference cannot be imported.
    """
    module, _, factory = reference.partition(":")
    try:
        make: Callable[..., SimulatedRobot] = getattr(import_module(module), factory)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"cannot load the simulator '{reference}': {error}.",
            "give module:factory, and install it (pip install keel[sim]).",
        ) from error
    return make(seed=seed)


class SimNode(Node):
    """Steps the simulator in real time. Parameters: ``simulator``, ``seed``, ``state_rate_hz``, ``command_topic``."""

    def __init__(self) -> None:
        super().__init__("sim_node")
        self.declare_parameter("simulator", "sim.tasks.pick_place.simulated_robot:SimulatedPanda")
        self.declare_parameter("seed", 0)
        self.declare_parameter("state_rate_hz", 100.0)
        self.declare_parameter("command_topic", "/forward_position_controller/commands")
        self._seed = int(self.get_parameter("seed").value)
        self._robot = load_simulator(str(self.get_parameter("simulator").value), self._seed)
        self._period = 1.0 / float(self.get_parameter("state_rate_hz").value)
        self._command = self._robot.joint_state()[0].copy()
        self._episode, self._corrupt, self._tick = 0, False, 0
        self._joint_states = self.create_publisher(JointState, "/joint_states", STREAM)
        self._poses = {
            name: self.create_publisher(PoseStamped, f"/objects/{name}/pose", STREAM)
            for name in self._robot.object_poses()
        }
        self._status = self.create_publisher(DiagnosticArray, "~/episode", LATCHED)
        self.create_subscription(
            Float64MultiArray, str(self.get_parameter("command_topic").value), self._on_command, COMMAND
        )
        self.create_service(Trigger, "~/new_episode", self._on_new_episode)
        self.create_service(Trigger, "~/displace_object", self._on_displace)
        self.create_service(SetBool, "~/corrupt_observation", self._on_corrupt)
        self.create_timer(self._period, self._advance)

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
        message = JointState(name=list(self._robot.joint_names))
        message.header.stamp = to_stamp(stamp)
        message.position, message.velocity, message.effort = position.tolist(), velocity.tolist(), effort.tolist()
        self._joint_states.publish(message)
        if self._tick % 2 == 0:
            self._publish_poses(stamp)
        if self._tick % 10 == 0:
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

    def _publish_status(self, stamp_ns: int) -> None:
        outcome = "success" if self._robot.success() else "failed" if self._robot.failed() else "running"
        values = {"episode": str(self._episode), "time": f"{self._robot.episode_time:.2f}"}
        self._status.publish(diagnostic_array(stamp_ns, "episode", DiagnosticStatus.OK, outcome, values))

    def _on_new_episode(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._episode += 1
        self._robot.new_episode(seed=self._seed + self._episode)
        self._publish_status(self.get_clock().now().nanoseconds)
        response.success, response.message = True, f"episode {self._episode}"
        return response

    def _on_displace(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = True, self._robot.displace_object()
        return response

    def _on_corrupt(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._corrupt = bool(request.data)
        response.success, response.message = True, "object poses are NaN" if self._corrupt else "object poses are true"
        return response


def main() -> int:
    """Run the node."""
    rclpy.init(args=sys.argv)
    try:
        node = SimNode()
    except Exception as error:  # the simulator's own named errors end the process with a message, not a traceback
        rclpy.try_shutdown()
        if hasattr(error, "cause") and hasattr(error, "fix"):
            raise KeelError(error.cause, error.fix) from error
        raise
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
    return 0
