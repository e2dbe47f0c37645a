"""Does live what the catalogue declares, and undoes it: parameters of the relay, signals, load, orders."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from policy_nodes.bundle.load import load_bundle
from policy_nodes.errors import KeelError
from policy_nodes.running.campaign.case import Case, Load, Order, Process, Stall, Stream, Throttle
from policy_nodes.running.campaign.moments import NS
from policy_nodes.running.session import Session

HOG_BYTES = 1 << 30
RIVALS_S = 0.1
"""Period at which the safety node looks at the graph for rivals: part of when one can be known."""
SWAPPED = ("policy.onnx", "safety.yaml")


@contextmanager
def injected(session: Session, case: Case) -> Iterator[list[int]]:
    """The fault is there while the block runs.

    Yields:
        one moment (ns) from which it could be known; 0 where messages show it.
    """
    operator, known = session.operator, [0]
    with ExitStack() as stack:
        match case.inject:
            case Stream():
                pass  # the relay corrupts from the moment it knows the name of the fault
            case Process(node, number):
                os.kill(session.pid(node), number)
                if number == signal.SIGSTOP:
                    stack.callback(os.kill, session.pid(node), signal.SIGCONT)
            case Throttle(node, runs_s, stands_s):
                stack.enter_context(throttled(session.pid(node), runs_s, stands_s))
            case Stall(seconds):
                os.kill(session.pid("safety_node"), signal.SIGSTOP)
                try:
                    operator.pause(seconds)
                finally:
                    known[0] = operator.now_ns()
                    os.kill(session.pid("safety_node"), signal.SIGCONT)
            case Load(kind):
                stack.enter_context(hog(kind))
            case Order("estop"):
                known[0] = operator.now_ns()
                operator.call("estop")
            case Order("disable"):
                known[0] = operator.now_ns()
                operator.call("enable", False)
            case Order("rival"):
                stack.enter_context(operator.rival(session.bundle.manifest.actions.command_topic))
                known[0] = operator.now_ns() + round(RIVALS_S * NS)
            case Order("swap_bundle"):
                stack.enter_context(swapped(session.bundle.path))
        yield known


@contextmanager
def throttled(pid: int, runs_s: float, stands_s: float, kill: Callable[[int, int], None] = os.kill) -> Iterator[None]:
    """Let a process run only a part of the time; it runs freely afterwards."""
    over = threading.Event()

    def alternate() -> None:
        with suppress(ProcessLookupError):
            while True:
                kill(pid, signal.SIGSTOP)
                if over.wait(stands_s):
                    return
                kill(pid, signal.SIGCONT)
                if over.wait(runs_s):
                    return

    thread = threading.Thread(target=alternate, name="throttle", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        with suppress(ProcessLookupError):
            kill(pid, signal.SIGCONT)


@contextmanager
def hog(kind: str) -> Iterator[None]:
    """Foreign processes that take every core (``cpu``) or :data:`HOG_BYTES` of memory (``memory``)."""
    code = {
        "cpu": "while True: pass",
        "memory": f"import time; b = bytearray({HOG_BYTES}); b[::4096] = b'x' * len(b[::4096]); time.sleep(60)",
    }[kind]
    count = (os.cpu_count() or 1) if kind == "cpu" else 1
    processes = [subprocess.Popen([sys.executable, "-I", "-S", "-c", code]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


@contextmanager
def swapped(bundle: Path) -> Iterator[None]:
    """Other files under the running nodes; a new start must refuse them.

    Raises:
        RuntimeError: the damaged bundle was accepted.
    """
    saved = {name: (bundle / name).read_bytes() for name in SWAPPED}
    try:
        for name in SWAPPED:
            (bundle / name).write_bytes(b"swapped" + saved[name][:1000])
        try:
            load_bundle(bundle)
        except KeelError:
            pass
        else:
            raise RuntimeError("a swapped bundle was accepted")
        yield
    finally:
        for name, data in saved.items():
            (bundle / name).write_bytes(data)
