"""Shared test set-up: one ROS stack for the whole run, a DDS domain of its own, and no child left behind."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from policy_nodes.errors import KeelError

_DOMAIN_LOCK_PORT = 22119  # + domain id, held while the domain is in use (the convention of ROS 2's domain_coordinator)
_children: list[subprocess.Popen[str]] = []


def _reserve_domain() -> int:
    """Find a DDS domain no other test process uses, and keep it until this process ends.

    The lock is a bare file descriptor: nothing else closes it in processes that only import this module or are forked.
    """
    for domain in range(1, 101):
        lock = socket.socket()
        try:
            lock.bind(("127.0.0.1", _DOMAIN_LOCK_PORT + domain))
        except OSError:
            lock.close()
            continue
        lock.detach()
        return domain
    raise RuntimeError("no free DDS domain between 1 and 100")


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a background job; tests send Ctrl-C to their children
    signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ["ROS_DOMAIN_ID"] = str(_reserve_domain())
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
os.environ.setdefault("KEEL_QUIET", "1")

collect_ignore: list[str] = []
try:
    from policy_nodes.rosless.activate import ensure_ros  # only this decides whether the layer itself is imported

    if ensure_ros() == "rclpy" and importlib.util.find_spec("cyclonedds") is None:
        collect_ignore = ["policy_nodes/rosless"]  # unit tests of the layer, which a robot does not need
except KeelError as error:  # no ROS 2 and no cyclonedds for this platform: everything else can still be tested
    if os.environ.get("KEEL_REQUIRE_ROS", "") not in ("", "0"):
        raise pytest.UsageError(str(error)) from None
    print(f"tests that need ROS are left out: {error}", file=sys.stderr)
    collect_ignore = ["conformance", "policy_nodes/nodes", "policy_nodes/rosless", "policy_nodes/launching"]


_LIVE = (
    "conformance", "e2e", "launch", "policy_nodes/cli", "policy_nodes/commands", "policy_nodes/launching",
    "policy_nodes/nodes", "policy_nodes/realtime", "policy_nodes/rosless", "policy_nodes/running",
)  # fmt: skip
"""Folders whose tests talk over DDS, start processes or wait for the clock: beside other tests they would starve."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark ``live`` by folder, before ``-m`` is applied; what is marked ``pure`` stays in the parallel half."""
    root = Path(__file__).parent
    for item in items:
        folder = item.path.relative_to(root).as_posix() if item.path.is_relative_to(root) else ""
        if folder.startswith(tuple(f"{name}/" for name in _LIVE)) and item.get_closest_marker("pure") is None:
            item.add_marker(pytest.mark.live)


@pytest.fixture
def run_python() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start ``python -c code`` in its own process group; whatever is left of it is killed after the test."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str, *args: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", code, *args],
            env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        _children.append(process)
        return process

    yield start
    for process in started:
        _kill_group(process)


def _kill_group(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # the group outlives its leader when a grandchild still runs
    process.wait(timeout=10)
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def pytest_sessionfinish() -> None:
    for process in _children:
        if process.poll() is None:
            _kill_group(process)
