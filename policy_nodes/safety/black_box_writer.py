"""Writes the black box when the robot has stopped, in a thread of its own: the control loop never waits for a disk."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from policy_nodes.errors import KeelError
from policy_nodes.safety.black_box import BlackBox, Snapshot
from policy_nodes.safety.black_box_file import write_black_box
from policy_nodes.safety.decision import Decision
from policy_nodes.safety.supervisor import State


class BlackBoxWriter:
    """Watches decisions; on every entry into STOPPED the recorder's snapshot goes to a file.

    Args:
        box: of the governor.
        directory: of the files.
        report: logs one line.
    """

    def __init__(self, box: BlackBox, directory: Path, report: Callable[[str], object]) -> None:
        self._box, self._directory, self._report = box, directory, report
        self._state = State.INIT
        self._threads: list[threading.Thread] = []

    def watch(self, decision: Decision) -> None:
        """Take the decision of a tick."""
        before, self._state = self._state, decision.state
        if decision.state is not State.STOPPED or before is State.STOPPED or not self._box.keeps:
            return
        snapshot = self._box.snapshot()
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(target=self._write, args=(snapshot,), name="black box", daemon=True)
        thread.start()
        self._threads.append(thread)

    def close(self, timeout_s: float = 5.0) -> None:
        """Wait for the files that are being written."""
        for thread in self._threads:
            thread.join(timeout_s)

    def _write(self, snapshot: Snapshot) -> None:
        try:
            self._report(f"black box written to {write_black_box(snapshot, self._directory)}")
        except KeelError as error:
            self._report(f"{error.cause} Fix: {error.fix}")
        except Exception as error:
            self._report(f"the black box was not written: {type(error).__name__}: {error}")
