"""Planning beside everything else: inference in a thread of its own, begun when a rule says so, newest request first.

The caller's thread only asks (:meth:`PlanningLoop.poll`, never blocking); the worker assembles the newest observation
when it begins, so that a request that had to wait is not answered with an old view of the world. Knows no ROS.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from policy_nodes.errors import ObservationError
from policy_nodes.inference.observation import ObservationBuffer
from policy_nodes.inference.planner import ChunkPlanner, Plan
from policy_nodes.inference.scheduling.replan import Situation, due, jump_fraction
from policy_nodes.realtime.histogram import Histogram, timing_values
from policy_nodes.realtime.newest import NewestWorker
from policy_nodes.types import ActionChunk

STUCK_S = 2.0
"""A call that takes longer than this is reported as stuck; the safety node has acted on the silence long before."""


class PlanningLoop:
    """Plans with one planner.

    Args:
        planner: ready (warmed up).
        buffer: observations; fed by others.
        now_ns: the clock that stamps observations.
        publish: sends a plan; called in the worker's thread with the delay, observation stamp to now, in seconds.
        refused: told why there is no plan; called in the worker's thread.
        failed: told of an unexpected error; called in the worker's thread.
        configure: called first in the worker's thread, to set its scheduling.
    """

    def __init__(
        self,
        planner: ChunkPlanner,
        buffer: ObservationBuffer,
        now_ns: Callable[[], int],
        publish: Callable[[Plan, float], object],
        refused: Callable[[ObservationError], object],
        failed: Callable[[Exception], object],
        configure: Callable[[], object] | None = None,
    ) -> None:
        manifest = planner.bundle.manifest
        self.planner, self.buffer = planner, buffer
        self.delays = Histogram()
        """Observation stamp to published chunk."""
        self.planned = self.refusals = self.over_budget = self.overruns = 0
        self.last_refusal = ""
        self.observation_age_s = 0.0
        """How old the newest observation was when the last plan was begun."""
        self.notes: Counter[str] = Counter()
        """Chunks that were not made as configured, by cause."""
        self._now_ns, self._publish, self._refused, self._failed = now_ns, publish, refused, failed
        self._budget_s = manifest.timing.inference_budget_s
        self._step_ns = planner.step_ns
        # Timers fire a little early or late; half a step of slack keeps that from costing a whole period.
        self._period_ns = manifest.actions.execution_horizon * self._step_ns - self._step_ns // 2
        self._asked_ns: int | None = None
        self._seen: dict[str, NDArray[np.float32]] | None = None
        self._chunk: ActionChunk | None = None
        self._plan: Plan | None = None
        self._delay_s = 0.0
        self.worker: NewestWorker[int] = NewestWorker(
            self._work,
            on_error=self._on_error,
            on_start=configure,
            name="inference",
        )

    @property
    def poll_period_s(self) -> float:
        """How often :meth:`poll` should be called: rules that look at more than the clock look at every step."""
        actions = self.planner.bundle.manifest.actions
        return actions.step_s * (actions.execution_horizon if self.planner.chunking.replan == "fixed" else 1)

    def start(self) -> None:
        """Start the worker."""
        self.worker.start()

    def stop(self, timeout_s: float = 5.0) -> bool:
        """End the worker after its present call; whether it ended in time."""
        return self.worker.stop(timeout_s)

    def poll(self) -> bool:
        """Ask for a plan if one is due; whether it was asked for. Never waits for inference."""
        now = self._now_ns()
        rule = self.planner.chunking
        event = rule.replan == "on_event" and self._jumped(now)
        situation = Situation(now, self._asked_ns, self._chunk, self.planner.delay.expected_s, event)
        if not due(rule, situation, self._period_ns, self._step_ns):
            return False
        self.overruns += self.worker.busy
        self._asked_ns = now
        self.worker.submit(now)
        return True

    @property
    def timings(self) -> dict[str, Histogram]:
        """Delay of the chunks, latency of inference, and wait of the requests before it."""
        return {"delay": self.delays, "latency": self.worker.durations, "wait": self.worker.waits}

    def values(self) -> dict[str, str]:
        """For ``/diagnostics``."""
        plan = self._plan
        values = {
            "chunks": str(self.planned),
            "refused": str(self.refusals),
            "last refusal": self.last_refusal,
            "over budget": str(self.over_budget),
            "requests while busy": str(self.overruns),
            "requests replaced": str(self.worker.replaced),
            "expected delay (ms)": f"{self.planner.delay.expected_s * 1e3:.1f}",
            "last delay (ms)": f"{self._delay_s * 1e3:.1f}",
            "horizons fit the delay": "yes" if self.planner.horizons_fit else "no",
        }
        if plan is not None:
            values |= {"method": plan.method, "evaluations": str(plan.evaluations)}
        for name, histogram in self.timings.items():
            values |= timing_values(name, histogram)
        return values | {f"not continued: {cause}": str(count) for cause, count in self.notes.items()}

    def trouble(self) -> str:
        """What an operator must know about inference, or an empty text."""
        if self.worker.busy_s() > STUCK_S:
            return f"inference has not returned for {self.worker.busy_s():.1f} s"
        if self.last_refusal:
            return "refusing observations"
        return "" if self.planner.horizons_fit else "the delay is longer than the chunks allow"

    def _jumped(self, now_ns: int) -> bool:
        self.buffer.refresh()
        try:
            values = self.buffer.assemble(now_ns).values
        except ObservationError:
            return False
        before, self._seen = self._seen, values
        features = self.planner.bundle.manifest.observations
        return before is not None and jump_fraction(features, before, values) >= self.planner.chunking.event_fraction

    def _work(self, _asked_ns: int) -> None:
        self.buffer.refresh()
        try:
            began = self._now_ns()
            observation = self.buffer.assemble(began)
            if self._chunk is not None and observation.stamp_ns == self._chunk.stamp_ns:
                raise ObservationError("No observation is newer than the last plan.", "check the rate of the sensors")
            # what is left of the budget, the age of the observation and the wait for this thread taken off
            plan = self.planner.plan(observation, self._budget_s - (began - observation.stamp_ns) / 1e9)
        except ObservationError as error:
            self.refusals += 1
            self.last_refusal = error.cause
            self._refused(error)
            return
        self.observation_age_s = (began - observation.stamp_ns) / 1e9
        self._delay_s = (self._now_ns() - plan.chunk.stamp_ns) / 1e9
        self.planner.delivered(self._delay_s)
        self.planned += 1
        self.last_refusal = ""
        self._plan, self._chunk = plan, plan.chunk
        self.buffer.push_own_action(plan.chunk.stamp_ns, plan.chunk.values[0])
        self.notes.update([plan.note] if plan.note else [])
        self._publish(plan, self._delay_s)
        self.delays.add(max(self._delay_s, 0.0))
        self.over_budget += self._delay_s > self._budget_s

    def _on_error(self, error: Exception) -> None:
        self.refusals += 1
        self.last_refusal = f"{type(error).__name__}: {error}"
        self._failed(error)
