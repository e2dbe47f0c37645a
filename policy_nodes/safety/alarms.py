"""Watch over the failure monitor: debounced alarm and heartbeat."""

from __future__ import annotations

import math

from policy_nodes.safety.config import SafetyConfig
from policy_nodes.safety.reasons import Reason
from policy_nodes.safety.watch import NS, Fault
from policy_nodes.types import Alarm


class AlarmWatch:
    """Turns verdicts into a debounced alarm; silence of a required monitor is itself a fault.

    Args:
        config: debounce, release and timeout.
        required: the monitor must be alive.
    """

    def __init__(self, config: SafetyConfig, required: bool) -> None:
        self.required = required
        self.raised = False
        self.ignored = 0
        """Verdicts that were repeated, reordered or stamped in the future."""
        self._config = config
        self._future_ns = round(config.future_tolerance_s * NS)
        self._timeout_ns = round(config.monitor_timeout_s * NS)
        self._stamp_ns: int | None = None
        self._heard_ns: int | None = None
        self._run = 0
        self._text = ""

    def heartbeat(self, now_ns: int) -> None:
        """The monitor is alive at ``now_ns``."""
        self._heard_ns = now_ns

    def verdict(self, now_ns: int, alarm: Alarm) -> None:
        """Take a verdict that arrived at ``now_ns``; a score that is not finite counts as alarming."""
        self.heartbeat(now_ns)
        clock_went_back = self._stamp_ns is not None and self._stamp_ns > now_ns + self._future_ns
        repeated = self._stamp_ns is not None and alarm.stamp_ns <= self._stamp_ns and not clock_went_back
        if repeated or alarm.stamp_ns > now_ns + self._future_ns:
            self.ignored += 1
            return
        self._stamp_ns = alarm.stamp_ns
        active = alarm.active or not all(math.isfinite(score) for score in alarm.scores.values())
        self._run = self._run + 1 if active != self.raised else 0
        if self._run >= (self._config.alarm_debounce if active else self._config.alarm_release):
            self.raised, self._run = active, 0
        if active:
            scores = ", ".join(f"{name} {score:.2f}" for name, score in alarm.scores.items())
            self._text = scores or "no scores given"

    def lost(self, now_ns: int) -> Fault | None:
        """MONITOR_LOST if a required monitor is silent."""
        if not self.required:
            return None
        if self._heard_ns is None:
            return Fault(Reason.MONITOR_LOST, "the monitor was never heard")
        silence = now_ns - self._heard_ns
        if -self._future_ns <= silence <= self._timeout_ns:
            return None
        return Fault(Reason.MONITOR_LOST, f"silent for {silence / NS:.3f} s")

    def alarm(self) -> Fault | None:
        """FAILURE_PREDICTED while the debounced alarm is raised."""
        return Fault(Reason.FAILURE_PREDICTED, self._text) if self.raised else None
