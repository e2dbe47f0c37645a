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

import numpy as np
from rclpy.node import Node
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import SetBool, Trigger

from policy_nodes.nodes.parameters import TOPIC_PREFIX, Option, contract_topic, declare_options, read
from policy_nodes.nodes.qos import COMMAND
from policy_nodes.nodes.sim_outputs import SimOutputs
from policy_nodes.nodes.simulators import load_simulator
from policy_nodes.nodes.spinning import run_node

OPTIONS = (
    Option("simulator", "sim.tasks.pick_place.simulated_robot:SimulatedPanda", "the simulated robot, module:factory"),
    Option("seed", 0, "seed of the world", 0, 2**31 - 1),
    Option("state_rate_hz", 100.0, "rate of joint states; object poses come at half of it", 1.0, 1000.0),
    Option("command_topic", "/forward_position_controller/commands", "joint position commands, in the robot's order"),
    TOPIC_PREFIX,
)
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
        self._outputs = SimOutputs(self, self._robot, prefix)
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

    def _now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _advance(self) -> None:
        self._robot.advance(self._command, self._period)
        self._outputs.publish(self._now_ns())

    def _on_new_episode(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._outputs.episode += 1
        before = self._robot.joint_state()[0].copy()
        self._robot.new_episode(seed=self._seed + self._outputs.episode)
        self._hold_if_moved(before)
        self._outputs.publish_status(self._now_ns())
        response.success, response.message = True, f"episode {self._outputs.episode}"
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
        self._outputs.corrupt = bool(request.data)
        response.success, response.message = True, f"observations are {'NaN' if request.data else 'true'}"
        return response


def main() -> int:
    """Run the node."""
    return run_node(SimNode)
