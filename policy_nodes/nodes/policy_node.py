"""policy_node: contract topics in, action chunks out.

Publishes ``~/action_chunk`` (trajectory_msgs/JointTrajectory, stamp = observation time) when its bundle says so,
``~/status`` with the measured delay of each chunk, and nothing at all when an observation is missing, stale or not
finite: the safety node acts on silence. Inference runs in a thread of its own; a timer asks, and the topics are
read when a plan begins.
"""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from policy_nodes.bundle.load import Bundle
from policy_nodes.inference.first_ticks_gate import parse_mode
from policy_nodes.inference.planner import Plan
from policy_nodes.inference.planning_loop import PlanningLoop
from policy_nodes.nodes.bundle_node import BundleNode
from policy_nodes.nodes.bundle_options import INFERENCE_OPTIONS, open_planner
from policy_nodes.nodes.contract_topics import require_joint_positions
from policy_nodes.nodes.foreign_types import foreign_types
from policy_nodes.nodes.parameters import Option
from policy_nodes.nodes.policy_inputs import PolicyInputs
from policy_nodes.nodes.policy_outputs import PolicyOutputs
from policy_nodes.nodes.realtime_options import REALTIME_OPTIONS, process_settings, write_timing
from policy_nodes.nodes.spinning import run_node

OPTIONS = (
    *INFERENCE_OPTIONS,
    Option("anytime", False, "choose the number of denoising steps by the inference budget, among the bundle's graphs"),
    Option(
        "first_ticks", "warn", "compare the first samples with the contract: ignore, warn, or require before planning"
    ),
    *REALTIME_OPTIONS,
)


class PolicyNode(BundleNode):
    """Runs the policy of a bundle. Parameters: ``OPTIONS`` and those of BundleNode."""

    def __init__(self) -> None:
        super().__init__("policy_node", OPTIONS)
        self._inputs: PolicyInputs | None = None
        self._outputs: PolicyOutputs | None = None
        self._loop: PlanningLoop | None = None

    def setup(self, bundle: Bundle) -> None:
        """Graphs, warm-up, buffer, publishers."""
        require_joint_positions(bundle.manifest)
        self._realtime = process_settings(self)
        self._first_ticks = parse_mode(self.text("first_ticks"))
        self._planner = open_planner(self, bundle)
        self._planner.warm_up()
        self._inputs = PolicyInputs(self, bundle.manifest, self.text("topic_prefix"))
        self._outputs = PolicyOutputs(
            self, bundle, self._inputs.buffer, lambda: self._loop is not None and self._loop.planned > 0
        )

    def teardown(self) -> None:
        """End planning, drop subscriptions and publishers."""
        self._end()
        if self._inputs is not None:
            self._inputs.close()
        if self._outputs is not None:
            self._outputs.close()
        self._inputs = self._outputs = None

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start to plan."""
        assert self._inputs is not None and self._outputs is not None
        self._planner.reset()
        self._inputs.begin(self._first_ticks)
        self._loop = PlanningLoop(
            self._planner,
            self._inputs.buffer,
            self.now_ns,
            self._publish,
            self._outputs.refused,
            lambda error: self.get_logger().error(f"planning failed: {error}", throttle_duration_sec=1.0),
            self._realtime,
        )
        result = super().on_activate(state)  # publishers first: the worker may be fast
        self._loop.start()
        self._outputs.start()
        self.start_timer(self._loop.poll_period_s, self._poll)
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop to plan."""
        self._end()
        return super().on_deactivate(state)

    def health(self) -> tuple[bytes, str, dict[str, str]]:
        """Delays, inference latency and refusals."""
        loop, inputs = self._loop, self._inputs
        if self._outputs is None or loop is None or inputs is None:
            return DiagnosticStatus.WARN, "inactive", {}
        values = loop.values() | self._outputs.values() | inputs.gate.values()
        if not loop.planned and (strangers := foreign_types(self, inputs.handles)):
            return DiagnosticStatus.ERROR, strangers[0], values
        if not inputs.gate.open:
            return DiagnosticStatus.WARN, "the robot's first samples are compared with the contract", values
        if trouble := loop.trouble() or self._outputs.trouble():
            return DiagnosticStatus.WARN, trouble, values
        return DiagnosticStatus.OK, "planning", values

    def _poll(self) -> None:
        if self._inputs is None or self._loop is None:
            return
        for finding in self._inputs.compare():
            self.get_logger().warning(f"first ticks: {finding.sentence}. Fix: {finding.fix}")
        if self._inputs.gate.open:
            self._loop.poll()

    def _publish(self, plan: Plan, delay_s: float) -> None:
        """In the inference thread."""
        outputs, loop = self._outputs, self._loop
        if outputs is not None and loop is not None:  # not an answer after the end
            outputs.publish(plan, delay_s, loop.observation_age_s)

    def _end(self) -> None:
        loop, self._loop = self._loop, None
        if loop is None or self._outputs is None or self._inputs is None:
            return
        self._inputs.rest()
        self._outputs.rest()
        if not loop.stop():
            self.get_logger().error("the inference in progress did not return; its answer will be dropped")
        write_timing(self, loop.timings)


def main() -> int:
    """Run the node."""
    return run_node(PolicyNode)
