"""fault_node: a bad cable. Relays the robot's topics, chunks, alarms and commands, and corrupts one of them on request.

Upstream topics are those of the sources under another name: the contract's topics behind the prefix ``upstream`` (the
simulated robot gets ``topic_prefix`` accordingly), and ``policy_node/upstream_chunk``, ``monitor_node/upstream_alarm``
(by remapping). Everything else in the graph is as on a robot; without a fault the relay passes bytes on as they are,
and only adds its latency.

Parameter ``fault``: a name of the campaign's catalogue, or nothing; setting it begins a trial. Service ``~/ledger``
(std_srvs/Trigger): what was delivered since, as JSON (``running.campaign.ledger``), from which it follows when a fault
could be known. With ``quiet_monitor`` the relay also stands in for a failure monitor that never predicts a failure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseStamped, Twist
from nav_msgs.msg import Odometry
from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Imu, JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from policy_nodes.bundle.load import load_bundle
from policy_nodes.errors import ConfigError
from policy_nodes.nodes.conversions import SECOND_NS, diagnostic_array
from policy_nodes.nodes.parameters import Option, declare_options, read
from policy_nodes.nodes.qos import COMMAND, RECORD, SENSOR, STREAM, watched
from policy_nodes.nodes.relayed import ALARM, CHUNK, IMU, JOINTS, POSE, TWIST, Adapter, read_stamp, with_stamp
from policy_nodes.nodes.relayed import COMMAND as COMMANDS
from policy_nodes.nodes.spinning import run_node
from policy_nodes.running.campaign.case import Case, Shows, Stream
from policy_nodes.running.campaign.catalogue import CASES
from policy_nodes.running.campaign.ledger import Ledger
from policy_nodes.running.campaign.moments import Record
from policy_nodes.running.campaign.streams import Corruption, Sample
from policy_nodes.safety.config import load_safety_config

OPTIONS = (
    Option("bundle", "", "directory of the policy bundle whose streams are relayed (NAME.keel)"),
    Option("upstream", "upstream", "put before the contract's topics where their sources publish"),
    Option("quiet_monitor", False, "publish quiet verdicts in place of a failure monitor that is not started"),
)
RELAYED = {
    "sensor_msgs/msg/JointState": (JointState, "joints", JOINTS),
    "geometry_msgs/msg/PoseStamped": (PoseStamped, "objects", POSE),
    "sensor_msgs/msg/Imu": (Imu, "imu", IMU),
    "geometry_msgs/msg/Twist": (Twist, "drive", TWIST),
}
"""Message type of a contract's topic -> class, stream of the catalogue, adapter."""
SOON_NS = SECOND_NS // 1000


@dataclass
class Relay:
    """One relayed topic."""

    source: str
    kind: Any
    adapter: Adapter | None
    publish: Callable[[Any], None]
    stamped: bool
    corruption: Corruption | None = field(default=None)


class FaultNode(Node):
    """Relays and corrupts; parameters: ``OPTIONS`` and ``fault``."""

    def __init__(self) -> None:
        super().__init__("fault_node", automatically_declare_parameters_from_overrides=True)
        declare_options(self, OPTIONS)
        if not read(self, "bundle", str):
            raise ConfigError("parameter 'bundle' is empty.", "start the node with -p bundle:=/path/to/NAME.keel.")
        bundle = load_bundle(Path(read(self, "bundle", str)))
        manifest, up = bundle.manifest, "/" + read(self, "upstream", str).strip("/")
        self._far = load_safety_config(bundle.file("safety.yaml")).max_tracking_error
        self._joints = manifest.actions.joints
        self._length_ns = round(manifest.actions.horizon * manifest.actions.step_s * SECOND_NS)
        self._case: Case | None = None
        self._relays: list[Relay] = []
        self._ledger = Ledger()
        self._commanded = self._measured = np.zeros(0)
        self.declare_parameter("fault", "")
        self.add_on_set_parameters_callback(self._on_parameters)
        self.create_service(Trigger, "~/ledger", self._on_ledger)
        for topic, term in {term.topic: term for term in manifest.terms}.items():
            if term.message_type in RELAYED:
                kind, stream, adapter = RELAYED[term.message_type]
                source = f"{stream}/{term.name}" if stream == "objects" else stream
                self._relay(kind, up + topic, topic, STREAM, source, adapter)
        if any(term.message_type == "sensor_msgs/msg/Imu" for term in manifest.terms):
            self._relay(Odometry, up + "/odom", "/odom", STREAM, "odometry", None)
        command = manifest.actions.command_topic
        self._relay(Float64MultiArray, command, up + command, COMMAND, "commands", COMMANDS, stamped=False)
        period_s = manifest.actions.execution_horizon * manifest.actions.step_s
        chunks = ("policy_node/upstream_chunk", "policy_node/action_chunk")
        self._relay(JointTrajectory, *chunks, watched(period_s), "chunks", CHUNK)
        if read(self, "quiet_monitor", bool):
            self._alarms = self.create_publisher(DiagnosticArray, "monitor_node/alarm", COMMAND)
            self.create_timer(period_s, self._stand_in)
        else:
            self._relay(DiagnosticArray, "monitor_node/upstream_alarm", "monitor_node/alarm", COMMAND, "alarms", ALARM)

    def start(self) -> None:
        """Relaying has begun with the subscriptions."""

    def failed(self) -> str:
        """A relay does not fail; it is the fault."""
        return ""

    def stop(self) -> None:
        """Nothing to bring to rest."""

    def _relay(
        self, kind: type, source: str, target: str, qos: Any, name: str, adapter: Adapter | None, stamped: bool = True
    ) -> None:
        publish = self.create_publisher(kind, target, qos).publish
        # Of a sensor only the newest: a relay that falls behind must lose messages, not make them old.
        # Of commands every one: limits are judged by their differences.
        taken = SENSOR if qos is STREAM else RECORD if name == "commands" else qos
        relay = Relay(name, kind, adapter, publish, stamped and kind is not Twist)
        self._relays.append(relay)
        self.create_subscription(kind, source, partial(self._pass, relay), taken, raw=True)

    def _pass(self, relay: Relay, data: bytes) -> None:
        now = self._now()
        stamp = read_stamp(data) if relay.stamped else 0
        if relay.corruption is None:
            # A heartbeat is as old as its arrival; what it says may be about a longer past.
            fresh = now if relay.source == "alarms" else min(now, stamp or now)
            self._ledger.note(relay.source, Record(now, True, fresh, stamp + self._length_ns))
            relay.publish(data)
            if relay.source == "commands" or (relay.source == "joints" and self._watches_distance):
                assert relay.adapter is not None
                sample = relay.adapter[0](deserialize_message(data, relay.kind))
                self._watch(relay.source, now, sample, sample)
            return
        assert relay.adapter is not None
        message = deserialize_message(data, relay.kind)
        original = relay.adapter[0](message)
        if relay.source == "commands":
            self._watch(relay.source, now, original, original)
        for delay_ns, sample in relay.corruption(original):
            if delay_ns < SOON_NS:
                self._send(relay, data, message, original, sample)
            else:
                self._later(relay, delay_ns, partial(self._send, relay, data, message, original, sample))

    def _send(self, relay: Relay, data: bytes, message: Any, original: Sample, sample: Sample) -> None:
        now, adapter = self._now(), relay.adapter
        assert adapter is not None
        same = sample.alarming == original.alarming and sample.names == original.names
        same = same and (
            sample.values is original.values
            or (
                sample.values.shape == original.values.shape
                and np.array_equal(sample.values, original.values, equal_nan=True)
            )
        )
        genuine = sample is original or (same and sample.stamp_ns == original.stamp_ns)
        fresh = now if relay.source == "alarms" else min(now, original.stamp_ns or now)
        self._ledger.note(relay.source, Record(now, genuine, fresh, sample.stamp_ns + self._length_ns))
        if sample is original:
            relay.publish(data)
        elif same and relay.stamped:
            relay.publish(with_stamp(data, sample.stamp_ns))
        else:
            relay.publish(adapter[1](message, sample))
        if relay.source == "joints" and self._watches_distance:
            self._watch("joints", now, sample, original)

    def _watch(self, source: str, now: int, sample: Sample, original: Sample) -> None:
        if source == "commands":
            self._commanded = original.values
            self._ledger.command(now, original.values.tolist())
        elif len(sample.names) == sample.values.size:
            by_name = dict(zip(sample.names, sample.values, strict=True))
            if all(joint in by_name for joint in self._joints):
                self._measured = np.array([by_name[joint] for joint in self._joints])
        if self._watches_distance and not self._ledger.apart_ns and self._commanded.shape == self._measured.shape:
            far = self._measured.size and np.abs(self._commanded - self._measured).max() > self._far
            self._ledger.apart_ns = now if far else 0

    @property
    def _watches_distance(self) -> bool:
        return self._case is not None and self._case.shows is Shows.DISTANCE

    def _later(self, relay: Relay, delay_ns: int, action: Callable[[], None]) -> None:
        """Act after a delay; not any more once the fault is over: what it held back must not disturb the next trial."""
        fault = relay.corruption

        def once() -> None:
            self.destroy_timer(timer)
            if relay.corruption is fault:
                action()

        timer = self.create_timer(delay_ns / SECOND_NS, once)

    def _stand_in(self) -> None:
        quiet = {"stand-in of the fault campaign": "0"}
        now = self._now()
        self._alarms.publish(diagnostic_array(now, "failure predictor", DiagnosticStatus.OK, "nominal", quiet))

    def _now(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _on_parameters(self, parameters: list[Any]) -> SetParametersResult:
        for parameter in parameters:
            if parameter.name != "fault":
                continue
            name = str(parameter.value)
            case = CASES.get(name)
            if name and case is None:
                return SetParametersResult(successful=False, reason=f"'{name}' is no fault of the catalogue")
            if name:
                self._ledger.begin(self._now())
                self._measured = np.zeros(0)
            self._case = case
            for relay in self._relays:
                relay.corruption = None
                if case is not None and isinstance(case.inject, Stream) and _stream(relay) == case.stream:
                    relay.corruption = case.inject.corrupt()
        return SetParametersResult(successful=True)

    def _on_ledger(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = True, self._ledger.to_json()
        return response


def _stream(relay: Relay) -> str:
    return relay.source.partition("/")[0]


def main() -> int:
    """Run the node."""
    return run_node(FaultNode)
