"""What the policy node says: chunks for the safety node, how each was made for everybody, trouble for the log."""

from __future__ import annotations

from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from trajectory_msgs.msg import JointTrajectory

from policy_nodes.bundle.load import Bundle
from policy_nodes.errors import ObservationError
from policy_nodes.inference.observation import ObservationBuffer
from policy_nodes.inference.planner import Plan
from policy_nodes.nodes.bundle_node import BundleNode
from policy_nodes.nodes.conversions import chunk_to_message, diagnostic_array
from policy_nodes.nodes.qos import watched
from policy_nodes.nodes.reactions import Reactions
from policy_nodes.nodes.stream_events import StreamEvents
from policy_nodes.types import ActionChunk


class PolicyOutputs:
    """Publishers and log of the policy node; :meth:`publish` and :meth:`refused` run in the inference thread.

    The plans of a slow-fast policy are not sent: they go to its fast decoder, whose answers are.

    Args:
        node: that publishes, while it is active.
        bundle: the policy.
        buffer: of the node's observations.
        planning: whether a chunk has been made since activation.

    Raises:
        ProviderError: the fast decoder cannot run here.
    """

    def __init__(
        self, node: BundleNode, bundle: Bundle, buffer: ObservationBuffer, planning: Callable[[], bool]
    ) -> None:
        manifest, actions = bundle.manifest, bundle.manifest.actions
        self.reactions: Reactions | None = None
        if manifest.policy.reactive is not None:
            self.reactions = Reactions(node, bundle, buffer, self._send, node.now_ns)
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
        """Send a chunk, or hand it to the fast decoder, and say how it was made.

        Args:
            plan: the chunk with its method.
            delay_s: from observation to now, s.
            observation_age_s: of the observation when planning began, s.
        """
        if self.reactions is None:
            self._send(plan.chunk)
        else:
            self.reactions.take(plan)
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

    def start(self) -> None:
        """The node is active: begin to react, where the policy has a fast decoder."""
        if self.reactions is not None:
            self.reactions.start()

    def rest(self) -> None:
        """End what :meth:`start` began."""
        if self.reactions is not None:
            self.reactions.stop()

    def values(self) -> dict[str, str]:
        """For ``/diagnostics``."""
        return self.events.values() | ({} if self.reactions is None else self.reactions.values())

    def trouble(self) -> str:
        """What an operator must know about the fast decoder, or an empty text."""
        return "" if self.reactions is None else self.reactions.trouble()

    def refused(self, error: ObservationError) -> None:
        """Say why there is no plan: before the first one that is waiting, afterwards it is trouble."""
        if self._planning():
            self._node.get_logger().warning(f"no plan: {error.cause} Fix: {error.fix}", throttle_duration_sec=1.0)
        else:
            self._node.get_logger().info(f"waiting: {error.cause}", throttle_duration_sec=5.0)

    def _send(self, chunk: ActionChunk) -> None:
        self._chunks.publish(chunk_to_message(chunk, self._joints))

    def close(self) -> None:
        """End the reactions, destroy the publishers."""
        self.rest()
        self._node.destroy_lifecycle_publisher(self._chunks)
        self._node.destroy_lifecycle_publisher(self._status)
