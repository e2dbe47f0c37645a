"""monitor_node: predicts failures of the policy from the same observations, in its own process.

At every policy call it samples a batch of chunks, scores them (FIPER, arXiv 2510.09459) and publishes ``~/alarm``
(diagnostic_msgs/DiagnosticArray, stamp = observation time, with the time from there to the verdict) and ``~/scores``
(std_msgs/Float64MultiArray for plotting). Its alarms are also its heartbeat: silence is a fault for the safety node.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from std_msgs.msg import Float64MultiArray, MultiArrayDimension

from policy_nodes.bundle.load import Bundle
from policy_nodes.bundle.manifest import ImageFeature, ObservationTerm
from policy_nodes.errors import ObservationError
from policy_nodes.inference.fastest import open_session
from policy_nodes.inference.observation import ObservationBuffer
from policy_nodes.monitors.fiper import FiperMonitor
from policy_nodes.monitors.identity import calibrated_samples, policy_identity
from policy_nodes.nodes.bundle_node import BundleNode
from policy_nodes.nodes.bundle_options import INFERENCE_OPTIONS, provider_settings
from policy_nodes.nodes.contract_topics import subscribe_images, subscribe_terms
from policy_nodes.nodes.conversions import alarm_to_message
from policy_nodes.nodes.foreign_types import foreign_types
from policy_nodes.nodes.polled import PolledTopics
from policy_nodes.nodes.qos import COMMAND, LATCHED
from policy_nodes.nodes.realtime_options import REALTIME_OPTIONS, process_settings, write_timing
from policy_nodes.nodes.spinning import run_node
from policy_nodes.realtime.histogram import Histogram, timing_values
from policy_nodes.types import Alarm

ACTIVE_STATES = ("ACTIVE", "DEGRADED")
OPTIONS = (*INFERENCE_OPTIONS, *REALTIME_OPTIONS)


class MonitorNode(BundleNode):
    """Runs the calibrated failure predictor of a bundle. Parameters: ``OPTIONS`` and those of BundleNode."""

    def __init__(self) -> None:
        super().__init__("monitor_node", OPTIONS)
        self._topics = PolledTopics(self)
        self._handles: list[Any] = []
        self._alarms = self._scores = None
        self._judging = False
        self._last: Alarm | None = None
        self._was_active = False
        self._latency = Histogram()

    def setup(self, bundle: Bundle) -> None:
        """Own policy session, calibrated monitor, topics."""
        self._realtime = process_settings(self)
        threads = self.number("threads")
        settings = provider_settings(self)
        self._policy = open_session(bundle, self.text("provider"), threads, settings)
        self._samples = calibrated_samples(bundle)
        self._monitor = FiperMonitor.open(bundle.path, policy_identity(bundle.manifest, self._samples), threads)
        self._rng = np.random.default_rng(self.number("seed") + 1)
        self._buffer = ObservationBuffer(bundle.manifest.observations, bundle.manifest.images)
        self._policy.warm_up(batch=self._samples)
        self._alarms = self.create_lifecycle_publisher(DiagnosticArray, "~/alarm", COMMAND)
        self._scores = self.create_lifecycle_publisher(Float64MultiArray, "~/scores", COMMAND)
        prefix = self.text("topic_prefix")
        self._buffer.source = self._topics.read
        subscribe_terms(self, self._topics, bundle.manifest, prefix, self._on_term)
        self._handles = subscribe_images(self, bundle.manifest, prefix, self._on_image)
        self._handles.append(self.create_subscription(DiagnosticArray, "safety_node/state", self._on_state, LATCHED))

    def teardown(self) -> None:
        """Drop subscriptions and publishers."""
        self._rest()
        self._topics.close()
        for handle in self._handles:
            self.destroy_subscription(handle)
        for publisher in (self._alarms, self._scores):
            if publisher is not None:
                self.destroy_lifecycle_publisher(publisher)
        self._alarms = self._scores = None
        self._handles = []

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start to judge, once per policy call."""
        assert self.bundle is not None
        actions = self.bundle.manifest.actions
        self._realtime()  # verdicts are made in this thread, the executor's
        self._topics.start()
        self.start_timer(actions.execution_horizon * actions.step_s, self._judge)
        self._judging = True
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop to judge."""
        self._rest()
        return super().on_deactivate(state)

    def health(self) -> tuple[bytes, str, dict[str, str]]:
        """Latest normalised scores."""
        if not self._judging:
            return DiagnosticStatus.WARN, "inactive", {}
        if self._last is None:
            strangers = foreign_types(self, [*self._topics.handles, *self._handles])
            return DiagnosticStatus.WARN, strangers[0] if strangers else "waiting for observations", {}
        values = {name: f"{score:.4g}" for name, score in self._last.scores.items()}
        values |= timing_values("verdict", self._latency)
        if self._last.active:
            return DiagnosticStatus.ERROR, "failure predicted", values
        return DiagnosticStatus.OK, "nominal", values

    def _on_term(self, term: ObservationTerm, stamp_ns: int, value: np.ndarray) -> None:
        self._buffer.push(term.name, stamp_ns, value)

    def _on_image(self, image: ImageFeature, stamp_ns: int, pixels: np.ndarray) -> None:
        self._buffer.push_image(image.name, stamp_ns, pixels)

    def _on_state(self, message: DiagnosticArray) -> None:
        """An episode begins when the operator enables the policy: windows and history of the old one do not count."""
        active = bool(message.status) and message.status[0].message in ACTIVE_STATES
        if active and not self._was_active:
            self._monitor.reset()
        self._was_active = active

    def _rest(self) -> None:
        judged, self._judging = self._judging, False
        self._topics.stop()
        if judged:
            write_timing(self, {"verdict": self._latency})

    def _judge(self) -> None:
        self._buffer.refresh()
        try:
            observation = self._buffer.assemble(self.now_ns())
            output = self._policy.sample(observation.values, batch=self._samples, rng=self._rng)
        except ObservationError as error:
            if self._last is not None:
                self.get_logger().warning(f"cannot judge: {error.cause} Fix: {error.fix}", throttle_duration_sec=1.0)
            else:
                self.get_logger().info(f"waiting: {error.cause}", throttle_duration_sec=5.0)
            return
        alarm = self._monitor.step(output.chunk, output.embedding[0], observation.stamp_ns, driving=self._was_active)
        latency = (self.now_ns() - observation.stamp_ns) * 1e-9
        self._latency.add(latency)
        self._last = replace(alarm, latency_s=latency)
        assert self._alarms is not None and self._scores is not None
        self._alarms.publish(alarm_to_message(self._last))
        scores = Float64MultiArray(data=[float(v) for v in self._last.scores.values()])
        label = ",".join(self._last.scores)
        scores.layout.dim.append(MultiArrayDimension(label=label, size=len(scores.data), stride=len(scores.data)))
        self._scores.publish(scores)


def main() -> int:
    """Run the node."""
    return run_node(MonitorNode)
