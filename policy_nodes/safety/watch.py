"""Watches over the measured signals: freshness, finiteness, range, order of stamps, believable joint motion.

A sample that fails a test is rejected and the last good one stays; three consecutive rejections (configurable) are a
fault, reported to the next tick even if a good sample follows before it. Freshness is judged by the stamp *and* by
the arrival, because a driver can keep sending an old stamp and a clock can keep an old arrival young.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from policy_nodes.bundle.manifest import ObservationTerm
from policy_nodes.safety.config import SafetyConfig
from policy_nodes.safety.limits import Array
from policy_nodes.safety.reasons import Reason
from policy_nodes.types import JointSample

NS = 1_000_000_000


class Fault(NamedTuple):
    """A reason and what exactly was found."""

    reason: Reason
    detail: str


@dataclass(frozen=True)
class SignalReasons:
    """How the failures of one kind of signal are called."""

    stale: Reason
    not_finite: Reason
    malformed: Reason
    out_of_range: Reason
    from_future: Reason
    out_of_order: Reason


OBSERVATION = SignalReasons(
    Reason.OBSERVATION_STALE,
    Reason.OBSERVATION_NOT_FINITE,
    Reason.OBSERVATION_MALFORMED,
    Reason.OBSERVATION_OUT_OF_RANGE,
    Reason.OBSERVATION_FROM_FUTURE,
    Reason.OBSERVATION_OUT_OF_ORDER,
)
JOINT_STATE = SignalReasons(
    Reason.JOINT_STATE_STALE,
    Reason.JOINT_STATE_NOT_FINITE,
    Reason.JOINT_STATE_MALFORMED,
    Reason.JOINT_OUT_OF_LIMITS,
    Reason.JOINT_STATE_FROM_FUTURE,
    Reason.JOINT_STATE_OUT_OF_ORDER,
)


class SignalWatch:
    """Judges the samples of one vector signal.

    Args:
        name: shown to the operator.
        axes: element names; their number is the expected length n.
        minimum: (n,) smallest plausible raw values; ``maximum``: largest.
        max_age_s: freshness limit.
        config: rejection count and clock tolerance.
        reasons: names of this signal's failures.
    """

    def __init__(
        self,
        name: str,
        axes: list[str],
        minimum: Array,
        maximum: Array,
        max_age_s: float,
        config: SafetyConfig,
        reasons: SignalReasons,
    ) -> None:
        self.name = name
        self.axes = axes
        self.reasons = reasons
        self.counts: Counter[Reason] = Counter()
        self.value: Array | None = None
        self.stamp_ns: int | None = None
        self.arrival_ns: int | None = None
        self.may_be_silent = False
        """Silence is no fault: the contract says what stands in for the signal."""
        self._minimum, self._maximum = np.asarray(minimum, dtype=float), np.asarray(maximum, dtype=float)
        self._max_age_ns = round(max_age_s * NS)
        self._future_ns = round(config.future_tolerance_s * NS)
        self._max_rejects = config.max_rejects
        self._rejects = 0
        self._pending: Fault | None = None

    @classmethod
    def of_term(cls, term: ObservationTerm, config: SafetyConfig) -> SignalWatch:
        """Watch of one observation term of the bundle's contract."""
        low, high = np.array(term.minimum), np.array(term.maximum)
        watch = cls(term.name, list(term.axes), low, high, term.max_age_s, config, OBSERVATION)
        watch.may_be_silent = term.fallback is not None
        return watch

    def sample(self, now_ns: int, stamp_ns: int, value: NDArray) -> Reason | None:
        """Take a sample (n,) stamped ``stamp_ns`` that arrived at ``now_ns``; the reason if it was rejected.

        A repeated stamp is no news: neither an error nor a sign of life.
        """
        if self.stamp_ns is not None and stamp_ns == self.stamp_ns:
            return None
        fault = self._judge(now_ns, stamp_ns, np.asarray(value))
        if fault is not None:
            return self.reject(fault, stamp_ns)
        self.value = np.array(value, dtype=np.float64)
        self.stamp_ns, self.arrival_ns = stamp_ns, now_ns
        self._rejects = 0
        return None

    def reject(self, fault: Fault, stamp_ns: int) -> Reason:
        """Count a rejected sample; the last good one stays."""
        self.counts[fault.reason] += 1
        self._rejects += 1
        if self._rejects >= self._max_rejects:
            self._pending = fault
            if fault.reason is self.reasons.out_of_order:
                # The source restarted with an earlier clock: follow it, so that an operator can reset the fault.
                self.stamp_ns = stamp_ns
        return fault.reason

    def _judge(self, now_ns: int, stamp_ns: int, value: NDArray) -> Fault | None:
        reasons, name = self.reasons, self.name
        if value.shape != self._minimum.shape:
            return Fault(reasons.malformed, f"{name}: shape {value.shape}, expected ({len(self.axes)},)")
        # One comparison covers NaN, infinity and range in the usual case.
        if not ((value >= self._minimum) & (value <= self._maximum)).all():
            finite = np.isfinite(value)
            if not finite.all():
                return Fault(reasons.not_finite, f"{name}: '{self.axes[int(np.argmin(finite))]}' is not finite")
            worst = int(np.argmax(np.maximum(self._minimum - value, value - self._maximum)))
            low, high = self._minimum[worst], self._maximum[worst]
            text = f"{name}: '{self.axes[worst]}' is {value[worst]:.4g}, outside [{low:.4g}, {high:.4g}]"
            return Fault(reasons.out_of_range, text)
        if stamp_ns > now_ns + self._future_ns:
            return Fault(reasons.from_future, f"{name}: stamped {(stamp_ns - now_ns) / NS:.3f} s in the future")
        if self.stamp_ns is not None and stamp_ns < self.stamp_ns:
            return Fault(reasons.out_of_order, f"{name}: stamp went back {(self.stamp_ns - stamp_ns) / NS:.3f} s")
        return None

    def age_s(self, now_ns: int) -> float:
        """Age of the last good sample, the larger of stamp and arrival; infinity if there was none."""
        if self.stamp_ns is None or self.arrival_ns is None:
            return float("inf")
        return (now_ns - min(self.stamp_ns, self.arrival_ns)) / NS

    def fault(self, now_ns: int) -> Fault | None:
        """What is wrong with the signal at ``now_ns``; reports every run of rejections at least once."""
        if self._pending is not None:
            pending = self._pending
            if self._rejects < self._max_rejects:
                self._pending = None
            return pending
        if self.may_be_silent:
            return None
        if self.stamp_ns is None or self.arrival_ns is None:
            return Fault(self.reasons.stale, f"{self.name}: never received")
        age = now_ns - min(self.stamp_ns, self.arrival_ns)
        if age < -self._future_ns:
            return Fault(self.reasons.stale, f"{self.name}: the last sample is newer than the clock, which went back")
        if age > self._max_age_ns:
            limit = self._max_age_ns / NS
            return Fault(self.reasons.stale, f"{self.name}: {age / NS:.3f} s old, limit {limit:.3f} s")
        return None


class JointWatch(SignalWatch):
    """Judges the joint state: as any signal, and no joint may jump further than it can move.

    Args:
        config: limits, timeouts and tolerances.
    """

    def __init__(self, config: SafetyConfig) -> None:
        low = np.array([joint.position_min for joint in config.joints]) - config.position_tolerance
        high = np.array([joint.position_max for joint in config.joints]) + config.position_tolerance
        super().__init__("joint state", config.names, low, high, config.joint_state_timeout_s, config, JOINT_STATE)
        self.velocity: Array | None = None
        self._fastest = config.joint_jump_factor * np.array([joint.velocity for joint in config.joints])
        self._slack = config.joint_jump_slack

    def joint_sample(self, now_ns: int, sample: JointSample) -> Reason | None:
        """Take a joint state that arrived at ``now_ns``; the reason if it was rejected."""
        position, velocity = np.asarray(sample.position), np.asarray(sample.velocity)
        if velocity.shape != self._minimum.shape:
            text = f"joint state: velocity has shape {velocity.shape}, expected ({len(self.axes)},)"
            return self.reject(Fault(self.reasons.malformed, text), sample.stamp_ns)
        if not np.isfinite(velocity).all():
            worst = self.axes[int(np.argmin(np.isfinite(velocity)))]
            return self.reject(Fault(self.reasons.not_finite, f"joint state: velocity of '{worst}'"), sample.stamp_ns)
        last, last_ns = self.value, self.stamp_ns
        if last is not None and last_ns is not None and last_ns < sample.stamp_ns and last.shape == position.shape:
            elapsed = (sample.stamp_ns - last_ns) / NS
            excess = np.abs(position - last) - (self._fastest * elapsed + self._slack)
            if (excess > 0.0).any() and np.isfinite(position).all():  # what is not finite is named below
                furthest = int(np.argmax(excess))
                moved = abs(float(position[furthest] - last[furthest]))
                text = f"joint state: '{self.axes[furthest]}' moved {moved:.3g} in {elapsed:.4f} s"
                return self.reject(Fault(Reason.JOINT_JUMP, text), sample.stamp_ns)
        rejected = self.sample(now_ns, sample.stamp_ns, position)
        if rejected is None:
            self.velocity = np.array(velocity, dtype=np.float64)
        return rejected
