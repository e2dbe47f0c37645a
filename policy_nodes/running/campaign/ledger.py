"""What the relay delivered around one trial: which messages, when, and the commands that the safety node sent.

It is kept by ``fault_node``, travels as JSON, and is all that a verdict needs beside the supervisor's states.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from policy_nodes.running.campaign.moments import NS, Record

BEFORE_NS = NS
"""How much of what came before the trial is kept: the newest good messages and the commands of the hand-over."""
MOST = 20_000
"""Records per source and trial; a flood fills no memory."""


@dataclass
class Ledger:
    """Deliveries by source, and commands.

    Attributes:
        records: by source (``joints``, ``objects/TERM``, ``imu``, ``drive``, ``chunks``, ``alarms``), in order.
        commands: arrival (ns) and values, as the safety node sent them.
        apart_ns: first moment at which command and measurement were further apart than allowed, 0 for never.
    """

    records: dict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))
    commands: list[tuple[int, list[float]]] = field(default_factory=list)
    apart_ns: int = 0

    def begin(self, now_ns: int) -> None:
        """A trial begins: forget what is old."""
        since = now_ns - BEFORE_NS
        for rows in self.records.values():
            rows[:] = [row for row in rows if row.arrival_ns >= since]
        self.commands[:] = [row for row in self.commands if row[0] >= since]
        self.apart_ns = 0

    def note(self, source: str, record: Record) -> None:
        """Remember a delivery."""
        rows = self.records[source]
        rows.append(record)
        if len(rows) > MOST:
            del rows[: MOST // 4]

    def command(self, now_ns: int, values: Sequence[float]) -> None:
        """Remember a command."""
        self.commands.append((now_ns, list(values)))
        if len(self.commands) > MOST:
            del self.commands[: MOST // 4]

    def trace(self) -> tuple[dict[str, NDArray[np.float64]], int]:
        """Commands as ``limit_use`` takes them, times in s since the returned moment (ns)."""
        t0 = self.commands[0][0] if self.commands else 0
        times = np.array([(when - t0) / NS for when, _ in self.commands])
        return {"command_t": times, "command": np.array([values for _, values in self.commands])}, t0

    def to_json(self) -> str:
        """All of it."""
        records = {
            source: [(r.arrival_ns, r.genuine, r.fresh_ns, r.end_ns) for r in rows]
            for source, rows in self.records.items()
        }
        return json.dumps({"records": records, "commands": self.commands, "apart_ns": self.apart_ns})

    @classmethod
    def from_json(cls, text: str) -> Ledger:
        """Inverse of :meth:`to_json`."""
        data = json.loads(text)
        records = defaultdict(list, {k: [Record(*row) for row in rows] for k, rows in data["records"].items()})
        commands = [(int(when), list(values)) for when, values in data["commands"]]
        return cls(records, commands, int(data["apart_ns"]))


def largest_gap_s(records: Sequence[Record], since_ns: int, until_ns: int) -> float:
    """Longest time without a fresh genuine message of a source in a window, s; 0 without a message before it."""
    known = [record.fresh_ns for record in records if record.genuine and record.arrival_ns <= since_ns]
    if not known:
        return 0.0
    newest, gap = max(known), 0
    for record in records:
        if record.genuine and since_ns < record.arrival_ns <= until_ns:
            gap = max(gap, record.arrival_ns - newest)
            newest = max(newest, record.fresh_ns)
    return max(gap, until_ns - newest) / NS
