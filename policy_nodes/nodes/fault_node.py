"""fault_node: a bad cable. Relays the robot's topics, chunks, alarms and commands, and corrupts one of them on request.

Upstream topics are those of the sources under another name: the contract's topics behind the prefix ``upstream`` (the
simulated robot gets ``topic_prefix`` accordingly), and ``policy_node/upstream_chunk``, ``monitor_node/upstream_alarm``
(by remapping). Everything else in the graph is as on a robot; without a fault the relay only adds its latency.

Parameter ``fault``: a name of the campaign's catalogue, or nothing. Service ``~/ledger`` (std_srvs/Trigger): what was
delivered during the last seconds, as JSON, from which it follows when a fault could be known.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from policy_nodes.bundle.load import load_bundle
from policy_nodes.errors import ConfigError
from policy_nodes.nodes.conversions import SECOND_NS
from policy_nodes.nodes.parameters import Option, declare_options, read
from policy_nodes.nodes.qos import COMMAND, SENSOR, STREAM, watched
from policy_nodes.nodes.relayed import ALARM, CHUNK, JOINTS, POSE, Adapter
from policy_nodes.nodes.relayed import COMMAND as COMMANDS
from policy_nodes.nodes.spinning import run_node
from policy_nodes.running.campaign.catalogue import CASES, Stream
from policy_nodes.running.campaign.streams import Corruption, Sample
from policy_nodes.safety.config import load_safety_config

OPTIONS = (
    Option("bundle", "", "directory of the policy bundle whose streams are relayed (NAME.keel)"),
    Option("upstream", "upstream", "put before the contract's topics where their sources publish"),
)
REMEMBERED = 4000
"""Messages per source in the ledger."""


class FaultNode(Node):
    """Relays and corrupts; parameters: ``OPTIONS`` and ``fault``."""

    def __init__(self) -> None:
        super().__init__("fault_node", automatically_declare_parameters_from_overrides=True)
        declare_options(self, OPTIONS)
        if not read(self, "bundle", str):
            raise ConfigError("parameter 'bundle' is empty.", "start the node with -p bundle:=/path/to/NAME.keel.")
        bundle = load_bundle(Path(read(self, "bundle", str)))
        manifest, self._up = bundle.manifest, "/" + read(self, "upstream", str).strip("/")
        self._far = load_safety_config(bundle.file("safety.yaml")).max_tracking_error
        self._joints = manifest.actions.joints
        self._length_ns = round(manifest.actions.horizon * manifest.actions.step_s * SECOND_NS)
        self._fault = ""
        self._corruptions: dict[str, Corruption] = {}
        self._ledger: dict[str, deque[tuple[int, bool, int, int]]] = defaultdict(lambda: deque(maxlen=REMEMBERED))
        self._apart_ns = 0
        self._commanded = self._measured = np.zeros(0)
        self.declare_parameter("fault", "")
        self.add_on_set_parameters_callback(self._on_parameters)
        self.create_service(Trigger, "~/ledger", self._on_ledger)
        topics = {term.topic: term for term in manifest.terms}
        for topic, term in topics.items():
            if term.message_type == "sensor_msgs/msg/JointState":
                self._relay(JointState, self._up + topic, topic, STREAM, "joints", JOINTS)
            elif term.message_type == "geometry_msgs/msg/PoseStamped":
                self._relay(PoseStamped, self._up + topic, topic, STREAM, f"objects/{term.name}", POSE)
        command = manifest.actions.command_topic
        self._relay(Float64MultiArray, command, self._up + command, COMMAND, "commands", COMMANDS)
        period_s = manifest.actions.execution_horizon * manifest.actions.step_s
        chunks = ("policy_node/upstream_chunk", "policy_node/action_chunk")
        self._relay(JointTrajectory, *chunks, watched(period_s), "chunks", CHUNK)
        self._relay(DiagnosticArray, "monitor_node/upstream_alarm", "monitor_node/alarm", COMMAND, "alarms", ALARM)

    def start(self) -> None:
        """Relaying has begun with the subscriptions."""

    def failed(self) -> str:
        """A relay does not fail; it is the fault."""
        return ""

    def stop(self) -> None:
        """Nothing to bring to rest."""

    def _relay(self, kind: type, source: str, target: str, qos: Any, name: str, adapter: Adapter) -> None:
        publish = self.create_publisher(kind, target, qos).publish
        # Of a sensor only the newest: a relay that falls behind must lose messages, not make them old.
        taken = SENSOR if qos is STREAM else qos
        self.create_subscription(kind, source, partial(self._pass, name, adapter, publish), taken)

    def _pass(self, name: str, adapter: Adapter, publish: Callable[[Any], None], message: Any) -> None:
        corruption = self._corruptions.get(name)
        if corruption is None and name in self._touched:
            corruption = self._corruptions[name] = self._maker()
        original = adapter[0](message)
        if corruption is None:
            self._note(name, original, original)
            publish(message)
            return
        for delay_ns, sample in corruption(original):

            def send(sample: Sample = sample) -> None:
                self._note(name, sample, original)
                publish(message if sample is original else adapter[1](message, sample))

            if delay_ns < SECOND_NS // 1000:
                send()
            else:
                self._later(delay_ns, send)

    def _later(self, delay_ns: int, action: Callable[[], None]) -> None:
        def once() -> None:
            self.destroy_timer(timer)
            action()

        timer = self.create_timer(delay_ns / SECOND_NS, once)

    def _note(self, name: str, sample: Sample, original: Sample) -> None:
        now = int(self.get_clock().now().nanoseconds)
        genuine = sample is original or (
            sample.stamp_ns == original.stamp_ns
            and sample.alarming == original.alarming
            and sample.values.shape == original.values.shape
            and np.array_equal(sample.values, original.values, equal_nan=True)
        )
        fresh = min(now, original.stamp_ns or now)
        self._ledger[name].append((now, genuine, fresh, sample.stamp_ns + self._length_ns))
        if name == "joints" and len(sample.names) == sample.values.size:
            by_name = dict(zip(sample.names, sample.values, strict=True))
            if all(joint in by_name for joint in self._joints):
                self._measured = np.array([by_name[joint] for joint in self._joints])
        elif name == "commands":
            self._commanded = original.values
        if not self._apart_ns and self._commanded.shape == self._measured.shape and self._measured.size:
            self._apart_ns = now if np.abs(self._commanded - self._measured).max() > self._far else 0

    def _on_parameters(self, parameters: list[Any]) -> SetParametersResult:
        for parameter in parameters:
            if parameter.name != "fault":
                continue
            name = str(parameter.value)
            case = CASES.get(name)
            if name and (case is None or not isinstance(case.inject, Stream)):
                return SetParametersResult(successful=False, reason=f"'{name}' is no fault of a stream")
            self._fault, self._corruptions, self._apart_ns = name, {}, 0
        return SetParametersResult(successful=True)

    @property
    def _touched(self) -> list[str]:
        case = CASES.get(self._fault)
        if case is None or not isinstance(case.inject, Stream):
            return []
        return [name for name in self._ledger if name.partition("/")[0] == case.inject.name]

    def _maker(self) -> Corruption:
        inject = CASES[self._fault].inject
        assert isinstance(inject, Stream)
        return inject.corrupt()

    def _on_ledger(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        records = {name: list(rows) for name, rows in self._ledger.items()}
        response.success, response.message = True, json.dumps({"records": records, "apart_ns": self._apart_ns})
        return response


def main() -> int:
    """Run the node."""
    return run_node(FaultNode)
