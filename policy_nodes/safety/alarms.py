"""Watch over the failure monitor: debounced alarm and heartbeat."""

from __future__ import annotations

import math

from policy_nodes.safety.config import SafetyConfig
from policy_nodes.safety.reasons import Reason
from policy_nodes.safety.watch import NS, Fault
from policy_nodes.types import Alarm


class AlarmWatch:
    """Turns verdicts into a debounced alarm; silence of a required monitor is itself a fault.

    Under the reaction ``ask`` an alarm that comes while the policy moves the robot is a question: it stands until the
    operator answers, also when the scores have calmed down, and an answer holds until the alarm is released.

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
        self._asks = config.alarm_reaction == "ask"
        self._asked_ns: int | None = None
        self._answered = False

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
            self.raised, self._run, self._answered = active, 0, False
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
        """FAILURE_PREDICTED while the debounced alarm is raised and not answered."""
        return Fault(Reason.FAILURE_PREDICTED, self._text) if self.raised and not self._answered else None

    def in_motion(self, now_ns: int) -> Fault | None:
        """What the alarm means while the policy commands: :meth:`alarm`, or the open question of ``ask``."""
        fault = self.alarm()
        if not self._asks or (fault is None and self._asked_ns is None):
            return fault
        self._asked_ns = now_ns if self._asked_ns is None else self._asked_ns
        waited = now_ns - self._asked_ns
        if waited > self._config.alarm_answer_s * NS:
            return Fault(Reason.ALARM_UNANSWERED, f"{self._text}; asked {waited / NS:.1f} s ago")
        return Fault(Reason.FAILURE_PREDICTED, f"{self._text}; enable to go on")

    def answer(self) -> str:
        """The operator lets the policy move. Closes the question; words for the operator, empty if there was none."""
        asked, self._asked_ns = self._asked_ns is not None, None
        self._answered = asked and self.raised
        return "Going on; the failure alarm is acknowledged." if asked else ""

    @property
    def speed(self) -> float:
        """Share of the velocity limits that the policy may use."""
        slow = self._config.alarm_reaction == "slow" and self.raised
        return self._config.alarm_speed if slow else 1.0
