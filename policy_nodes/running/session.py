"""A live run: the launched processes and the operator who talks to them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from policy_nodes.bundle.load import Bundle
from policy_nodes.errors import KeelError
from policy_nodes.launching import LaunchRunner
from policy_nodes.nodes.operator import Operator

READY_TIMEOUT_S = 30.0


class RunError(KeelError):
    """The nodes of a run did not come up, or one of them ended."""


@dataclass
class Session:
    """One live run."""

    bundle: Bundle
    runner: LaunchRunner
    operator: Operator
    log_directory: Path

    def pid(self, name: str) -> int:
        """Process id of a node."""
        return self.runner.processes[name].pid

    def check_processes(self) -> None:
        """Raise RunError when a node has ended by itself."""
        self.runner.poll()
        for name, process in self.runner.processes.items():
            code = process.popen.poll()
            if code is not None:
                raise RunError(f"node '{name}' ended with exit code {code}.", f"read {self.log_directory / name}.log.")

    def wait_state(self, *states: str, timeout_s: float) -> bool:
        """Wait until the supervisor is in one of ``states``."""
        return self.operator.wait_for(lambda view: view.state.state in states, timeout_s, self.check_processes)

    def require_ready(self) -> None:
        """Wait for READY after start.

        Raises:
            RunError: it is not reached in time; names the state and its reason.
        """
        if not self.wait_state("READY", timeout_s=READY_TIMEOUT_S):
            state = self.operator.view.state
            raise RunError(
                f"the safety node is in '{state.state or 'no state'}' ({state.reason or 'no reason'}), not READY.",
                f"check that the robot publishes the contract's topics; logs are in {self.log_directory}.",
            )

    def enable(self, timeout_s: float = 5.0) -> None:
        """Enable motion, retrying while the signals settle.

        Raises:
            RunError: the safety node keeps refusing; its message names what is missing.
        """
        self._insist("enable", True, timeout_s)

    def disable(self) -> None:
        """Bring the robot to rest and wait for READY."""
        self.operator.call("enable", False)
        if not self.wait_state("READY", timeout_s=5.0):
            raise RunError("the robot did not come to rest after it was disabled.", f"read {self.log_directory}.")

    def reset(self, timeout_s: float = 5.0) -> None:
        """Acknowledge a latched stop, retrying while its cause fades.

        Raises:
            RunError: refused for the whole time.
        """
        self._insist("reset", None, timeout_s)

    def _insist(self, service: str, data: bool | None, timeout_s: float) -> None:
        deadline = self.operator.now_ns() + round(timeout_s * 1e9)
        while True:
            accepted, message = self.operator.call(service, data)
            if accepted:
                return
            if self.operator.now_ns() > deadline:
                raise RunError(f"the safety node refuses '{service}': {message}", "remove the named cause.")
            self.operator.wait_for(lambda view: False, 0.1, self.check_processes)


@contextmanager
def open_session(bundle: Bundle, launch_file: Path, arguments: Mapping[str, str], logs: Path) -> Iterator[Session]:
    """Launch the nodes and connect the operator; everything is gone when the block is left, however it is left.

    Raises:
        RunError: nodes of another run are on this domain.
        LaunchError: the launch file or an argument is wrong.
    """
    with Operator() as operator:
        foreign = operator.foreign_nodes()
        if foreign:
            domain = os.environ.get("ROS_DOMAIN_ID", "0")
            raise RunError(
                f"ROS domain {domain} is in use: {', '.join(foreign)} already run there.",
                "stop them, or choose another domain with --domain.",
            )
        logs.mkdir(parents=True, exist_ok=True)
        runner = LaunchRunner(launch_file, arguments, log_dir=logs)
        try:
            runner.start()
            yield Session(bundle, runner, operator, logs)
        finally:
            runner.shutdown(timeout_s=8.0)
