"""What the policy node says: chunks for the safety node, how each was made for everybody, trouble for the log."""

from __future__ import annotations

from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.lifecycle import LifecycleNode
from trajectory_msgs.msg import JointTrajectory

from policy_nodes.bundle.manifest import Manifest
from policy_nodes.errors import ObservationError
from policy_nodes.inference.planner import Plan
from policy_nodes.nodes.conversions import chunk_to_message, diagnostic_array
from policy_nodes.nodes.qos import watched
from policy_nodes.nodes.stream_events import StreamEvents


class PolicyOutputs:
    """Publishers and log of the policy node; :meth:`publish` and :meth:`refused` run in the inference thread.

    Args:
        node: that publishes, while it is active.
        manifest: the contract.
        planning: whether a chunk has been made since activation.
    """

    def __init__(self, node: LifecycleNode, manifest: Manifest, planning: Callable[[], bool]) -> None:
        actions = manifest.actions
        self._node, self._joints, self._planning = node, actions.joints, planning
        self._budget_s = manifest.timing.inference_budget_s
        self.events = StreamEvents(node, "action_chunk", planning)
        self._chunks = node.create_lifecycle_publisher(
            JointTrajectory,
            "~/action_chunk",
            watched(actions.execution_horizon * actions.step_s),
            event_callbacks=self.events.of_publisher(),
        )
        self._status = node.create_lifecycle_publisher(DiagnosticArray, "~/status", 10)

    def publish(self, plan: Plan, delay_s: float, observation_age_s: float) -> None:
        """Send a chunk and how it was made.

        Args:
            plan: the chunk with its method.
            delay_s: from observation to now, s.
            observation_age_s: of the observation when planning began, s.
        """
        self._chunks.publish(chunk_to_message(plan.chunk, self._joints))
        values = {
            "sequence": str(plan.chunk.sequence),
            "delay_s": f"{delay_s:.6f}",
            "observation_age_s": f"{observation_age_s:.6f}",
            "inference_s": f"{plan.output.seconds:.6f}",
            "method": plan.method,
            "evaluations": str(plan.evaluations),
            "frozen_steps": str(plan.frozen),
            "note": plan.note,
        }
        level, text = (DiagnosticStatus.OK, "planned") if not plan.note else (DiagnosticStatus.WARN, plan.note)
        self._status.publish(diagnostic_array(plan.chunk.stamp_ns, "chunk", level, text, values))
        if delay_s > self._budget_s:
            budget = f"the budget of {self._budget_s * 1e3:.0f} ms"
            text = f"a chunk is {delay_s * 1e3:.1f} ms old when published, over {budget}"
            self._node.get_logger().warning(text, throttle_duration_sec=1.0)

    def refused(self, error: ObservationError) -> None:
        """Say why there is no plan: before the first one that is waiting, afterwards it is trouble."""
        if self._planning():
            self._node.get_logger().warning(f"no plan: {error.cause} Fix: {error.fix}", throttle_duration_sec=1.0)
        else:
            self._node.get_logger().info(f"waiting: {error.cause}", throttle_duration_sec=5.0)

    def close(self) -> None:
        """Destroy the publishers."""
        self._node.destroy_lifecycle_publisher(self._chunks)
        self._node.destroy_lifecycle_publisher(self._status)
