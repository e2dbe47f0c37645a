"""The fast loop of a slow-fast policy in the policy node: a timer that decodes the newest plan at every action step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node

from policy_nodes.bundle.load import Bundle
from policy_nodes.errors import ObservationError
from policy_nodes.inference.observation import ObservationBuffer
from policy_nodes.inference.planner import Plan
from policy_nodes.inference.reactive import ReactiveDecoder
from policy_nodes.types import ActionChunk


class Reactions:
    """Publishes what the decoder says; it runs in the executor's thread, between the samples that it reads.

    Args:
        node: whose timer and log are used.
        bundle: with a reactive graph.
        buffer: fed by the node's subscriptions, of ``observation_buffer``.
        publish: sends a chunk.
        now_ns: the clock that stamps observations.

    Raises:
        ProviderError: the decoder answers differently here.
    """

    def __init__(
        self,
        node: Node,
        bundle: Bundle,
        buffer: ObservationBuffer,
        publish: Callable[[ActionChunk], object],
        now_ns: Callable[[], int],
    ) -> None:
        self._node, self._buffer, self._publish, self._now_ns = node, buffer, publish, now_ns
        self._decoder = ReactiveDecoder(bundle)
        self._decoder.warm_up()
        self._timer: Any = None

    def start(self) -> None:
        """Forget old plans and begin."""
        self.stop()
        self._decoder.reset()
        self._timer = self._node.create_timer(self._decoder.period_s, self._react)

    def stop(self) -> None:
        """End the timer."""
        if self._timer is not None:
            self._node.destroy_timer(self._timer)
        self._timer = None

    def take(self, plan: Plan) -> None:
        """Use a plan from now on; called in the inference thread."""
        self._decoder.take(plan.chunk.stamp_ns, plan.output.latent[0])

    def values(self) -> dict[str, str]:
        """For ``/diagnostics``."""
        return self._decoder.values()

    def trouble(self) -> str:
        """What an operator must know, or an empty text."""
        return "the fast decoder refuses what is felt" if self._decoder.last_refusal else ""

    def _react(self) -> None:
        self._buffer.refresh()
        try:
            chunk = self._decoder.act(self._buffer, self._now_ns())
        except ObservationError as error:  # silence: the safety node acts on it
            text = f"no reaction: {error.cause} Fix: {error.fix}"
            self._node.get_logger().warning(text, throttle_duration_sec=1.0)
            return
        if chunk is not None:
            self._publish(chunk)
