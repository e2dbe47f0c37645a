"""policy_node: contract topics in, action chunks out.

Publishes ``~/action_chunk`` (trajectory_msgs/JointTrajectory, stamp = observation time) every execution horizon, and
nothing at all when an observation is missing, stale or not finite: the safety node acts on silence.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from trajectory_msgs.msg import JointTrajectory

from policy_nodes.bundle.load import Bundle
from policy_nodes.bundle.manifest import ObservationTerm
from policy_nodes.errors import ObservationError
from policy_nodes.inference.actions import decode_chunk
from policy_nodes.inference.observation import ObservationBuffer
from policy_nodes.inference.policy import PolicySession
from policy_nodes.nodes.bundle_node import INFERENCE_OPTIONS, BundleNode
from policy_nodes.nodes.contract_topics import require_joint_positions, subscribe_terms
from policy_nodes.nodes.conversions import SECOND_NS, chunk_to_message, timing_values
from policy_nodes.nodes.qos import watched
from policy_nodes.nodes.spinning import run_node
from policy_nodes.nodes.stream_events import StreamEvents
from policy_nodes.realtime.histogram import Histogram
from policy_nodes.types import ActionChunk


class PolicyNode(BundleNode):
    """Runs the policy of a bundle. Parameters: ``INFERENCE_OPTIONS`` and those of BundleNode."""

    def __init__(self) -> None:
        super().__init__("policy_node", INFERENCE_OPTIONS)
        self._handles: list[Any] = []
        self._timer = None
        self._chunks = None
        self._count = self._refused = self._over_budget = 0
        self._last_refusal = ""

    def setup(self, bundle: Bundle) -> None:
        """Session, warm-up, buffer, publisher."""
        require_joint_positions(bundle.manifest)
        self._policy = PolicySession(bundle, provider=self.text("provider"), threads=self.number("threads"))
        self._policy.warm_up()
        self._rng = np.random.default_rng(self.number("seed"))
        self._buffer = ObservationBuffer(bundle.manifest.observations)
        self._latency = Histogram()
        self._budget_s = bundle.manifest.timing.inference_budget_s
        actions = bundle.manifest.actions
        self._period_s = actions.execution_horizon * actions.step_s
        self._chunk_events = StreamEvents(self, "action_chunk", lambda: self._last_refusal == "")
        self._chunks = self.create_lifecycle_publisher(
            JointTrajectory,
            "~/action_chunk",
            watched(self._period_s),
            event_callbacks=self._chunk_events.of_publisher(),
        )
        self._handles = subscribe_terms(self, bundle.manifest, self.text("topic_prefix"), self._on_term)

    def teardown(self) -> None:
        """Drop timer, subscriptions and publisher."""
        if self._timer is not None:
            self.destroy_timer(self._timer)
        for handle in self._handles:
            self.destroy_subscription(handle)
        if self._chunks is not None:
            self.destroy_lifecycle_publisher(self._chunks)
        self._timer, self._handles, self._chunks = None, [], None

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start to plan, one chunk per execution horizon."""
        assert self.bundle is not None
        self._step_ns = round(self.bundle.manifest.actions.step_s * SECOND_NS)
        self._timer = self.create_timer(self._period_s, self._plan)
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop to plan."""
        self.destroy_timer(self._timer)
        self._timer = None
        return super().on_deactivate(state)

    def health(self) -> tuple[bytes, str, dict[str, str]]:
        """Inference latency and refusals."""
        if self.bundle is None or self._timer is None:
            return DiagnosticStatus.WARN, "inactive", {}
        values = {"chunks": str(self._count), "refused": str(self._refused), "last refusal": self._last_refusal}
        values |= {"over budget": str(self._over_budget)} | self._chunk_events.values()
        values |= timing_values("latency", self._latency)
        if self._last_refusal:
            return DiagnosticStatus.WARN, "refusing observations", values
        return DiagnosticStatus.OK, "planning", values

    def _on_term(self, term: ObservationTerm, stamp_ns: int, value: np.ndarray) -> None:
        self._buffer.push(term.name, stamp_ns, value)

    def _plan(self) -> None:
        assert self.bundle is not None and self._chunks is not None
        began = time.perf_counter()
        try:
            observation = self._buffer.assemble(self.now_ns())
            output = self._policy.sample(observation.values, rng=self._rng)
        except ObservationError as error:
            self._refused += 1
            self._last_refusal = error.cause
            if self._count:
                self.get_logger().warning(f"no plan: {error.cause} Fix: {error.fix}", throttle_duration_sec=1.0)
            else:
                self.get_logger().info(f"waiting: {error.cause}", throttle_duration_sec=5.0)
            return
        self._last_refusal = ""
        self._count += 1
        actions = self.bundle.manifest.actions
        chunk = ActionChunk(observation.stamp_ns, self._step_ns, decode_chunk(actions, output.chunk[0]), self._count)
        self._chunks.publish(chunk_to_message(chunk, actions.joints))
        elapsed = time.perf_counter() - began
        self._latency.add(elapsed)
        if elapsed > self._budget_s:
            self._over_budget += 1
            text = f"a chunk took {elapsed * 1e3:.1f} ms, over the budget of {self._budget_s * 1e3:.0f} ms"
            self.get_logger().warning(text, throttle_duration_sec=1.0)


def main() -> int:
    """Run the node."""
    return run_node(PolicyNode)
