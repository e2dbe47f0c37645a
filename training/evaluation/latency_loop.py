"""Closed-loop episodes in which inference takes time, with any of the ways to execute chunks in real time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from policy_nodes.bundle.chunking import Chunking, WarmStart
from policy_nodes.bundle.load import Bundle
from policy_nodes.errors import ObservationError
from policy_nodes.inference.planner import ChunkPlanner, Plan
from policy_nodes.inference.scheduling.replan import Situation, due
from policy_nodes.safety.governor import Governor
from policy_nodes.types import ActionChunk
from training.evaluation.closed_loop import SECOND_NS, START_NS, ClosedLoop, Frame
from training.evaluation.episode import Episode
from training.evaluation.latency import Latency, SimulatedWorker
from training.suites.interface import TaskWorld

LONGEST_WARM_UP_S = 2.0


@dataclass
class TimedEpisode(Episode):
    """An episode with what real-time execution did in it.

    Attributes:
        seams: at every change of chunks, distance (norm over the joints, contract units) between what the old and the
            new chunk say about the instant of the change.
        kicks: at every change, second difference of the planned commands over the instants one step before, at, and one
            step after it (norm over the joints, contract units); joining chunks cannot hide a jump from it.
        smooth: the same of the new chunk alone, one step later: what the policy itself asks for.
        delays_s: observation stamp to chunk in use.
        evaluations: network evaluations.
        notes: how often a chunk was not made as configured, by cause.
    """

    seams: list[float] = field(default_factory=list)
    kicks: list[float] = field(default_factory=list)
    smooth: list[float] = field(default_factory=list)
    delays_s: list[float] = field(default_factory=list)
    evaluations: int = 0
    notes: dict[str, int] = field(default_factory=dict)


class LatentLoop(ClosedLoop):
    """Runs episodes with an asynchronous policy.

    Args:
        bundle: verified bundle.
        world: simulated robot.
        latency: cost of a call in simulated time.
        chunking: overrides the bundle's settings.
        warm_start: overrides the bundle's settings.
        execution_steps: steps between plans; the bundle's execution horizon when None.
        anytime: choose the number of evaluations by the inference budget.
        provider: execution provider.
        open_loop: of a slow-fast policy execute the plans as they are, without its fast decoder.

    Raises:
        BundleError: a graph is missing.
        ProviderError: the provider cannot run here.
    """

    def __init__(
        self,
        bundle: Bundle,
        world: TaskWorld,
        latency: Latency,
        *,
        chunking: Chunking | None = None,
        warm_start: WarmStart | None = None,
        execution_steps: int | None = None,
        anytime: bool = False,
        provider: str = "cpu",
        open_loop: bool = False,
    ) -> None:
        super().__init__(bundle, world, provider=provider, open_loop=open_loop)
        self.latency = latency
        self.planner = ChunkPlanner(bundle, provider, chunking=chunking, warm_start=warm_start, anytime=anytime)
        self.planner.warm_up()
        steps = execution_steps or bundle.manifest.actions.execution_horizon
        self.plan_period_ns = steps * self.step_ns

    def run(
        self, seed: int, max_seconds: float = 10.0, frame: Frame | None = None, settle_s: float = 0.0
    ) -> TimedEpisode:
        """One episode; see :meth:`ClosedLoop.run`. Enabled as soon as a chunk is there and the governor accepts."""
        episode = super().run(seed, max_seconds, frame, settle_s)
        assert isinstance(episode, TimedEpisode)
        return episode

    def _begin(self, seed: int) -> TimedEpisode:
        self.planner.reset(seed)
        if self.latency.fixed_s is not None:
            self.planner.delivered(self.latency.fixed_s)
        self._worker = SimulatedWorker()
        self._chunk: ActionChunk | None = None
        self._begun_ns: int | None = None
        if self.reactive is not None:
            self.reactive.reset()
        return TimedEpisode(seed)

    def _enable(self, episode: Episode, governor: Governor, now: int) -> bool:
        accepted, message = governor.enable(now, True)
        if not accepted and now > START_NS + round(LONGEST_WARM_UP_S * SECOND_NS):
            episode.outcome, episode.stopped_by = "stopped", message
        return accepted

    def _think(self, episode: Episode, governor: Governor, now: int) -> None:
        """Deliver what is ready, begin what is due, deliver it at once if it takes no time."""
        assert isinstance(episode, TimedEpisode)
        self._deliver(episode, governor, now)
        situation = Situation(now, self._begun_ns, self._chunk, self.planner.delay.expected_s)
        if self._worker.busy or not due(self.planner.chunking, situation, self.plan_period_ns, self.step_ns):
            return
        began = time.perf_counter()
        try:
            plan = self.planner.plan(self.buffer.assemble(now))
        except ObservationError as error:
            episode.notes[error.cause] = episode.notes.get(error.cause, 0) + 1
            return
        wall = time.perf_counter() - began
        episode.inference_ms.append(wall * 1e3)
        episode.evaluations += plan.evaluations
        if plan.note:
            episode.notes[plan.note] = episode.notes.get(plan.note, 0) + 1
        self._begun_ns = now
        self._worker.begin(now, plan, self.latency.of_call(wall))
        self._deliver(episode, governor, now)

    def _deliver(self, episode: TimedEpisode, governor: Governor, now: int) -> None:
        plan: Plan | None = self._worker.collect(now)
        if plan is None:
            return
        delay = (now - plan.chunk.stamp_ns) / SECOND_NS
        self.planner.delivered(delay)
        self._compare(episode, plan.chunk, now)
        if self._hand_over(governor, now, plan.chunk, plan.output.latent):
            self._chunk = plan.chunk
            episode.delays_s.append(delay)

    def _compare(self, episode: TimedEpisode, new: ActionChunk, now: int) -> None:
        """Note how the new chunk continues the one in use."""
        old, step = self._chunk, self.step_ns
        if old is None:
            return
        said, here = old.at(now), new.at(now)
        if said is not None and here is not None:
            episode.seams.append(float(np.linalg.norm(here - said)))
        for into, points in (
            (episode.kicks, (old.at(now - step), here, new.at(now + step))),
            (episode.smooth, (here, new.at(now + step), new.at(now + 2 * step))),
        ):
            a, b, c = points
            if a is not None and b is not None and c is not None:
                into.append(float(np.linalg.norm(c - 2.0 * b + a)))
