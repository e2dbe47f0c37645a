"""recorder_node: everything that was measured, planned, decided and commanded, as one ``trace.npz`` and ``events.json``.

Written when the node is shut down, atomically; times are seconds of the ROS clock since ``t0_ns``.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

from policy_nodes.bundle.load import load_bundle
from policy_nodes.bundle.manifest import ObservationTerm
from policy_nodes.errors import KeelError
from policy_nodes.inference.messages import TermReader, joint_sample, message_stamp_ns
from policy_nodes.nodes.conversions import SECOND_NS, message_to_alarm, message_to_chunk, to_ns
from policy_nodes.nodes.message_types import message_type
from policy_nodes.nodes.qos import COMMAND, LATCHED, SENSOR

MAX_SAMPLES = 360_000
"""Per stream: one hour at 100 Hz; older samples are kept, newer ones are counted as lost."""


class RecorderNode(Node):
    """Records the streams of one bundle. Parameters: ``bundle``, ``directory``."""

    def __init__(self) -> None:
        super().__init__("recorder_node")
        self.declare_parameter("bundle", "")
        self.declare_parameter("directory", ".")
        self._directory = Path(str(self.get_parameter("directory").value))
        manifest = load_bundle(Path(str(self.get_parameter("bundle").value))).manifest
        self._joints = manifest.actions.joints
        self._step_s = manifest.actions.step_s
        self._streams: dict[str, list[tuple[int, np.ndarray]]] = defaultdict(list)
        self._events: list[dict[str, object]] = []
        self._scores: list[tuple[int, dict[str, float]]] = []
        self._lost = 0
        self.create_subscription(JointState, "/joint_states", self._on_joint_state, SENSOR)
        self.create_subscription(Float64MultiArray, manifest.actions.command_topic, self._on_command, COMMAND)
        self.create_subscription(JointTrajectory, "policy_node/action_chunk", self._on_chunk, COMMAND)
        self.create_subscription(DiagnosticArray, "monitor_node/alarm", self._on_alarm, COMMAND)
        self.create_subscription(DiagnosticArray, "safety_node/state", self._on_state, LATCHED)
        self._pose_terms = [term for term in manifest.terms if term.field == "pose"]
        self._poses: dict[str, np.ndarray] = {}
        for term in self._pose_terms:
            self._subscribe_pose(term)

    def _subscribe_pose(self, term: ObservationTerm) -> None:
        reader = TermReader(term)

        def receive(message: object) -> None:
            try:
                self._poses[term.name] = reader.read(message)
            except KeelError:
                self._lost += 1
            if term.name == self._pose_terms[0].name and len(self._poses) == len(self._pose_terms):
                poses = np.stack([self._poses[other.name] for other in self._pose_terms])
                self._keep("object", message_stamp_ns(message, 0), poses)

        self.create_subscription(message_type(term.message_type), term.topic, receive, SENSOR)

    def _keep(self, stream: str, stamp_ns: int, value: np.ndarray) -> None:
        if len(self._streams[stream]) < MAX_SAMPLES:
            self._streams[stream].append((stamp_ns, value))
        else:
            self._lost += 1

    def _on_joint_state(self, message: JointState) -> None:
        sample = joint_sample(self._joints, message, 0)
        self._keep("joint", sample.stamp_ns, np.stack([sample.position, sample.velocity]))

    def _on_command(self, message: Float64MultiArray) -> None:
        self._keep("command", self.get_clock().now().nanoseconds, np.asarray(message.data, dtype=np.float64))

    def _on_chunk(self, message: JointTrajectory) -> None:
        chunk = message_to_chunk(message, self._joints)
        self._keep("chunk", chunk.stamp_ns, chunk.values)

    def _on_alarm(self, message: DiagnosticArray) -> None:
        alarm = message_to_alarm(message)
        self._scores.append((alarm.stamp_ns, alarm.scores))

    def _on_state(self, message: DiagnosticArray) -> None:
        status = message.status[0]
        values = {item.key: item.value for item in status.values}
        event = {"state": status.message, "reason": values.get("reason", ""), "backup": values.get("backup", "")}
        if not self._events or {k: self._events[-1][k] for k in event} != event:
            self._events.append({"stamp_ns": to_ns(message.header.stamp), **event})

    def save(self) -> Path | None:
        """Write what was recorded; None when nothing was."""
        stamps = [samples[0][0] for samples in self._streams.values() if samples]
        if not stamps:
            return None
        t0 = min(stamps)
        arrays: dict[str, np.ndarray] = {
            "joint_names": np.array(self._joints),
            "chunk_step_s": np.array(self._step_s),
            "t0_ns": np.array(t0),
        }
        for name, samples in self._streams.items():
            arrays[f"{name}_t"] = np.array([(stamp - t0) / SECOND_NS for stamp, _ in samples])
            values = np.stack([value for _, value in samples])
            if name == "joint":
                arrays["joint_position"], arrays["joint_velocity"] = values[:, 0], values[:, 1]
            elif name == "object":
                for i, term in enumerate(self._pose_terms):
                    arrays[f"object_{term.name.removesuffix('_pose')}"] = values[:, i]
            else:
                arrays[name] = values
        arrays["score_t"] = np.array([(stamp - t0) / SECOND_NS for stamp, _ in self._scores])
        for name in sorted({name for _, scores in self._scores for name in scores}):
            key = "score_fiper" if name == "combined" else f"score_{name}"
            arrays[key] = np.array([scores.get(name, np.nan) for _, scores in self._scores])
        self._directory.mkdir(parents=True, exist_ok=True)
        events = [{**e, "t": (int(str(e["stamp_ns"])) - t0) / SECOND_NS} for e in self._events]
        summary = {"t0_ns": t0, "lost": self._lost, "events": events}
        path = self._directory / "trace.npz"
        with (self._directory / ".trace.npz.tmp").open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)  # type: ignore[arg-type]
        (self._directory / ".trace.npz.tmp").replace(path)
        (self._directory / ".events.json.tmp").write_text(json.dumps(summary, indent=1))
        (self._directory / ".events.json.tmp").replace(self._directory / "events.json")
        return path


def main() -> int:
    """Run the node until it is shut down, then write the trace."""
    rclpy.init(args=sys.argv)
    node = RecorderNode()
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        path = node.save()
        print(f"recorder_node: {path or 'nothing recorded'}", file=sys.stderr)
        node.destroy_node()
        rclpy.try_shutdown()
    return 0
