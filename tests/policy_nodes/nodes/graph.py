"""Node processes of a test, the operator who talks to them, and a spy on the command topic."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from rclpy.node import Node
from std_msgs.msg import Float64MultiArray
from typing_extensions import Self

from policy_nodes.launching.priority import prefer
from policy_nodes.nodes.operator import Operator
from policy_nodes.nodes.qos import RECORD
from tests.policy_nodes.bundle_fixture import JOINTS
from tests.policy_nodes.nodes.scripted_robot import HOME

COMMANDS = "/joint_group_position_controller/commands"
SIMULATOR = "tests.policy_nodes.nodes.scripted_robot:ScriptedRobot"
FAR = 0.7
"""Distance (rad) from home from which the simulator is started anew, so that no test begins near a limit."""
ROOT = Path(__file__).parents[3]


def node_command(name: str, *arguments: str, **parameters: object) -> list[str]:
    """Command line of a node with parameters."""
    given = [text for key, value in parameters.items() for text in ("-p", f"{key}:={value}")]
    return [sys.executable, "-m", "policy_nodes.nodes._entry", name, "--ros-args", *given, *arguments]


class Processes:
    """sim_node, policy_node and safety_node on the test's own domain. Use as a context manager.

    Args:
        bundle: that they run.
        logs: directory for their output.
        namespace: of all nodes.
        common: further parameters of every node.
    """

    def __init__(
        self, bundle: Path, logs: Path, namespace: str = "", common: Mapping[str, object] | None = None
    ) -> None:
        prefix = namespace or "''"
        space = ("-r", f"__ns:=/{namespace}") if namespace else ()
        everywhere = {"topic_prefix": prefix, **(common or {})}
        robot = {"simulator": SIMULATOR, "command_topic": COMMANDS, **everywhere}
        self._commands = {"sim_node": node_command("sim_node", *space, **robot)}
        self._commands |= {
            name: node_command(name, *space, bundle=bundle, **everywhere) for name in ("policy_node", "safety_node")
        }
        self._logs = logs
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.topic = f"/{namespace}{COMMANDS}" if namespace else COMMANDS

    def __enter__(self) -> Self:
        for name in self._commands:
            self.start(name)
        return self

    def __exit__(self, *exception: object) -> None:
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=10)

    def start(self, name: str) -> None:
        """Start a node unless it runs."""
        if name in self.processes and self.processes[name].poll() is None:
            return
        with (self._logs / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                self._commands[name], stdout=log, stderr=log, cwd=ROOT, start_new_session=True
            )
        prefer(self.processes[name].pid)  # tests of a live graph say nothing on a starved machine

    def log(self, name: str) -> str:
        """Everything that a node has said."""
        return (self._logs / f"{name}.log").read_text()

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        """Signal a node and wait for its end; returns its exit code."""
        self.processes[name].send_signal(number)
        return self.processes[name].wait(timeout=10)


class Graph(Processes):
    """The processes, an operator in this process, and a spy on the command topic."""

    def __init__(
        self, bundle: Path, logs: Path, namespace: str = "", common: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(bundle, logs, namespace, common)
        self.operator = Operator(JOINTS, "/joint_states", namespace)
        self.commands: list[tuple[float, np.ndarray]] = []
        self.spy = Node("spy")
        self.spy.create_subscription(Float64MultiArray, self.topic, self._on_command, RECORD)
        self.operator._executor.add_node(self.spy)

    def __exit__(self, *exception: object) -> None:
        super().__exit__()
        self.spy.destroy_node()
        self.operator.__exit__()

    def _on_command(self, message: Float64MultiArray) -> None:
        self.commands.append((time.monotonic(), np.asarray(message.data)))

    def until(self, condition: Callable[[], object], timeout_s: float = 10.0) -> bool:
        """Wait for a condition."""
        return self.operator.wait_for(lambda view: bool(condition()), timeout_s)

    def falls_silent(self, quiet_s: float = 0.3, timeout_s: float = 5.0) -> bool:
        """Wait until no command has arrived for ``quiet_s``; False if they keep coming."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            count = len(self.commands)
            time.sleep(quiet_s)
            if len(self.commands) == count:
                return True
        return False

    def state(self) -> str:
        """Present supervisor state."""
        return self.operator.view.state.state

    def reach(self, *states: str, timeout_s: float = 10.0) -> str:
        """Wait for a state and return its reason."""
        assert self.until(lambda: self.state() in states, timeout_s), (
            self.operator.view.state,
            self.log("safety_node"),
        )
        return self.operator.view.state.reason

    def ready(self) -> None:
        """Whatever happened before: every node runs, no fault is injected, READY."""
        position = self.operator.view.joint_position
        if position.size and np.abs(position - HOME).max() > FAR:
            self.kill("sim_node", signal.SIGINT)  # a clean leave: nobody calls a service of the dead
        for name in self._commands:
            self.start(name)
        self.operator.call("corrupt_observation", False, timeout_s=15.0)
        assert self.until(lambda: self.state() in ("READY", "STOPPED", "ACTIVE"), 15.0), self.log("safety_node")
        self.operator.call("enable", False)
        self.reach("READY", "STOPPED")
        self.insist(lambda: self.operator.call("reset")[0] or self.state() == "READY")
        self.reach("READY")

    def insist(self, action: Callable[[], bool], timeout_s: float = 8.0) -> None:
        """Repeat an action until it succeeds."""
        end = time.monotonic() + timeout_s
        while not action():
            assert time.monotonic() < end, self.operator.view.state
            time.sleep(0.1)

    def enable(self) -> None:
        """Enable, and wait until commands flow."""
        self.commands.clear()
        self.insist(lambda: self.operator.call("enable", True)[0])
        self.reach("ACTIVE")
        assert self.until(lambda: len(self.commands) > 20, 5.0)

    def recorded(self) -> np.ndarray:
        """(N, 8) commands since the last enabling."""
        return np.array([command for _, command in list(self.commands)])
