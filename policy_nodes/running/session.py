"""A live run: the launched processes and the operator who talks to them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from policy_nodes.bundle.load import Bundle
from policy_nodes.errors import KeelError
from policy_nodes.launching import LaunchRunner, Process
from policy_nodes.launching.priority import NICE
from policy_nodes.nodes.contract_topics import joint_state_topic
from policy_nodes.nodes.operator import Operator

READY_TIMEOUT_S = 30.0
REST_TIMEOUT_S = 5.0
SHUTDOWN_S = 8.0
HOME_TIMEOUT_S = 15.0
MOVING = ("ACTIVE", "DEGRADED", "BACKUP")


class RunError(KeelError):
    """The nodes of a run did not come up, or one of them ended."""


@dataclass
class Session:
    """One live run."""

    bundle: Bundle
    runner: LaunchRunner
    operator: Operator
    log_directory: Path
    on_news: Callable[[Session], None] = lambda session: None
    """Called now and then during every wait."""

    def pid(self, name: str) -> int:
        """Process id of a node."""
        return self.runner.processes[name].pid

    def check_processes(self) -> None:
        """Raise RunError when a node has ended by itself; names it, its last words and its log."""
        self.on_news(self)
        for name, process in self.runner.processes.items():
            if process.returncode is not None:
                raise RunError(
                    f"node '{name}' ended with {ending(process.returncode)}{last_words(process)}.",
                    f"remove the cause; its log is {self.log_directory / name}.log",
                )

    def wait_state(self, *states: str, timeout_s: float) -> bool:
        """Wait until the supervisor is in one of ``states``."""
        return self.operator.wait_for(lambda view: view.state.state in states, timeout_s, self.check_processes)

    def require_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Wait for READY after start.

        Raises:
            RunError: it is not reached in time; names the state and its reason.
        """
        if not self.wait_state("READY", timeout_s=timeout_s):
            raise RunError(
                f"after {timeout_s:g} s the safety node is not READY: {self.waiting_for()}.",
                f"check that the robot publishes the contract's topics; logs are in {self.log_directory}.",
            )

    def waiting_for(self) -> str:
        """What keeps the safety node from READY, in words."""
        view = self.operator.view
        values = view.diagnostics.get("safety_node", {})
        obstacles, detail = values.get("obstacles", ""), values.get("detail", "")
        never = [
            key.partition("/")[2] for key, value in values.items() if key.startswith("age_s/") and value == "never"
        ]
        silent = f"never received: {', '.join(never)}" if never else ""
        state = " ".join(part for part in (view.state.state, view.state.reason) if part) or "not heard yet"
        return "; ".join(part for part in (state, obstacles, detail, silent) if part)

    def enable(self, timeout_s: float = 5.0) -> None:
        """Enable motion, retrying while the signals settle.

        Raises:
            RunError: the safety node keeps refusing; its message names what is missing.
        """
        self._insist("enable", True, timeout_s)

    def disable(self) -> None:
        """Bring the robot to rest and wait for READY.

        Raises:
            RunError: it does not come to rest.
        """
        self.operator.call("enable", False)
        if not self.wait_state("READY", timeout_s=REST_TIMEOUT_S):
            raise RunError("the robot did not come to rest after it was disabled.", f"read {self.log_directory}.")

    def reset(self, timeout_s: float = 5.0) -> None:
        """Acknowledge a latched stop, retrying while its cause fades.

        Raises:
            RunError: refused for the whole time.
        """
        self._insist("reset", None, timeout_s)

    def move_home(self, timeout_s: float = HOME_TIMEOUT_S) -> bool:
        """Send the robot home and wait until it is READY there; False where it is refused or ended on the way.

        Raises:
            OperatorError: the safety node does not answer.
        """
        seen = len(self.operator.view.events)
        if not self.operator.call("move_home")[0]:
            return False
        self.operator.wait_for(lambda view: len(view.events) > seen, 1.0, self.check_processes)
        return self.wait_state("READY", "STOPPED", timeout_s=timeout_s) and self.operator.view.state.state == "READY"

    def rest(self) -> None:
        """Bring a moving robot to rest while every node still runs; never raises KeelError."""
        if self.operator.view.state.state in MOVING:
            with suppress(KeelError):
                self.operator.call("enable", False, timeout_s=1.0)
                self.operator.wait_for(lambda view: view.state.state not in MOVING, REST_TIMEOUT_S)
                self.on_news(self)

    def _insist(self, service: str, data: bool | None, timeout_s: float) -> None:
        deadline = self.operator.now_ns() + round(timeout_s * 1e9)
        while True:
            accepted, message = self.operator.call(service, data)
            if accepted:
                return
            if self.operator.now_ns() > deadline:
                raise RunError(f"the safety node refuses '{service}': {message}", "remove the named cause.")
            self.operator.pause(0.1, self.check_processes)


def ending(code: int) -> str:
    """Exit code or signal of a process, in words."""
    return f"exit code {code}" if code >= 0 else f"signal {-code}"


def last_words(process: Process, lines: int = 3) -> str:
    """The end of a process's output, to be put after a sentence; empty when it said nothing."""
    said = [line.strip() for line in list(process.tail)[-lines:] if line.strip()]
    return f" ({' | '.join(said)})" if said else ""


@contextmanager
def open_session(
    bundle: Bundle, launch_file: Path, arguments: Mapping[str, str], logs: Path, namespace: str = ""
) -> Iterator[Session]:
    """Launch the nodes and connect the operator; everything is gone when the block is left, however it is left.

    The nodes run before ordinary work where the system permits it (root, CAP_SYS_NICE, an RLIMIT_NICE): they control a
    robot. A robot in motion is brought to rest before the first node is told to end.

    Raises:
        RunError: nodes of another run are in this namespace of the domain.
        LaunchError: the launch file or an argument is wrong.
    """
    manifest = bundle.manifest
    with Operator(manifest.actions.joints, joint_state_topic(manifest), namespace) as operator:
        if foreign := operator.foreign_nodes():
            domain = os.environ.get("ROS_DOMAIN_ID", "").strip() or "0"
            raise RunError(
                f"ROS domain {domain} is in use: {', '.join(foreign)} already run there.",
                "stop them, or choose another domain with --domain.",
            )
        logs.mkdir(parents=True, exist_ok=True)
        runner = LaunchRunner(launch_file, arguments, log_dir=logs, nice=NICE)
        session = Session(bundle, runner, operator, logs)
        try:
            runner.start()
            yield session
        finally:
            try:
                session.rest()
            finally:
                runner.shutdown(timeout_s=SHUTDOWN_S)
