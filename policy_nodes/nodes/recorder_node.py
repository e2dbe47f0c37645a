"""recorder_node: what was measured, planned, decided and commanded, as ``trace.npz`` and ``events.json``.

Written when the node is shut down, atomically; times are seconds of the ROS clock since ``t0_ns``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

from policy_nodes.bundle.load import load_bundle
from policy_nodes.bundle.manifest import ObservationTerm
from policy_nodes.errors import ConfigError, KeelError
from policy_nodes.inference.messages import TermReader, joint_sample, message_stamp_ns
from policy_nodes.nodes.contract_topics import joint_state_topic
from policy_nodes.nodes.conversions import message_to_alarm, message_to_chunk, to_ns
from policy_nodes.nodes.message_types import message_type
from policy_nodes.nodes.parameters import TOPIC_PREFIX, Option, contract_topic, declare_options, read
from policy_nodes.nodes.qos import LATCHED, RECORD, SENSOR
from policy_nodes.nodes.spinning import run_node
from policy_nodes.nodes.trace import Trace

OPTIONS = (
    Option("bundle", "", "directory of the policy bundle whose streams are recorded (NAME.keel)"),
    Option("directory", ".", "directory that receives trace.npz and events.json"),
    TOPIC_PREFIX,
)


class RecorderNode(Node):
    """Records the streams of one bundle; parameters: ``OPTIONS``."""

    def __init__(self) -> None:
        super().__init__("recorder_node", automatically_declare_parameters_from_overrides=True)
        declare_options(self, OPTIONS)
        if not read(self, "bundle", str):
            raise ConfigError("parameter 'bundle' is empty.", "start the node with -p bundle:=/path/to/NAME.keel.")
        self._directory = Path(read(self, "directory", str))
        manifest = load_bundle(Path(read(self, "bundle", str))).manifest
        prefix = read(self, "topic_prefix", str)
        self._joints = manifest.actions.joints
        self._horizon = manifest.actions.horizon
        self._pose_terms = [term for term in manifest.terms if term.field == "pose"]
        self._latest: dict[str, np.ndarray] = {}
        names = [term.name.removesuffix("_pose") for term in self._pose_terms]
        self._trace = Trace(self._joints, manifest.actions.step_s, names)
        measured = contract_topic(joint_state_topic(manifest), prefix)
        commands = contract_topic(manifest.actions.command_topic, prefix)
        self._record(JointState, measured, self._on_joint_state, SENSOR)
        self._record(Float64MultiArray, commands, self._on_command, RECORD)
        self._record(JointTrajectory, "policy_node/action_chunk", self._on_chunk, RECORD)
        self._record(DiagnosticArray, "monitor_node/alarm", self._on_alarm, RECORD)
        self._record(DiagnosticArray, "safety_node/state", self._on_state, LATCHED)
        for term in self._pose_terms:
            self._record_pose(term, contract_topic(term.topic, prefix))

    def start(self) -> None:
        """Recording has begun with the subscriptions."""

    def failed(self) -> str:
        """A recorder loses samples, it does not fail."""
        return ""

    def stop(self) -> None:
        """Write the trace."""
        path = self._trace.save(self._directory)
        self.get_logger().info(f"recorded {path}" if path else "nothing was recorded")

    def _record(self, kind: type, topic: str, keep: Callable[[Any], None], qos: Any) -> None:
        """Subscribe; a message that cannot be read is counted as lost."""

        def receive(message: Any) -> None:
            try:
                keep(message)
            except (KeelError, ValueError, IndexError, OverflowError) as error:
                self._trace.lost += 1
                self.get_logger().warning(f"{topic}: not recorded: {error}", throttle_duration_sec=10.0)

        self.create_subscription(kind, topic, receive, qos)

    def _record_pose(self, term: ObservationTerm, topic: str) -> None:
        reader = TermReader(term)

        def keep(message: Any) -> None:
            self._latest[term.name] = reader.read(message)
            if term is self._pose_terms[0] and len(self._latest) == len(self._pose_terms):
                poses = np.stack([self._latest[other.name] for other in self._pose_terms])
                self._trace.keep("object", message_stamp_ns(message, self._now_ns()), poses)

        self._record(message_type(term.message_type), topic, keep, SENSOR)

    def _now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _on_joint_state(self, message: JointState) -> None:
        sample = joint_sample(self._joints, message, self._now_ns())
        self._trace.keep("joint", sample.stamp_ns, np.stack([sample.position, sample.velocity]))

    def _on_command(self, message: Float64MultiArray) -> None:
        command = np.asarray(message.data, dtype=np.float64)
        if command.shape != (len(self._joints),):
            raise ValueError(f"a command of {command.size} values")
        self._trace.keep("command", self._now_ns(), command)

    def _on_chunk(self, message: JointTrajectory) -> None:
        chunk = message_to_chunk(message, self._joints)
        if len(chunk.values) != self._horizon:  # one such chunk would make the whole trace unwritable
            raise ValueError(f"a chunk of {len(chunk.values)} points, the contract's has {self._horizon}")
        self._trace.keep("chunk", chunk.stamp_ns, np.asarray(chunk.values))
        self._trace.keep("chunk_arrival", self._now_ns(), np.asarray(chunk.sequence))

    def _on_alarm(self, message: DiagnosticArray) -> None:
        alarm = message_to_alarm(message)
        self._trace.keep_scores(alarm.stamp_ns, alarm.scores)

    def _on_state(self, message: DiagnosticArray) -> None:
        status = message.status[0]
        values = {item.key: item.value for item in status.values}
        event = {key: values.get(key, "") for key in ("reason", "backup", "stop_category")}
        self._trace.keep_state(to_ns(message.header.stamp), {"state": status.message, **event})


def main() -> int:
    """Run the node until it is shut down, then write the trace."""
    return run_node(RecorderNode)
