"""Flight recorder of the governor: the last seconds of what it heard and decided, kept in memory, written at a stop.

Every reduction of a command is kept with its reason, so that "policy wanted / robot did" can be replayed afterwards
(:mod:`training.replay`). Recording stores references; copying, compressing and writing happen outside of the
control loop (:meth:`BlackBox.snapshot` is a few list copies).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from policy_nodes.safety.decision import Decision
from policy_nodes.safety.reasons import Reason
from policy_nodes.types import ActionChunk, Alarm, JointSample

NS = 1_000_000_000
MAX_ROWS = 60_000
"""Per stream, however fast a source publishes: an alarm flood must not fill the memory."""


@dataclass(frozen=True)
class Heard:
    """One message as the governor took it: when it arrived, what it was, why it was refused (or None)."""

    arrival_ns: int
    content: Any
    refused: Reason | None = None


@dataclass(frozen=True)
class Snapshot:
    """A consistent copy of the recorder; rows are oldest first.

    Attributes:
        joints: names in command order.
        period_s: control period.
        decisions: one per tick.
        joint_states: of ``JointSample``.
        terms: by observation term, contents ``(stamp_ns, value)``.
        chunks: of ``ActionChunk``; content None for messages that could not be read.
        alarms: of ``Alarm``.
        events: (time, text) of what the operator did.
    """

    joints: list[str]
    period_s: float
    decisions: list[Decision]
    joint_states: list[Heard]
    terms: dict[str, list[Heard]]
    chunks: list[Heard]
    alarms: list[Heard]
    events: list[tuple[int, str]] = field(default_factory=list)


class BlackBox:
    """Ring buffers by time.

    Args:
        seconds: how much is kept; 0 keeps nothing.
        period_s: control period.
        joints: names in command order.
        terms: names of the observation terms.
    """

    def __init__(self, seconds: float, period_s: float, joints: Sequence[str], terms: Sequence[str]) -> None:
        self.keeps = seconds > 0.0
        self._span_ns = round(seconds * NS)
        self._period_s, self._joints = period_s, list(joints)
        ticks = min(round(seconds / period_s) + 1, MAX_ROWS) if self.keeps else 0
        self._decisions: deque[Decision] = deque(maxlen=ticks)
        self._joint_states: deque[Heard] = deque(maxlen=MAX_ROWS)
        self._terms: dict[str, deque[Heard]] = {name: deque(maxlen=MAX_ROWS) for name in terms}
        self._chunks: deque[Heard] = deque(maxlen=MAX_ROWS)
        self._alarms: deque[Heard] = deque(maxlen=MAX_ROWS)
        self._events: deque[tuple[int, str]] = deque(maxlen=256)

    def joint_state(self, now_ns: int, sample: JointSample, refused: Reason | None) -> None:
        """A joint state arrived."""
        self._keep(self._joint_states, Heard(now_ns, sample, refused))

    def term(self, now_ns: int, name: str, stamp_ns: int, value: Any, refused: Reason | None) -> None:
        """An observation arrived; ``value`` is copied, the sender may reuse it."""
        self._keep(self._terms[name], Heard(now_ns, (stamp_ns, value.copy()), refused))

    def chunk(self, now_ns: int, chunk: ActionChunk | None, refused: Reason | None) -> None:
        """A chunk arrived, None if it could not be read."""
        self._keep(self._chunks, Heard(now_ns, chunk, refused))

    def alarm(self, now_ns: int, alarm: Alarm) -> None:
        """The failure monitor spoke."""
        self._keep(self._alarms, Heard(now_ns, alarm))

    def event(self, now_ns: int, text: str) -> None:
        """The operator did something."""
        if self.keeps:
            self._events.append((now_ns, text))

    def decision(self, decision: Decision) -> None:
        """A tick ended."""
        if self.keeps:
            self._decisions.append(decision)

    def snapshot(self) -> Snapshot:
        """Everything of the last seconds before the newest decision."""
        decisions = list(self._decisions)
        since = decisions[-1].stamp_ns - self._span_ns if decisions else 0

        def recent(rows: deque[Heard]) -> list[Heard]:
            # Copied in one step first: other threads go on to fill it, and iteration would raise.
            return [row for row in list(rows) if row.arrival_ns >= since]

        return Snapshot(
            joints=list(self._joints),
            period_s=self._period_s,
            decisions=decisions,
            joint_states=recent(self._joint_states),
            terms={name: recent(rows) for name, rows in self._terms.items()},
            chunks=recent(self._chunks),
            alarms=recent(self._alarms),
            events=list(self._events),
        )

    def _keep(self, rows: deque[Heard], row: Heard) -> None:
        if not self.keeps:
            return
        rows.append(row)
        # Two at a time at most: old rows go as fast as new ones come, and no call has to drop many.
        for _ in range(2):
            if row.arrival_ns - rows[0].arrival_ns > self._span_ns:
                rows.popleft()
