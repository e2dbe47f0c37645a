"""The operator's side of a run as a small API: enable, reset, new episode, faults, and what the nodes report.

Used by ``keel run``; a robot engineer does the same with ``ros2 service call``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import Twist
from nav_msgs.msg import Odometry
from rcl_interfaces.msg import Log, Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import SetBool, Trigger
from trajectory_msgs.msg import JointTrajectory

from policy_nodes.errors import ContractError, KeelError
from policy_nodes.inference.messages import joint_sample
from policy_nodes.nodes.contract_topics import guarded
from policy_nodes.nodes.conversions import to_ns
from policy_nodes.nodes.parameters import contract_topic
from policy_nodes.nodes.qos import LATCHED, RECORD, SENSOR

RESERVED = ("safety_node", "policy_node", "monitor_node", "sim_node", "recorder_node", "fault_node")
SCENE = ("new_episode", "displace_object", "restore_object")
"""Services of the simulated robot that rearrange its objects."""
WARNING = 30
"""Severity of a warning in rcl_interfaces/Log."""


class OperatorError(KeelError):
    """A node did not answer or refused what the operator asked."""


@dataclass(frozen=True)
class StateEvent:
    """One supervisor state as published by the safety node."""

    stamp_ns: int
    state: str
    reason: str = ""
    backup: str = ""
    stop_category: str = ""
    detail: str = ""

    @property
    def news(self) -> tuple[str, ...]:
        """What must change for an event to be news."""
        return self.state, self.reason, self.backup if self.state in ("DEGRADED", "BACKUP") else ""


@dataclass
class View:
    """Newest reports of all nodes; replaced field by field by the receiving thread."""

    state: StateEvent = field(default_factory=lambda: StateEvent(0, ""))
    events: list[StateEvent] = field(default_factory=list)
    episode: str = ""
    episode_index: int = -1
    joint_position: np.ndarray = field(default_factory=lambda: np.zeros(0))
    """(n,) in contract order."""
    joint_velocity: np.ndarray = field(default_factory=lambda: np.zeros(0))
    joint_states: int = 0
    """How many were received."""
    twist: np.ndarray = field(default_factory=lambda: np.zeros(6))
    """(6,) of a walking robot's odometry, linear and angular in its own frame."""
    chunk_arrivals_ns: list[int] = field(default_factory=list)
    diagnostics: dict[str, dict[str, str]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    """``node: text`` of every warning and error that a node logged."""


class Operator:
    """Talks to the nodes of one run from a background thread. Use as a context manager.

    Signals stay with the caller: after Ctrl-C the robot must still be reachable to be disabled.

    Args:
        joints: the contract's joints, in command order.
        joint_states: topic of the joint state, before the namespace is put in front.
        namespace: of the nodes; also put before contract topics.
    """

    def __init__(self, joints: Sequence[str], joint_states: str = "/joint_states", namespace: str = "") -> None:
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        self.view = View()
        self._joints = list(joints)
        self._changed = threading.Condition()
        self._node = node = rclpy.create_node("keel_operator", namespace=namespace)
        measured = contract_topic(joint_states, namespace)
        subscriptions: list[tuple[Any, str, Callable[[Any], None], Any]] = [
            (DiagnosticArray, "safety_node/state", self._on_state, LATCHED),
            (DiagnosticArray, "sim_node/episode", self._on_episode, LATCHED),
            (JointState, measured, self._on_joint_state, SENSOR),
            (JointTrajectory, "policy_node/action_chunk", self._on_chunk, RECORD),
            (DiagnosticArray, "/diagnostics", self._on_diagnostics, RECORD),
            (Log, "/rosout", self._on_log, RECORD),
            (Odometry, contract_topic("/odom", namespace), self._on_odometry, SENSOR),
        ]
        for kind, topic, callback, qos in subscriptions:
            node.create_subscription(kind, topic, guarded(node, callback), qos)
        names = {"enable": (SetBool, "safety_node/enable"), "reset": (Trigger, "safety_node/reset")}
        names["move_home"] = (Trigger, "safety_node/move_home")
        names |= {name: (Trigger, f"sim_node/{name}") for name in SCENE}
        names["corrupt_observation"] = (SetBool, "sim_node/corrupt_observation")
        names["estop"], names["ledger"] = (Trigger, "safety_node/estop"), (Trigger, "fault_node/ledger")
        self._by_service = {name: node.create_client(type_, topic) for name, (type_, topic) in names.items()}
        self._parameters = node.create_client(SetParameters, "fault_node/set_parameters")
        self._twists: Any = None
        self._namespace = namespace
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(node)
        self._thread = threading.Thread(target=self._spin, name="operator", daemon=True)
        self._thread.start()

    def __enter__(self) -> Operator:
        return self

    def __exit__(self, *exception: object) -> None:
        self._executor.shutdown(timeout_sec=1.0)
        self._thread.join(timeout=2.0)
        self._node.destroy_node()
        rclpy.try_shutdown()

    def now_ns(self) -> int:
        """ROS time."""
        return int(self._node.get_clock().now().nanoseconds)

    def foreign_nodes(self, wait_s: float = 1.0) -> list[str]:
        """Names of nodes in this namespace that a new run would collide with; waits for discovery at most so long."""
        deadline = time.monotonic() + wait_s
        namespace = self._node.get_namespace()
        while True:
            there = {name for name, space in self._node.get_node_names_and_namespaces() if space == namespace}
            if there & set(RESERVED) or time.monotonic() > deadline:
                return sorted(there & set(RESERVED))
            time.sleep(0.05)

    def wait_for(
        self, condition: Callable[[View], bool], timeout_s: float, interval: Callable[[], None] | None = None
    ) -> bool:
        """Wait until ``condition`` holds; ``interval`` is called now and then (for example to poll processes)."""
        deadline = time.monotonic() + timeout_s
        while not condition(self.view):
            remaining = deadline - time.monotonic()
            if remaining <= 0.0:
                return False
            with self._changed:
                self._changed.wait(min(remaining, 0.05))
            if interval is not None:
                interval()
        return True

    def pause(self, seconds: float, interval: Callable[[], None] | None = None) -> None:
        """Let time pass; ``interval`` as in :meth:`wait_for`."""
        self.wait_for(lambda view: False, seconds, interval)

    def call(self, name: str, data: bool | None = None, timeout_s: float = 5.0) -> tuple[bool, str]:
        """Call ``enable``, ``reset``, ``move_home``, ``estop``, ``corrupt_observation``, ``ledger`` or a :data:`SCENE`.

        Returns:
            success and message of the answer.

        Raises:
            OperatorError: nobody answers.
        """
        client = self._by_service[name]
        if not client.wait_for_service(timeout_sec=timeout_s):
            raise OperatorError(
                f"service '{client.srv_name}' is not there.", "check that its node runs: see the log directory."
            )
        answer = self._ask(client, Trigger.Request() if data is None else SetBool.Request(data=data), timeout_s)
        return bool(answer.success), str(answer.message)

    def drive(self, topic: str, vx: float, vy: float, wz: float) -> None:
        """Publish one velocity command (m/s, m/s, rad/s) on ``topic``, before the namespace is put in front."""
        if self._twists is None:
            self._twists = self._node.create_publisher(Twist, contract_topic(topic, self._namespace), 1)
        message = Twist()
        message.linear.x, message.linear.y, message.angular.z = float(vx), float(vy), float(wz)
        self._twists.publish(message)

    def inject(self, fault: str, timeout_s: float = 5.0) -> None:
        """Tell ``fault_node`` which stream to corrupt from now on; an empty name ends it.

        Raises:
            OperatorError: nobody answers, or the fault is refused.
        """
        value = ParameterValue(type=ParameterType.PARAMETER_STRING, string_value=fault)
        request = SetParameters.Request(parameters=[Parameter(name="fault", value=value)])
        result = self._ask(self._parameters, request, timeout_s).results[0]
        if not result.successful:
            raise OperatorError(f"fault_node refuses '{fault}': {result.reason}.", "name a fault of a stream.")

    @contextmanager
    def rival(self, topic: str) -> Iterator[None]:
        """A second publisher of the command topic; the block begins when the graph shows it."""
        publisher = self._node.create_publisher(Float64MultiArray, topic, 1)
        try:
            deadline = time.monotonic() + 2.0
            while self._node.count_publishers(topic) < 2 and time.monotonic() < deadline:
                time.sleep(0.005)
            yield
        finally:
            self._node.destroy_publisher(publisher)

    def _ask(self, client: Any, request: Any, timeout_s: float) -> Any:
        future, done = client.call_async(request), threading.Event()
        future.add_done_callback(lambda _: done.set())
        if not done.wait(timeout_s):
            raise OperatorError(
                f"service '{client.srv_name}' did not answer in {timeout_s:g} s.", "check its node's log."
            )
        return future.result()

    def _spin(self) -> None:
        with suppress(ExternalShutdownException):
            self._executor.spin()

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _on_state(self, message: DiagnosticArray) -> None:
        status = message.status[0]
        values = {item.key: item.value for item in status.values}
        keys = ("reason", "backup", "stop_category", "detail")
        event = StateEvent(to_ns(message.header.stamp), status.message, *(values.get(key, "") for key in keys))
        if not self.view.events or self.view.events[-1].news != event.news:
            self.view.events.append(event)
        self.view.state = event
        self._notify()

    def _on_episode(self, message: DiagnosticArray) -> None:
        status = message.status[0]
        self.view.episode_index = int({item.key: item.value for item in status.values}["episode"])
        self.view.episode = status.message
        self._notify()

    def _on_joint_state(self, message: JointState) -> None:
        try:
            sample = joint_sample(self._joints, message, 0)
        except ContractError:
            return  # the safety node names it
        self.view.joint_position, self.view.joint_velocity = sample.position, sample.velocity
        self.view.joint_states += 1
        self._notify()

    def _on_odometry(self, message: Odometry) -> None:
        linear, angular = message.twist.twist.linear, message.twist.twist.angular
        self.view.twist = np.array([linear.x, linear.y, linear.z, angular.x, angular.y, angular.z])
        self._notify()

    def _on_chunk(self, message: JointTrajectory) -> None:
        self.view.chunk_arrivals_ns.append(self.now_ns())

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        own = self._node.get_namespace().strip("/")
        for status in message.status:
            namespace, _, name = status.name.rpartition("/")
            if namespace == own:
                self.view.diagnostics[name] = {item.key: item.value for item in status.values}

    def _on_log(self, message: Log) -> None:
        own = self._node.get_namespace().strip("/").replace("/", ".")
        namespace, _, name = message.name.rpartition(".")
        if message.level >= WARNING and namespace == own and name in RESERVED:
            self.view.warnings.append(f"{name}: {message.msg}")
            self._notify()
