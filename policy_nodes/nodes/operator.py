"""The operator's side of a run as a small API: enable, reset, new episode, faults, and what the nodes report.

Used by ``keel run``; a robot engineer does the same with ``ros2 service call``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool, Trigger
from trajectory_msgs.msg import JointTrajectory

from policy_nodes.errors import KeelError
from policy_nodes.nodes.conversions import to_ns
from policy_nodes.nodes.qos import COMMAND, LATCHED, SENSOR

RESERVED = ("safety_node", "policy_node", "monitor_node", "sim_node")


class OperatorError(KeelError):
    """A node did not answer or refused what the operator asked."""


@dataclass(frozen=True)
class StateEvent:
    """One supervisor state as published by the safety node."""

    stamp_ns: int
    state: str
    reason: str
    backup: str
    stop_category: str


@dataclass
class View:
    """Newest reports of all nodes; replaced field by field by the receiving thread."""

    state: StateEvent = field(default_factory=lambda: StateEvent(0, "", "", "", ""))
    events: list[StateEvent] = field(default_factory=list)
    episode: str = ""
    episode_index: int = -1
    joint_position: np.ndarray = field(default_factory=lambda: np.zeros(0))
    joint_velocity: np.ndarray = field(default_factory=lambda: np.zeros(0))
    chunk_stamps_ns: list[int] = field(default_factory=list)
    chunk_arrivals_ns: list[int] = field(default_factory=list)
    diagnostics: dict[str, dict[str, str]] = field(default_factory=dict)


class Operator:
    """Talks to the nodes of one run from a background thread. Use as a context manager."""

    def __init__(self) -> None:
        rclpy.init(args=[])
        self.view = View()
        self._node = rclpy.create_node("keel_operator")
        self._changed = threading.Condition()
        node = self._node
        node.create_subscription(DiagnosticArray, "/safety_node/state", self._on_state, LATCHED)
        node.create_subscription(DiagnosticArray, "/sim_node/episode", self._on_episode, LATCHED)
        node.create_subscription(JointState, "/joint_states", self._on_joint_state, SENSOR)
        node.create_subscription(JointTrajectory, "/policy_node/action_chunk", self._on_chunk, COMMAND)
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, COMMAND)
        names = {"enable": (SetBool, "/safety_node/enable"), "reset": (Trigger, "/safety_node/reset")}
        names |= {name: (Trigger, f"/sim_node/{name}") for name in ("new_episode", "displace_object")}
        names["corrupt_observation"] = (SetBool, "/sim_node/corrupt_observation")
        self._clients = {name: node.create_client(type_, topic) for name, (type_, topic) in names.items()}
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(node)
        self._thread = threading.Thread(target=self._executor.spin, name="operator", daemon=True)
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
        """Names of nodes already on this domain that a new run would collide with."""
        time.sleep(wait_s)
        return sorted(set(self._node.get_node_names()) & set(RESERVED))

    def wait_for(
        self, condition: Callable[[View], bool], timeout_s: float, interval: Callable[[], None] | None = None
    ) -> bool:
        """Wait until ``condition`` holds; ``interval`` is called now and then (for example to poll processes)."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while not condition(self.view):
                remaining = deadline - time.monotonic()
                if remaining <= 0.0:
                    return False
                self._changed.wait(min(remaining, 0.05))
                if interval is not None:
                    interval()
        return True

    def call(self, name: str, data: bool | None = None, timeout_s: float = 5.0) -> tuple[bool, str]:
        """Call a service: ``enable``, ``reset``, ``new_episode``, ``displace_object`` or ``corrupt_observation``.

        Returns:
            success and message of the answer.

        Raises:
            OperatorError: nobody answers.
        """
        client = self._clients[name]
        if not client.wait_for_service(timeout_sec=timeout_s):
            raise OperatorError(
                f"service '{client.srv_name}' is not there.", "check that its node runs: see the log directory."
            )
        request = Trigger.Request() if data is None else SetBool.Request(data=data)
        future, done = client.call_async(request), threading.Event()
        future.add_done_callback(lambda _: done.set())
        if not done.wait(timeout_s):
            raise OperatorError(
                f"service '{client.srv_name}' did not answer in {timeout_s:g} s.", "check its node's log."
            )
        answer = future.result()
        return bool(answer.success), str(answer.message)

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _on_state(self, message: DiagnosticArray) -> None:
        status = message.status[0]
        values = {item.key: item.value for item in status.values}
        event = StateEvent(
            to_ns(message.header.stamp),
            status.message,
            values.get("reason", ""),
            values.get("backup", ""),
            values.get("stop_category", ""),
        )
        last = self.view.events[-1] if self.view.events else None
        if last is None or (last.state, last.reason, last.backup) != (event.state, event.reason, event.backup):
            self.view.events.append(event)
        self.view.state = event
        self._notify()

    def _on_episode(self, message: DiagnosticArray) -> None:
        status = message.status[0]
        self.view.episode_index = int(next(item.value for item in status.values if item.key == "episode"))
        self.view.episode = status.message
        self._notify()

    def _on_joint_state(self, message: JointState) -> None:
        self.view.joint_position = np.asarray(message.position)
        self.view.joint_velocity = np.asarray(message.velocity)
        self._notify()

    def _on_chunk(self, message: JointTrajectory) -> None:
        self.view.chunk_stamps_ns.append(to_ns(message.header.stamp))
        self.view.chunk_arrivals_ns.append(self.now_ns())

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self.view.diagnostics[status.name] = {item.key: item.value for item in status.values}
