"""What policy_node hears: samples and pictures, buffered, and at first compared with the contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from rclpy.node import Node

from policy_nodes.bundle.manifest import ImageFeature, Manifest, ObservationTerm
from policy_nodes.errors import KeelError
from policy_nodes.inference.first_ticks import Finding
from policy_nodes.inference.first_ticks_gate import FirstTicksGate, Mode
from policy_nodes.inference.reactive import observation_buffer
from policy_nodes.nodes.contract_topics import joint_state_topics, subscribe_images, subscribe_terms
from policy_nodes.nodes.polled import PolledTopics


class PolicyInputs:
    """Subscriptions of a policy node.

    Args:
        node: that subscribes.
        manifest: the contract.
        prefix: parameter ``topic_prefix``.
    """

    def __init__(self, node: Node, manifest: Manifest, prefix: str) -> None:
        self._node, self._manifest = node, manifest
        self.buffer = observation_buffer(manifest)
        self.gate = FirstTicksGate(manifest, "ignore", 0)
        """Compares the robot with the contract; anew after each :meth:`begin`."""
        names = dict.fromkeys(joint_state_topics(manifest, prefix), self._on_joint_state)
        self._topics = PolledTopics(node)
        self.buffer.source = self._topics.read
        subscribe_terms(
            node, self._topics, manifest, prefix, self._on_term, False, first=names, refused=self._on_refused
        )
        self._pictures = subscribe_images(node, manifest, prefix, self._on_image, self._on_refused)

    @property
    def handles(self) -> list[Any]:
        """All subscriptions."""
        return [*self._topics.handles, *self._pictures]

    def begin(self, mode: Mode) -> None:
        """Forget what was heard, and watch the robot's first samples from now on."""
        self._topics.forget()
        self.buffer.reset()
        self.gate = FirstTicksGate(self._manifest, mode, self._now_ns())
        self._topics.wait_for_each(self.gate.watching)  # it measures when they arrive
        self._topics.start()

    def rest(self) -> None:
        """Read nothing until the next :meth:`begin`."""
        self._topics.stop()
        self._topics.wait_for_each(False)

    def compare(self) -> Sequence[Finding]:
        """What does not fit of the robot's first samples, when that has just been found out."""
        findings = self.gate.poll(self._now_ns())
        self._topics.wait_for_each(self.gate.watching)
        return findings

    def close(self) -> None:
        """Drop the subscriptions."""
        self._topics.close()
        for handle in self._pictures:
            self._node.destroy_subscription(handle)
        self._pictures = []

    def _now_ns(self) -> int:
        return int(self._node.get_clock().now().nanoseconds)

    def _on_joint_state(self, message: Any) -> None:
        self.gate.on_joint_names(message.name)

    def _on_refused(self, name: str, error: KeelError) -> None:
        self.gate.on_refused(name, error)

    def _on_term(self, term: ObservationTerm, stamp_ns: int, value: np.ndarray) -> None:
        self.buffer.push(term.name, stamp_ns, value)
        if self.gate.watching:
            self.gate.on_sample(term.name, stamp_ns, self._now_ns(), value)

    def _on_image(self, image: ImageFeature, stamp_ns: int, pixels: np.ndarray) -> None:
        self.buffer.push_image(image.name, stamp_ns, pixels)
        if self.gate.watching:
            self.gate.on_image(image.name, stamp_ns, self._now_ns(), pixels)
