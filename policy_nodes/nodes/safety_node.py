"""safety_node: the last word before the robot. At every control tick it makes a command from what it has.

Inputs: contract topics, ``policy_node/action_chunk``, ``monitor_node/alarm``. Outputs: the contract's command topic
and ``~/state``. Services: ``~/enable`` (std_srvs/SetBool), ``~/reset``, ``~/move_home`` and ``~/estop``
(std_srvs/Trigger).

The control loop is a thread of its own with absolute deadlines, which reads the contract's topics at the beginning of
every tick. Leaving the active lifecycle state, for whatever reason, first stops the robot.
"""

from __future__ import annotations

from pathlib import Path

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from policy_nodes.bundle.load import Bundle
from policy_nodes.nodes.bundle_node import BundleNode
from policy_nodes.nodes.contract_topics import joint_state_topic, require_joint_positions
from policy_nodes.nodes.control_loop import ControlLoop
from policy_nodes.nodes.parameters import Option, contract_topic
from policy_nodes.nodes.realtime_options import REALTIME_OPTIONS, process_settings, write_timing
from policy_nodes.nodes.safety_inputs import SafetyInputs
from policy_nodes.nodes.safety_outputs import SafetyOutputs
from policy_nodes.nodes.safety_services import SafetyServices
from policy_nodes.nodes.spinning import run_node
from policy_nodes.nodes.state_messages import LEVELS
from policy_nodes.safety.black_box_writer import BlackBoxWriter
from policy_nodes.safety.chunks import ChunkForm
from policy_nodes.safety.config import load_safety_config
from policy_nodes.safety.decision import Decision
from policy_nodes.safety.governor import Governor

OPTIONS = (
    Option("joint_state_topic", "", "measured joint state of the robot; empty: the contract's"),
    Option("stop_timeout_ms", 3000, "longest wait for standstill when the node is deactivated or ended", 0, 60_000),
    Option("black_box_directory", "", "receives the last seconds before every stop; empty: nothing is written"),
    *REALTIME_OPTIONS,
)


class SafetyNode(BundleNode):
    """Runs the governor of a bundle's safety configuration; parameters: ``OPTIONS`` and those of BundleNode."""

    def __init__(self) -> None:
        super().__init__("safety_node", OPTIONS)
        self._inputs: SafetyInputs | None = None
        self._outputs: SafetyOutputs | None = None
        self._loop: ControlLoop | None = None
        self._operator_services: SafetyServices | None = None
        self._writer: BlackBoxWriter | None = None

    def setup(self, bundle: Bundle) -> None:
        """Governor, topics and services."""
        manifest, prefix = bundle.manifest, self.text("topic_prefix")
        require_joint_positions(manifest)
        actions = manifest.actions
        self._realtime = process_settings(self)
        self._period_s = 1.0 / manifest.timing.control_rate_hz
        self._governor = Governor(
            load_safety_config(bundle.file("safety.yaml")),
            actions.joints,
            manifest.terms,
            control_period_s=self._period_s,
            chunk_period_s=actions.execution_horizon * actions.step_s,
            monitor_required="calibration.npz" in manifest.files,
            chunk_form=ChunkForm.of(actions),
        )
        self._outputs = SafetyOutputs(self, manifest, self._governor, prefix, self._in_motion)
        if directory := self.text("black_box_directory"):
            where = Path(directory).expanduser()
            self._writer = BlackBoxWriter(self._governor.black_box, where, self.get_logger().info)
        measured = contract_topic(self.text("joint_state_topic") or joint_state_topic(manifest), prefix)
        self._inputs = SafetyInputs(self, manifest, self._governor, prefix, measured, self._in_motion)
        self._operator_services = SafetyServices(self, self._governor, self.now_ns, self.obstacles)

    def teardown(self) -> None:
        """Stop the robot and the loop, then drop every handle."""
        self._stop_loop()
        for part in (self._writer, self._operator_services, self._inputs, self._outputs):
            if part is not None:
                part.close()
        self._writer = self._operator_services = self._inputs = self._outputs = None

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start the control loop; the policy still needs ``~/enable``."""
        assert self._inputs is not None
        self._inputs.begin()
        self._loop = ControlLoop(
            self._governor,
            self._period_s,
            self.now_ns,
            self._publish,
            self.get_logger().error,
            self._realtime,
            self._inputs.read,
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
        values, state = dict(self._governor.status()) | self._loop.values(), self._governor.state
        values |= self._outputs.command_events.values() | self._inputs.chunk_events.values()
        if obstacles := self.obstacles():
            values["obstacles"] = "; ".join(obstacles)
            self.get_logger().error(values["obstacles"], throttle_duration_sec=10.0)
            return DiagnosticStatus.ERROR, f"{state.name}: {obstacles[0]}", values
        return LEVELS[state], state.name, values

    def _publish(self, decision: Decision) -> None:
        assert self._outputs is not None
        self._outputs.publish(decision)
        if self._writer is not None:
            self._writer.watch(decision)

    def _in_motion(self) -> bool:
        return self._loop is not None and self._governor.moving

    def obstacles(self) -> list[str]:
        """Reasons not to move outside the governor: inactive, another robot, commander or message type."""
        if self._loop is None or self._inputs is None or self._outputs is None:
            return ["safety_node is not active"]
        return [*self._inputs.problems(), *self._outputs.problems()]

    def _stop_loop(self) -> None:
        if self._loop is None:
            return
        moving = self._governor.moving
        rested = self._loop.stop(self.number("stop_timeout_ms") / 1e3)
        timing = self._loop.timing
        write_timing(self, {"tick": timing.histogram, "wake-up": timing.lateness})
        self._loop = None
        if not rested:
            self.get_logger().error("the robot was still commanded to move when the time for its stop was over")
        elif moving:
            self.get_logger().info("the robot was brought to rest")


def main() -> int:
    """Run the node."""
    return run_node(SafetyNode)
