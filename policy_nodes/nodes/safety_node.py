"""safety_node: the last word before the robot. At every control tick it makes a command from what it has.

Inputs: contract topics, ``policy_node/action_chunk``, ``monitor_node/alarm``. Outputs: the contract's command topic
and ``~/state``. Services: ``~/enable`` (std_srvs/SetBool), ``~/reset`` and ``~/estop`` (std_srvs/Trigger).

The control loop is a thread of its own with absolute deadlines; ROS callbacks only store the newest sample. Leaving the
active lifecycle state, for whatever reason, first stops the robot.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from std_srvs.srv import SetBool, Trigger

from policy_nodes.bundle.load import Bundle
from policy_nodes.nodes.authority import other_publishers
from policy_nodes.nodes.bundle_node import BundleNode
from policy_nodes.nodes.contract_topics import joint_state_topic, require_joint_positions
from policy_nodes.nodes.control_loop import ControlLoop
from policy_nodes.nodes.conversions import timing_values
from policy_nodes.nodes.parameters import Option, contract_topic
from policy_nodes.nodes.safety_inputs import SafetyInputs
from policy_nodes.nodes.safety_outputs import SafetyOutputs
from policy_nodes.nodes.spinning import run_node
from policy_nodes.nodes.state_messages import LEVELS
from policy_nodes.safety.black_box_writer import BlackBoxWriter
from policy_nodes.safety.config import load_safety_config
from policy_nodes.safety.decision import Decision
from policy_nodes.safety.governor import Governor

OPTIONS = (
    Option("joint_state_topic", "", "measured joint state of the robot; empty: the contract's"),
    Option("stop_timeout_ms", 3000, "longest wait for standstill when the node is deactivated or ended", 0, 60_000),
    Option("black_box_directory", "", "receives the last seconds before every stop; empty: nothing is written"),
    Option("fifo_priority", 0, "SCHED_FIFO priority of the control loop, 0 for none", 0, 99),
)

RIVALS_S = 0.1
"""How often the graph is asked for other publishers of commands."""
STEADY = ClockType.STEADY_TIME


class SafetyNode(BundleNode):
    """Runs the governor of a bundle's safety configuration; parameters: ``OPTIONS`` and those of BundleNode."""

    def __init__(self) -> None:
        super().__init__("safety_node", OPTIONS)
        self._inputs: SafetyInputs | None = None
        self._outputs: SafetyOutputs | None = None
        self._loop: ControlLoop | None = None
        self._served: list[Any] = []
        self._writer: BlackBoxWriter | None = None
        self._rival_timer: Any = None

    def setup(self, bundle: Bundle) -> None:
        """Governor, topics and services."""
        manifest, prefix = bundle.manifest, self.text("topic_prefix")
        require_joint_positions(manifest)
        actions = manifest.actions
        self._period_s = 1.0 / manifest.timing.control_rate_hz
        self._governor = Governor(
            load_safety_config(bundle.file("safety.yaml")),
            actions.joints,
            manifest.terms,
            control_period_s=self._period_s,
            chunk_period_s=actions.execution_horizon * actions.step_s,
            monitor_required="calibration.npz" in manifest.files,
        )
        self._command_topic = contract_topic(actions.command_topic, prefix)
        self._outputs = SafetyOutputs(self, actions.joints, self._command_topic, self._period_s, self._in_motion)
        if directory := self.text("black_box_directory"):
            box = self._governor.black_box
            self._writer = BlackBoxWriter(box, Path(directory).expanduser(), self.get_logger().info)
        # On the steady clock: the graph does not stand still with /clock.
        self._rival_timer = self.create_timer(RIVALS_S, self._look_for_rivals, clock=Clock(clock_type=STEADY))
        measured = contract_topic(self.text("joint_state_topic") or joint_state_topic(manifest), prefix)
        self._inputs = SafetyInputs(self, manifest, self._governor, prefix, measured, self._in_motion)
        self._served = [
            self.create_service(SetBool, "~/enable", self._on_enable),
            self.create_service(Trigger, "~/reset", self._on_reset),
            self.create_service(Trigger, "~/estop", self._on_estop),
        ]

    def teardown(self) -> None:
        """Stop the robot and the loop, then drop every handle."""
        self._stop_loop()
        if self._rival_timer is not None:
            self.destroy_timer(self._rival_timer)
        if self._writer is not None:
            self._writer.close()
        self._rival_timer = self._writer = None
        for service in self._served:
            self.destroy_service(service)
        if self._inputs is not None:
            self._inputs.close()
        if self._outputs is not None:
            self._outputs.close()
        self._served, self._inputs, self._outputs = [], None, None

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start the control loop; the policy still needs ``~/enable``."""
        assert self._outputs is not None
        self._loop = ControlLoop(
            self._governor,
            self._period_s,
            self.now_ns,
            self._publish,
            self.get_logger().error,
            self.number("fifo_priority"),
        )
        self._loop.start()
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Bring the robot to rest, then stop to command. The stop stays latched: reset and enable after activation."""
        self._stop_loop()
        return super().on_deactivate(state)

    def failed(self) -> str:
        """Why the control loop cannot be relied on any more."""
        return "" if self._loop is None else self._loop.failed()

    def health(self) -> tuple[bytes, str, dict[str, str]]:
        """Supervisor state, signal ages, loop timing, and what stands in the way of motion."""
        if self._loop is None or self._inputs is None or self._outputs is None:
            return DiagnosticStatus.WARN, "inactive", {}
        values, state, timing = dict(self._governor.status()), self._governor.state, self._loop.timing
        values |= timing_values("tick", timing.histogram) | timing_values("wake-up", timing.lateness)
        values |= {"loop ticks": str(timing.ticks), "loop overruns": str(timing.overruns)}
        values |= {"loop errors": str(self._loop.errors)}
        values |= self._outputs.command_events.values() | self._inputs.chunk_events.values()
        if obstacles := self._obstacles():
            values["obstacles"] = "; ".join(obstacles)
            self.get_logger().error(values["obstacles"], throttle_duration_sec=10.0)
            return DiagnosticStatus.ERROR, f"{state.name}: {obstacles[0]}", values
        return LEVELS[state], state.name, values

    def _publish(self, decision: Decision) -> None:
        assert self._outputs is not None
        self._outputs.publish(decision)
        if self._writer is not None:
            self._writer.watch(decision)

    def _look_for_rivals(self) -> None:
        """A second publisher of commands is a fault at any time, not only before motion."""
        self._governor.on_rivals(other_publishers(self, self._command_topic))

    def _in_motion(self) -> bool:
        return self._loop is not None and self._governor.moving

    def _obstacles(self) -> list[str]:
        """Reasons not to move that lie outside the governor: inactive, another robot, another commander."""
        if self._loop is None or self._inputs is None:
            return ["safety_node is not active"]
        found = list(self._inputs.fit.problems)
        if rivals := other_publishers(self, self._command_topic):
            found.append(f"{', '.join(rivals)} also publishes commands on {self._command_topic}")
        return found

    def _stop_loop(self) -> None:
        if self._loop is None:
            return
        moving = self._governor.moving
        rested = self._loop.stop(self.number("stop_timeout_ms") / 1e3)
        self._loop = None
        if not rested:
            self.get_logger().error("the robot was still commanded to move when the time for its stop was over")
        elif moving:
            self.get_logger().info("the robot was brought to rest")

    def _on_enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        obstacles = self._obstacles() if request.data else []
        if obstacles:
            response.success, response.message = False, f"Cannot enable: {'; '.join(obstacles)}."
        else:
            response.success, response.message = self._governor.enable(self.now_ns(), bool(request.data))
        return response

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = self._governor.reset(self.now_ns())
        return response

    def _on_estop(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._governor.estop(self.now_ns())
        response.success, response.message = True, "emergency stop latched; reset when the cause is gone"
        return response


def main() -> int:
    """Run the node."""
    return run_node(SafetyNode)
