"""What the safety node hears: every message goes to the governor, or is refused there by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from policy_nodes.bundle.manifest import Manifest, ObservationTerm
from policy_nodes.errors import ContractError
from policy_nodes.inference.messages import JointReader
from policy_nodes.nodes.authority import RobotFit
from policy_nodes.nodes.bundle_node import BundleNode
from policy_nodes.nodes.contract_topics import guarded, subscribe_terms
from policy_nodes.nodes.conversions import message_to_alarm, message_to_chunk
from policy_nodes.nodes.foreign_types import foreign_types
from policy_nodes.nodes.parameters import contract_topic
from policy_nodes.nodes.polled import PolledTopics
from policy_nodes.nodes.qos import COMMAND, watched
from policy_nodes.nodes.stream_events import StreamEvents
from policy_nodes.safety.governor import Governor


class SafetyInputs:
    """Subscriptions of the safety node.

    Args:
        node: that subscribes.
        manifest: the contract.
        governor: receives every sample.
        prefix: parameter ``topic_prefix``.
        joint_states: topic of the measured joint state.
        in_motion: whether silence of a stream is worth a line in the log.
    """

    def __init__(
        self,
        node: BundleNode,
        manifest: Manifest,
        governor: Governor,
        prefix: str,
        joint_states: str,
        in_motion: Callable[[], bool],
    ) -> None:
        self.fit = RobotFit(manifest)
        """Whether the live robot is the contract's."""
        self.chunk_events = StreamEvents(node, "action_chunk", in_motion)
        self._node, self._governor, self._joints = node, governor, manifest.actions.joints
        self._reader = JointReader(self._joints)
        period_s = manifest.actions.execution_horizon * manifest.actions.step_s
        subscribe, guard = node.create_subscription, partial(guarded, node)
        self._topics = PolledTopics(node)
        # One subscription where the contract reads the joint state too: decoded once, and judged as a joint state
        # first, so that its own faults are named and not those of the observation made of it.
        first = {joint_states: guard(self._on_joint_state)}
        if all(contract_topic(term.topic, prefix) != joint_states for term in manifest.terms):
            self._topics.subscribe(JointState, joint_states, first.pop(joint_states))
        subscribe_terms(node, self._topics, manifest, prefix, self._on_term, first=first)
        self._handles: list[Any] = [
            subscribe(
                JointTrajectory,
                "policy_node/action_chunk",
                guard(self._on_chunk),
                watched(period_s),
                event_callbacks=self.chunk_events.of_subscription(),
            ),
            subscribe(DiagnosticArray, "monitor_node/alarm", guard(self._on_alarm), COMMAND),
        ]

    def problems(self) -> list[str]:
        """Sentences about a robot that is not the contract's, and about message types that are not."""
        return [*self.fit.problems, *foreign_types(self._node, [*self._topics.handles, *self._handles])]

    def begin(self) -> None:
        """Forget what came while nobody listened."""
        self._topics.forget()

    def read(self) -> None:
        """Hand what has been measured to the governor; at every tick, before it decides."""
        self._topics.read()

    def close(self) -> None:
        """Destroy the subscriptions."""
        self._topics.close()
        for handle in self._handles:
            self._node.destroy_subscription(handle)
        self._handles = []

    def _on_term(self, term: ObservationTerm, stamp_ns: int, value: np.ndarray) -> None:
        self._governor.on_observation(self._node.now_ns(), term.name, stamp_ns, value)

    def _on_joint_state(self, message: JointState) -> None:
        now_ns = self._node.now_ns()
        if self.fit.fits(message.name, now_ns):
            self._governor.on_joint_state(now_ns, self._reader.read(message, now_ns))

    def _on_chunk(self, message: JointTrajectory) -> None:
        try:
            chunk = message_to_chunk(message, self._joints)
        except (ContractError, ValueError, OverflowError):
            self._governor.on_malformed_chunk(self._node.now_ns())
            raise
        self._governor.on_chunk(self._node.now_ns(), chunk)

    def _on_alarm(self, message: DiagnosticArray) -> None:
        self._governor.on_alarm(self._node.now_ns(), message_to_alarm(message))
