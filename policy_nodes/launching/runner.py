"""Runs a launch file's nodes as child processes that never outlive the runner."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from policy_nodes.launching.description import resolve
from policy_nodes.launching.errors import LaunchError
from policy_nodes.launching.interrupts import deferred_interrupts
from policy_nodes.launching.model import NodeProcess
from policy_nodes.launching.priority import prefer
from policy_nodes.launching.process import Process, say, start_guardian, start_process

_TERMINATE_S = 2.0
_KILL_S = 2.0
_POLL_S = 0.02


def _unique(nodes: list[NodeProcess]) -> dict[str, NodeProcess]:
    keyed: dict[str, NodeProcess] = {}
    for node in nodes:
        key, count = node.name, 1
        while key in keyed:
            count += 1
            key = f"{node.name}-{count}"
        keyed[key] = replace(node, name=key)  # the log and the console must tell them apart too
    return keyed


class LaunchRunner:
    """The processes of one launch file. Usable as a context manager; leaving it shuts everything down.

    Args:
        path: ``*.launch.yaml`` file.
        arguments: values of its arguments, all text.
        env: environment of the processes and of ``$(env ...)``; by default this process's.
        log_dir: directory that receives ``NAME.log`` for each process.
        nice: weight of the processes against others, where the system permits it; None leaves it alone.

    Raises:
        LaunchError: file, argument, substitution or executable is missing or wrong; nothing has been started then.
    """

    def __init__(
        self,
        path: str | Path,
        arguments: Mapping[str, str],
        *,
        env: Mapping[str, str] | None = None,
        log_dir: str | Path | None = None,
        nice: int | None = None,
    ) -> None:
        self._env = dict(os.environ if env is None else env)
        self._log_dir = Path(log_dir) if log_dir is not None else None
        self._nodes = _unique(resolve(path, arguments, self._env))
        self._nice = nice
        self._guardian: subprocess.Popen[bytes] | None = None
        self._respawn_at: dict[str, float] = {}
        self._reported: set[int] = set()
        self._ending = False
        self.processes: dict[str, Process] = {}

    def start(self) -> None:
        """Start every process in the file's order; if one fails, the others are ended again.

        Raises:
            LaunchError: a process cannot be started, or the runner was started before.
        """
        if self._guardian is not None or self._ending:
            raise LaunchError("this launch was started before.", "Make a new LaunchRunner.")
        atexit.register(self.shutdown)
        try:
            with deferred_interrupts():
                self._guardian = start_guardian()
            for name in self._nodes:
                self._spawn(name)
        except BaseException:
            self.shutdown()
            raise

    def _spawn(self, name: str) -> None:
        with deferred_interrupts():
            process = start_process(self._nodes[name], self._env, self._log_dir)
            self.processes[name] = process
            self._tell_guardian("+", process)
        if self._nice is not None:
            prefer(process.pid, self._nice)
        say("launch", f"{name}: started with pid {process.pid}")

    def _tell_guardian(self, sign: str, process: Process) -> None:
        if self._guardian is not None and self._guardian.stdin is not None:
            with contextlib.suppress(OSError, ValueError):
                self._guardian.stdin.write(f"{sign}{process.pid}\n".encode())
                self._guardian.stdin.flush()

    def poll(self) -> dict[str, int]:
        """Look after the processes: report ends, start again what is to respawn. Call it every second or faster.

        Returns:
            name to exit code of the processes that ended since the last call and stay ended.
        """
        ended: dict[str, int] = {}
        for name, process in list(self.processes.items()):
            code = process.returncode
            if code is None or process.pid in self._reported:
                continue
            self._reported.add(process.pid)
            self._end_group(process)
            node = self._nodes[name]
            say("launch", f"{name}: ended with {_spoken(code)}")
            if code and node.output == "log" and self._log_dir is not None:
                for line in process.tail:
                    say(name, line)
            if node.respawn and not self._ending:
                self._respawn_at[name] = time.monotonic() + node.respawn_delay
            else:
                ended[name] = code
        for name, due in list(self._respawn_at.items()):
            if not self._ending and time.monotonic() >= due:
                del self._respawn_at[name]
                self._spawn(name)
        return ended

    def restart(self, name: str) -> None:
        """Start a process anew under its name; ended first if it still runs.

        Raises:
            LaunchError: it cannot be started.
        """
        process = self.processes[name]
        process.send(signal.SIGKILL)
        process.popen.wait()
        self._reported.add(process.pid)
        self._end_group(process)
        self._respawn_at.pop(name, None)
        self._spawn(name)

    @property
    def running(self) -> bool:
        """Whether a process runs or waits to be started again."""
        return bool(self._respawn_at) or any(item.returncode is None for item in self.processes.values())

    def shutdown(self, timeout_s: float = 5.0) -> dict[str, int]:
        """End every process: SIGINT, after ``timeout_s`` SIGTERM, then SIGKILL. May be called again and at any time.

        A Ctrl-C during the shutdown moves on to the next, harder signal and is raised once everything has ended.

        Returns:
            name to exit code of every process.
        """
        self._ending = True
        self._respawn_at.clear()
        interrupted = False
        for number, patience in ((signal.SIGINT, timeout_s), (signal.SIGTERM, _TERMINATE_S), (signal.SIGKILL, _KILL_S)):
            try:
                for process in self.processes.values():
                    if process.returncode is None:
                        process.send(number)
                if self._wait(patience):
                    break
            except KeyboardInterrupt:
                interrupted = True
        while True:
            try:
                self._finish()
                break
            except KeyboardInterrupt:
                interrupted = True
        if interrupted:
            raise KeyboardInterrupt
        return {name: process.returncode or 0 for name, process in self.processes.items()}

    def _wait(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while any(process.returncode is None for process in self.processes.values()):
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_S)
        return True

    def _end_group(self, process: Process) -> None:
        """Kill what an ended process left behind in its group, and forget the group."""
        process.send(signal.SIGKILL)
        self._tell_guardian("-", process)
        if process.pump is not None:
            process.pump.join(timeout=1.0)

    def _finish(self) -> None:
        for process in self.processes.values():
            self._end_group(process)
        if self._guardian is not None and self._guardian.stdin is not None:
            with contextlib.suppress(OSError):
                self._guardian.stdin.close()  # its list is empty: it just ends
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._guardian.wait(timeout=2.0)
        atexit.unregister(self.shutdown)

    def __enter__(self) -> LaunchRunner:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()


def _spoken(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
