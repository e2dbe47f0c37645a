"""Watch over action chunks: validation on arrival, lookup at the control instant, lateness and extrapolation."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from policy_nodes.bundle.manifest import ActionSpec
from policy_nodes.inference.scheduling.lookup import lookup, resample
from policy_nodes.realtime.histogram import Histogram
from policy_nodes.safety.config import SafetyConfig
from policy_nodes.safety.limits import Array
from policy_nodes.safety.reasons import Reason
from policy_nodes.safety.watch import NS, Fault
from policy_nodes.types import ActionChunk


@dataclass(frozen=True)
class Wanted:
    """What the policy asks for at one instant: position (n,) and the velocity (n,) of that target over one period."""

    position: Array
    velocity: Array


@dataclass(frozen=True)
class ChunkForm:
    """What the bundle's contract says of every chunk: ``points`` samples, ``step_ns`` apart."""

    points: int
    step_ns: int

    @classmethod
    def of(cls, actions: ActionSpec) -> ChunkForm:
        """The contract's."""
        return cls(actions.horizon, round(actions.step_s * NS))


class ChunkWatch:
    """Keeps the newest valid chunk.

    Args:
        config: grace, extrapolation limit and clock tolerance.
        size: number of joints n.
        control_period_s: spacing of the lookups.
        chunk_period_s: a new chunk is due this long after the previous one arrived.
        form: points and step of the contract; None takes chunks of any.
    """

    def __init__(
        self,
        config: SafetyConfig,
        size: int,
        control_period_s: float,
        chunk_period_s: float,
        form: ChunkForm | None = None,
    ) -> None:
        self.counts: Counter[Reason] = Counter()
        self.chunk: ActionChunk | None = None
        self.delay_s = 0.0
        """Observation stamp to arrival of the newest accepted chunk, s; as measured here, transport included."""
        self.delays = Histogram()
        """Of all accepted chunks."""
        self.refused = ""
        """What exactly was wrong with the last chunk of another form; empty if there was none."""
        self._form = form
        self._arrival_ns = 0
        self._size = size
        self._period_ns = round(control_period_s * NS)
        self._due_ns = round((chunk_period_s + config.chunk_grace_s) * NS)
        self._hold_ns = round(config.extrapolation_limit_s * NS)
        self._future_ns = round(config.future_tolerance_s * NS)

    def offer(self, now_ns: int, chunk: ActionChunk, commanding: bool) -> Reason | None:
        """Take a chunk that arrived at ``now_ns``; the reason if it was rejected and the previous one stays.

        Args:
            now_ns: arrival.
            chunk: values (T, n).
            commanding: the policy moves the robot, so that a sequence that starts again (a restarted or second policy
                process) is refused; at other times it is accepted.
        """
        reason = self._judge(now_ns, chunk, commanding)
        if reason is not None:
            return self.reject(reason)
        # An own copy: the sender may reuse its buffer.
        self.chunk = replace(chunk, values=np.array(chunk.values, dtype=np.float64))
        self._arrival_ns = now_ns
        self.delay_s = max(now_ns - chunk.stamp_ns, 0) / NS
        self.delays.add(self.delay_s)
        return None

    def reject(self, reason: Reason) -> Reason:
        """Count a rejection; returns the reason."""
        self.counts[reason] += 1
        return reason

    def _judge(self, now_ns: int, chunk: ActionChunk, commanding: bool) -> Reason | None:
        values = np.asarray(chunk.values)
        if values.ndim != 2 or values.shape[0] < 1 or values.shape[1] != self._size or chunk.step_ns <= 0:
            return Reason.CHUNK_MALFORMED
        form = self._form
        if form is not None and (len(values), chunk.step_ns) != (form.points, form.step_ns):
            given = f"{len(values)} points of {chunk.step_ns / NS:g} s"
            self.refused = f"{given}, the contract has {form.points} of {form.step_ns / NS:g} s"
            return Reason.CHUNK_WRONG_FORM
        if not np.isfinite(values).all():
            return Reason.CHUNK_NOT_FINITE
        if chunk.stamp_ns > now_ns + self._future_ns:
            return Reason.CHUNK_FROM_FUTURE
        last = self.chunk
        if last is not None:
            # Stamps ahead of now belong to a clock that has since jumped back; they must not block newer chunks.
            in_past = last.stamp_ns <= now_ns + self._future_ns
            restarted = chunk.sequence <= last.sequence
            if in_past and (chunk.stamp_ns <= last.stamp_ns or (restarted and commanding)):
                return Reason.CHUNK_OUT_OF_ORDER
        if chunk.end_ns <= now_ns:
            return Reason.CHUNK_STALE
        return None

    def at(self, now_ns: int) -> Wanted | None:
        """The target at ``now_ns``; after the chunk's end its last sample until the extrapolation limit, then None.

        The velocity looks one period back *in the same chunk*, so that a seam between chunks is a position error to
        be blended and not a spurious velocity.
        """
        chunk = self.chunk
        if chunk is None:
            return None
        # A stamp accepted in spite of lying a little ahead: the first sample is what it says about now.
        found = lookup(chunk, now_ns, hold_ns=self._hold_ns, lead_ns=self._future_ns + self._period_ns)
        if found is None:
            return None
        position, now_ns = found.value, max(now_ns, chunk.stamp_ns)
        before = chunk.at(now_ns - self._period_ns)
        after = chunk.at(now_ns + self._period_ns) if before is None else position
        start = position if before is None else before
        if after is None or found.held:
            return Wanted(position, np.zeros_like(position))
        return Wanted(position, np.asarray((after - start) * (NS / self._period_ns), dtype=np.float64))

    def ahead(self, now_ns: int) -> Array:
        """Targets (T, n) from ``now_ns`` to the end of the chunk, one per control period; T is 0 if there are none."""
        chunk = self.chunk
        if chunk is None:
            return np.empty((0, self._size))
        count = max(-((now_ns - chunk.end_ns) // self._period_ns), 0)  # rounded up
        targets, _ = resample(chunk, now_ns, self._period_ns, count)
        return targets

    def late(self, now_ns: int) -> Fault | None:
        """CHUNK_LATE once the next chunk is overdue by more than the grace."""
        overdue = now_ns - self._arrival_ns - self._due_ns
        if self.chunk is None or overdue <= 0:
            return None
        return Fault(Reason.CHUNK_LATE, f"last chunk arrived {(now_ns - self._arrival_ns) / NS:.3f} s ago")

    def exhausted(self, now_ns: int) -> Fault:
        """The fault to report when :meth:`at` has nothing."""
        if self.chunk is None:
            return Fault(Reason.CHUNK_EXHAUSTED, "no chunk was ever received")
        ago = (now_ns - self.chunk.end_ns) / NS
        if ago < 0:
            return Fault(Reason.CHUNK_EXHAUSTED, "the chunk does not cover the present instant")
        return Fault(Reason.CHUNK_EXHAUSTED, f"the last chunk ended {ago:.3f} s ago")
