"""One fault as it is declared: what is done, what makes it observable, what must follow.

A fault is either answered by a *stop* for one of its declared reasons, not later than one control period after it
becomes observable, or it must be *tolerated*: the policy goes on, possibly DEGRADED. What makes a fault observable is
declared too (:class:`Shows`), from the configured timeouts and not from what the implementation happens to do.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from enum import Enum

from policy_nodes.running.campaign.streams import Maker
from policy_nodes.safety.reasons import Reason


class Shows(str, Enum):
    """From which moment the safety layer could know."""

    AT_ONCE = "at once"
    """The event itself: a button, a clock that jumped, a rival that appeared in the graph."""
    FIRST = "first bad message"
    REJECTS = "as many bad messages in a row as are tolerated"
    SILENCE = "the last good message older than its limit"
    CHUNK_END = "the last good chunk ended and its extrapolation is over"
    DISTANCE = "commands and measurement further apart than allowed"
    NEVER = "never: it must be tolerated"


@dataclass(frozen=True)
class Stream:
    """A corrupted stream of messages."""

    name: str
    corrupt: Maker


@dataclass(frozen=True)
class Process:
    """A signal to the process of a node."""

    node: str
    signal: signal.Signals


@dataclass(frozen=True)
class Throttle:
    """The process of a node runs only ``runs_s`` of every ``runs_s + stands_s`` seconds: a starved machine."""

    node: str
    runs_s: float
    stands_s: float


@dataclass(frozen=True)
class Stall:
    """The control loop stands still for some time: the process is not scheduled."""

    seconds: float


@dataclass(frozen=True)
class ClockStep:
    """The machine's clock is set, by a time service or by hand."""

    seconds: float


@dataclass(frozen=True)
class Load:
    """A foreign process takes ``kind`` (``cpu`` or ``memory``)."""

    kind: str


@dataclass(frozen=True)
class Order:
    """Something an operator or another node does: ``estop``, ``disable``, ``rival``, ``swap_bundle``."""

    name: str


Injection = Stream | Process | Throttle | Stall | ClockStep | Load | Order


@dataclass(frozen=True)
class Case:
    """One fault.

    Attributes:
        name: key on the command line and in files.
        description: what happens, in words.
        inject: what is done.
        shows: when it could be known; NEVER for faults that are tolerated.
        reasons: supervisor reasons that name it rightly; empty for tolerated faults.
        moving_only: observable only while the robot moves; at rest nothing may happen.
        live: can be injected into live nodes.
        rehearsed: can be injected on the simulated clock.
        may_stop: reasons for which another layer may stop the robot before the fault itself can be known, or although
            it need not: that depends on the motion, or on the machine.
        latches: the stop needs a reset.
    """

    name: str
    description: str
    inject: Injection
    shows: Shows
    reasons: tuple[Reason, ...] = ()
    moving_only: bool = False
    live: bool = True
    rehearsed: bool = True
    latches: bool = True
    may_stop: tuple[Reason, ...] = ()

    @property
    def tolerated(self) -> bool:
        """Whether the policy must go on."""
        return self.shows is Shows.NEVER

    @property
    def kills(self) -> str:
        """Node whose process the fault ends; empty for all others."""
        inject = self.inject
        return inject.node if isinstance(inject, Process) and inject.signal == signal.SIGKILL else ""

    @property
    def stream(self) -> str:
        """Stream that is corrupted; empty for other kinds of fault."""
        return self.inject.name if isinstance(self.inject, Stream) else ""

    @property
    def about_the_monitor(self) -> bool:
        """Whether the failure monitor itself is needed; elsewhere a quiet stand-in will do."""
        return self.stream == "alarms" or getattr(self.inject, "node", "") == "monitor_node"
