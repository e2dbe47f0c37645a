"""safety_node: the last word before the robot. At every control tick it makes a command from what it has.

Inputs: contract topics, ``policy_node/action_chunk``, ``monitor_node/alarm``. Outputs: the contract's command topic
and ``~/state``. Services: ``~/enable`` (std_srvs/SetBool), ``~/reset`` and ``~/estop`` (std_srvs/Trigger).

The control loop is a thread of its own with absolute deadlines; ROS callbacks only store the newest sample. Leaving the
active lifecycle state, for whatever reason, first stops the robot.
"""

from __future__ import annotations

import time

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import SetBool, Trigger
from trajectory_msgs.msg import JointTrajectory

from policy_nodes.bundle.load import Bundle
from policy_nodes.bundle.manifest import ObservationTerm
from policy_nodes.errors import ContractError
from policy_nodes.inference.messages import joint_sample
from policy_nodes.nodes.bundle_node import BundleNode, spin_node
from policy_nodes.nodes.conversions import (
    command_to_message,
    diagnostic_array,
    message_to_alarm,
    message_to_chunk,
    timing_values,
)
from policy_nodes.nodes.qos import COMMAND, LATCHED, SENSOR
from policy_nodes.realtime.rate_loop import RateLoop
from policy_nodes.safety.config import load_safety_config
from policy_nodes.safety.governor import Decision, Governor
from policy_nodes.safety.reasons import Reason
from policy_nodes.safety.supervisor import State

STATE_HEARTBEAT_TICKS = 10
LEVELS = {
    State.INIT: DiagnosticStatus.WARN,
    State.READY: DiagnosticStatus.OK,
    State.ACTIVE: DiagnosticStatus.OK,
    State.DEGRADED: DiagnosticStatus.WARN,
    State.BACKUP: DiagnosticStatus.ERROR,
    State.STOPPED: DiagnosticStatus.ERROR,
}


class SafetyNode(BundleNode):
    """Runs the governor of a bundle's safety configuration. Parameters: ``joint_state_topic``, ``stop_timeout_ms``."""

    def __init__(self) -> None:
        super().__init__("safety_node")
        self.declare("joint_state_topic", "/joint_states", "measured joint state of the robot")
        self.declare("stop_timeout_ms", 3000, "longest wait for standstill when the node is deactivated", (0, 60_000))
        self._handles: list[object] = []
        self._served: list[object] = []
        self._loop: RateLoop | None = None
        self._commands = self._states = None
        self._published: tuple[object, ...] = ()
        self._ticks = 0

    def setup(self, bundle: Bundle) -> None:
        """Governor, topics and services."""
        manifest = bundle.manifest
        self._joints = manifest.actions.joints
        self._governor = Governor(
            load_safety_config(bundle.file("safety.yaml")),
            self._joints,
            manifest.terms,
            control_period_s=1.0 / manifest.timing.control_rate_hz,
            chunk_period_s=manifest.actions.execution_horizon * manifest.actions.step_s,
            monitor_required="calibration.npz" in manifest.files,
        )
        self._commands = self.create_publisher(Float64MultiArray, manifest.actions.command_topic, COMMAND)
        self._states = self.create_publisher(DiagnosticArray, "~/state", LATCHED)
        self._handles = [
            *self.subscribe_terms(bundle, self._on_term),
            self.create_subscription(JointState, str(self.value("joint_state_topic")), self._on_joint_state, SENSOR),
            self.create_subscription(JointTrajectory, "policy_node/action_chunk", self._on_chunk, COMMAND),
            self.create_subscription(DiagnosticArray, "monitor_node/alarm", self._on_alarm, COMMAND),
        ]
        self._served = [
            self.create_service(SetBool, "~/enable", self._on_enable),
            self.create_service(Trigger, "~/reset", self._on_reset),
            self.create_service(Trigger, "~/estop", self._on_estop),
        ]

    def teardown(self) -> None:
        """Stop the loop and drop every handle."""
        self._stop_loop()
        for handle in self._handles:
            self.destroy_subscription(handle)
        for service in self._served:
            self.destroy_service(service)
        for publisher in (self._commands, self._states):
            if publisher is not None:
                self.destroy_publisher(publisher)
        self._handles, self._served, self._commands, self._states = [], [], None, None

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start the control loop; the policy still needs ``~/enable``."""
        assert self.bundle is not None
        self._loop = RateLoop(self._tick, 1.0 / self.bundle.manifest.timing.control_rate_hz)
        self._loop.start()
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Bring the robot to rest, then stop to command."""
        self._stop_loop()
        return super().on_deactivate(state)

    def health(self) -> tuple[bytes, str, dict[str, str]]:
        """Supervisor state, signal ages, loop timing."""
        if self._loop is None:
            return DiagnosticStatus.WARN, "inactive", {}
        values, state = dict(self._governor.status()), self._governor.state
        values |= timing_values("tick", self._loop.histogram) | timing_values("wake-up", self._loop.lateness)
        values["loop overruns"] = str(self._loop.overruns)
        return LEVELS[state], state.name, values

    def _stop_loop(self) -> None:
        """Ask for a controlled stop, wait for standstill within the time limit, end the loop."""
        if self._loop is None:
            return
        self._governor.shutdown(self.now_ns())
        deadline = time.monotonic() + int(str(self.value("stop_timeout_ms"))) / 1e3
        while self._governor.moving and time.monotonic() < deadline:
            time.sleep(0.01)
        self._loop.stop()
        self._loop = None

    def _tick(self, _deadline_ns: int) -> None:
        decision = self._governor.tick(self.now_ns())
        if decision.command is not None and self._commands is not None:
            self._commands.publish(command_to_message(decision.command, self._joints))
        self._ticks += 1
        key = (decision.state, _cause(decision), decision.backup)
        if key != self._published or self._ticks % STATE_HEARTBEAT_TICKS == 0:
            self._publish_state(decision, changed=key != self._published)
            self._published = key

    def _publish_state(self, decision: Decision, changed: bool) -> None:
        if self._states is None:
            return
        reason = _cause(decision)
        values = {
            "reason": reason,
            "backup": decision.backup or "",
            "stop_category": "" if decision.stop_category is None else str(decision.stop_category),
            "limited": str(decision.limited),
        }
        name = decision.state.name
        self._states.publish(diagnostic_array(decision.stamp_ns, "safety", LEVELS[decision.state], name, values))
        if changed:
            text = " ".join(part for part in (name, reason, decision.backup, decision.detail) if part)
            if decision.state in (State.BACKUP, State.STOPPED):
                self.get_logger().error(text)
            else:
                self.get_logger().info(text)

    def _on_term(self, term: ObservationTerm, stamp_ns: int, value: np.ndarray) -> None:
        self._governor.on_observation(self.now_ns(), term.name, stamp_ns, value)

    def _on_joint_state(self, message: JointState) -> None:
        try:
            sample = joint_sample(self._joints, message, self.now_ns())
        except ContractError as error:
            self.get_logger().error(f"{error.cause} Fix: {error.fix}", throttle_duration_sec=1.0)
            return
        self._governor.on_joint_state(self.now_ns(), sample)

    def _on_chunk(self, message: JointTrajectory) -> None:
        try:
            chunk = message_to_chunk(message, self._joints)
        except ContractError as error:
            self.get_logger().error(f"chunk rejected: {error.cause} Fix: {error.fix}", throttle_duration_sec=1.0)
            self._governor.on_malformed_chunk(self.now_ns())
            return
        self._governor.on_chunk(self.now_ns(), chunk)

    def _on_alarm(self, message: DiagnosticArray) -> None:
        alarm = message_to_alarm(message)
        self._governor.on_alarm(self.now_ns(), alarm)

    def _on_enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        response.success, response.message = self._governor.enable(self.now_ns(), bool(request.data))
        return response

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = self._governor.reset(self.now_ns())
        return response

    def _on_estop(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._governor.estop(self.now_ns())
        response.success, response.message = True, "emergency stop latched; reset when the cause is gone"
        return response


def _cause(decision: Decision) -> str:
    """Reason of the state; that limits trimmed a command is reported as ``limited``, not as a change of state."""
    return "" if decision.reason in (None, Reason.LIMITED) else decision.reason.name


def main() -> int:
    """Run the node."""
    return spin_node(SafetyNode)
