"""Whether a trial says something about the fault, or only that the machine was too slow for a live graph.

Two witnesses, neither of them the safety node: a process that wants to run every 4 ms (:mod:`.stall_watch`), and the
relay's record of streams that the fault does not touch. Without a witness a wrong reason stays a failed trial.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from policy_nodes.launching.priority import prefer, schedule_real_time
from policy_nodes.running.campaign.case import Case, Process, Throttle
from policy_nodes.running.campaign.ledger import Ledger, largest_gap_s
from policy_nodes.running.campaign.moments import NS

OF_TIME = ("joint_state_stale", "observation_stale", "chunk_exhausted", "monitor_lost", "clock_jump")
"""Reasons for which a starved machine stops the robot."""
GAP_SHARE = 0.5
"""A stream nobody touched that was silent for this share of its limit shows that its source was starved."""


class StallWatch:
    """Stalls of the machine. Use as a context manager.

    Args:
        priority: SCHED_RR priority of the witness, 0 for none.
    """

    def __init__(self, priority: int) -> None:
        script = Path(__file__).with_name("stall_watch.py")
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(script)], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        prefer(self._process.pid)
        if priority:
            schedule_real_time(self._process.pid, priority)
        self._stalls: list[tuple[int, int]] = []
        self._thread = threading.Thread(target=self._read, name="stalls", daemon=True)
        self._thread.start()

    def __enter__(self) -> StallWatch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._thread.join(timeout=1.0)
        if self._process.stdout is not None and not self._thread.is_alive():
            self._process.stdout.close()

    def longest_s(self, since_ns: int, until_ns: int) -> float:
        """Longest stall that overlaps a window, s."""
        return longest_s(list(self._stalls), since_ns, until_ns)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            first, last = line.split()
            self._stalls.append((int(first), int(last)))


def longest_s(stalls: Sequence[tuple[int, int]], since_ns: int, until_ns: int) -> float:
    """Longest stall that overlaps a window, s."""
    return max((last - first for first, last in stalls if first < until_ns and last > since_ns), default=0) / NS


def untouched(case: Case, sources: Sequence[str]) -> list[str]:
    """Periodic streams that a fault leaves alone; none where it touches the simulated robot as a whole."""
    if isinstance(case.inject, Process | Throttle) and case.inject.node == "sim_node":
        return []
    periodic = [source for source in sources if source.partition("/")[0] in ("joints", "objects", "imu")]
    return [source for source in periodic if source.partition("/")[0] != case.stream]


def starved(
    case: Case, ledger: Ledger, max_age_ns: Mapping[str, int], stalled_s: float, since_ns: int, until_ns: int
) -> str:
    """In words, what shows that the machine starved the graph in a window; empty when nothing does.

    Args:
        case: the fault; what it does itself is no evidence.
        ledger: of the relay.
        max_age_ns: by source, its limit.
        stalled_s: longest stall of the machine in the window.
        since_ns: begin of the window.
        until_ns: end of the window.
    """
    shortest = min((age for age in max_age_ns.values() if age > 0), default=0) / NS
    if shortest and stalled_s > GAP_SHARE * shortest:
        return f"the machine stood still for {1e3 * stalled_s:.0f} ms"
    for source in untouched(case, list(ledger.records)):
        limit = max_age_ns.get(source, 0) / NS
        gap = largest_gap_s(ledger.records[source], since_ns, until_ns)
        if limit and gap > GAP_SHARE * limit:
            return f"{source} came {1e3 * gap:.0f} ms apart without being touched"
    return ""
