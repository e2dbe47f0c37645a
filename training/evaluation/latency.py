"""Inference time charged to simulated time: while the policy thinks, the robot goes on with the chunk it has.

One worker, as on the robot: it begins with the newest observation and is busy until its answer is delivered.
"""

from __future__ import annotations

from dataclasses import dataclass

from policy_nodes.errors import ConfigError
from policy_nodes.inference.planner import Plan

NS = 1_000_000_000
MEASURED = "measured"
LONGEST_MS = 10_000.0


@dataclass(frozen=True)
class Latency:
    """What a policy call costs in simulated time.

    Attributes:
        fixed_s: the same for every call, or None for the wall time that each call really took on this machine.
    """

    fixed_s: float | None

    @staticmethod
    def parse(text: str) -> Latency:
        """``measured``, or a number of milliseconds.

        Raises:
            ConfigError: it is neither, negative, or above ten seconds.
        """
        if text == MEASURED:
            return Latency(None)
        try:
            milliseconds = float(text)
        except ValueError:
            milliseconds = float("nan")
        if not 0.0 <= milliseconds <= LONGEST_MS:
            raise ConfigError(f"--latency is '{text}'.", "give 'measured' or milliseconds between 0 and 10000.")
        return Latency(milliseconds / 1e3)

    def of_call(self, wall_s: float) -> float:
        """Seconds to charge for a call that took ``wall_s``."""
        return wall_s if self.fixed_s is None else self.fixed_s


class SimulatedWorker:
    """A thread that infers, in simulated time."""

    def __init__(self) -> None:
        self._plan: Plan | None = None
        self._ready_ns = 0

    @property
    def busy(self) -> bool:
        """Whether an answer is under way."""
        return self._plan is not None

    def begin(self, now_ns: int, plan: Plan, seconds: float) -> None:
        """The answer to what was observed at ``now_ns``; it becomes available ``seconds`` later.

        Raises:
            RuntimeError: another answer is under way.
        """
        if self._plan is not None:
            raise RuntimeError("the worker is busy")
        self._plan, self._ready_ns = plan, now_ns + round(seconds * NS)

    def collect(self, now_ns: int) -> Plan | None:
        """The answer, once it is due."""
        if self._plan is None or now_ns < self._ready_ns:
            return None
        plan, self._plan = self._plan, None
        return plan
