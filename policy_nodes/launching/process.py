"""One launched process in a process group of its own, with its output prefixed and logged."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from policy_nodes.launching.errors import LaunchError
from policy_nodes.launching.model import NodeProcess

_CONSOLE = threading.Lock()
_TAIL_LINES = 20


@dataclass
class Process:
    """A running or ended process.

    Attributes:
        name: its key.
        pid: process id, which is its process group's id too.
        popen: the process object.
        tail: last lines of its output.
    """

    name: str
    pid: int
    popen: subprocess.Popen[bytes]
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=_TAIL_LINES))
    pump: threading.Thread | None = None

    @property
    def returncode(self) -> int | None:
        """Exit code, negative for a signal, None while it runs."""
        return self.popen.poll()

    def send(self, number: int) -> None:
        """Send a signal to the whole group and wake it if it is stopped."""
        for item in (number, signal.SIGCONT):
            try:
                os.killpg(self.pid, item)
            except (ProcessLookupError, PermissionError):
                return


def say(prefix: str, line: str) -> None:
    """Print one prefixed line, whole; a closed console is not an error."""
    with _CONSOLE, contextlib.suppress(OSError, ValueError):
        sys.stdout.write(f"[{prefix}] {line}\n")  # one write: print() writes its newline apart
        sys.stdout.flush()


def _pump(process: Process, source: IO[bytes], log: IO[str] | None, screen: bool) -> None:
    try:
        for raw in iter(source.readline, b""):
            line = raw.decode("utf-8", "replace").rstrip("\n")
            process.tail.append(line)
            if log is not None:
                with contextlib.suppress(OSError):  # a full disk must not end a node: its output is read on
                    log.write(line + "\n")
                    log.flush()
            if screen:
                say(process.name, line)
    finally:
        source.close()
        if log is not None:
            with contextlib.suppress(OSError):
                log.close()


def start_process(node: NodeProcess, env: Mapping[str, str], log_dir: Path | None) -> Process:
    """Start a process in its own session, so that a terminal's Ctrl-C reaches only the launcher.

    Args:
        node: what to run.
        env: environment.
        log_dir: directory for ``NAME.log``, appended to; None logs nowhere, and then everything goes to the console.

    Raises:
        LaunchError: the executable cannot be started or the log cannot be written.
    """
    log = None
    try:
        if log_dir is not None:
            log_dir.mkdir(parents=True, exist_ok=True)
            log = open(log_dir / f"{node.name.strip('/').replace('/', '_')}.log", "a", encoding="utf-8")  # noqa: SIM115
        popen = subprocess.Popen(
            node.command,
            env={**env, **node.env, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        if log is not None:
            log.close()
        raise LaunchError(
            f"cannot start '{node.name}' ({node.command[0]}): {error}", "Check the installation."
        ) from error
    process = Process(node.name, popen.pid, popen)
    assert popen.stdout is not None
    screen = node.output != "log" or log is None
    process.pump = threading.Thread(
        target=_pump, args=(process, popen.stdout, log, screen), name=f"output of {node.name}", daemon=True
    )
    process.pump.start()
    return process


def start_guardian() -> subprocess.Popen[bytes]:
    """Start the guardian (see `guardian`) in a session of its own.

    Raises:
        LaunchError: it cannot be started.
    """
    script = Path(__file__).with_name("guardian.py")
    try:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise LaunchError(f"cannot start the process guardian: {error}", "Check the installation.") from error
