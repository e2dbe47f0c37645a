"""From observation to chunk, again and again: which graph answers, what it is told about the previous chunk, how chunks
are joined. The same object plans on the robot and in simulation; it holds no clock and is used by one thread.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from policy_nodes.bundle.chunking import Chunking, Method, WarmStart
from policy_nodes.bundle.load import Bundle
from policy_nodes.inference.actions import decode_chunk
from policy_nodes.inference.engines import reminding
from policy_nodes.inference.fastest import open_session
from policy_nodes.inference.observation import Observation
from policy_nodes.inference.policy import PolicyOutput, PolicySession
from policy_nodes.inference.provider_options import ProviderSettings
from policy_nodes.inference.scheduling.anytime import StepCosts, choose_steps
from policy_nodes.inference.scheduling.delay import DelayEstimator
from policy_nodes.inference.scheduling.ensemble import alive, blend, ensemble
from policy_nodes.inference.scheduling.lookup import resample
from policy_nodes.inference.scheduling.masks import horizons_fit, prefix_weights
from policy_nodes.inference.scheduling.replan import jump_fraction
from policy_nodes.inference.stepwise import StepwiseSession
from policy_nodes.types import ActionChunk

NS = 1_000_000_000


@dataclass(frozen=True)
class Plan:
    """One answer.

    Attributes:
        chunk: commands in contract order, stamped with the observation's time.
        output: of the graph, raw.
        method: how it was sampled.
        evaluations: of the network.
        frozen: steps that were expected to be over when the chunk is in use.
        note: what was not as configured, empty otherwise.
    """

    chunk: ActionChunk
    output: PolicyOutput
    method: Method
    evaluations: int
    frozen: int = 0
    note: str = ""


class ChunkPlanner:
    """Plans chunks of one bundle.

    Args:
        bundle: verified.
        provider: execution provider.
        threads: of the sessions.
        seed: of the sampling noise.
        chunking: overrides the bundle's settings.
        warm_start: overrides the bundle's settings.
        anytime: choose among graphs that differ only in their number of evaluations the largest that fits the budget.
        settings: of GPU providers.

    Raises:
        BundleError: a graph changed, or a variant is missing.
        ProviderError: the provider cannot run here.
    """

    def __init__(
        self,
        bundle: Bundle,
        provider: str = "cpu",
        threads: int = 1,
        seed: int = 0,
        *,
        chunking: Chunking | None = None,
        warm_start: WarmStart | None = None,
        anytime: bool = False,
        settings: ProviderSettings | None = None,
    ) -> None:
        timing, actions = bundle.manifest.timing, bundle.manifest.actions
        self.bundle, self.anytime = bundle, anytime
        self.chunking, self.warm_start = chunking or timing.chunking, warm_start or timing.warm_start
        self.step_ns = round(actions.step_s * NS)
        self.delay = DelayEstimator(self.chunking.delay_window, timing.inference_budget_s)
        self._budget_s = timing.inference_budget_s
        self._notify = (settings or ProviderSettings()).notify
        self._sessions: dict[tuple[Method, int], PolicySession] = {}
        policy = bundle.manifest.policy
        with reminding(self._notify, f"opening the policy on {provider}"):
            session = open_session(bundle, provider, threads, settings)
        self._sessions["full", policy.sampling_steps] = session
        provider = session.provider  # the chosen one, where it was left open
        self._first: tuple[Method, int] = ("full", policy.sampling_steps)
        self._next: tuple[Method, int] = self._first
        for variant in policy.variants:
            wanted = variant.method == self.warm_start.method and self.warm_start.variant in (None, variant.name)
            if variant.method != "full" and wanted and self._next == self._first:
                self._next = (variant.method, variant.evaluations)
            elif not (anytime and variant.method in ("full", self.warm_start.method)):
                continue
            session = PolicySession(bundle, provider, threads, variant.name, settings)
            self._sessions[variant.method, variant.evaluations] = session
        if anytime and policy.step_graph is not None:
            step: StepwiseSession | None = None  # its graph is loaded once
            for schedule in policy.step_graph.schedules:
                if ("full", schedule.steps) not in self._sessions:
                    step = StepwiseSession(
                        bundle, provider, threads, steps=schedule.steps, settings=settings, shared=step
                    )
                    self._sessions["full", schedule.steps] = step
        self._costs = {
            method: StepCosts([n for other, n in self._sessions if other == method]) for method, _ in self._sessions
        }
        self._rng = np.random.default_rng(seed)
        self._sequence = 0
        self._raw: ActionChunk | None = None
        self._seen: dict[str, NDArray[np.float32]] = {}
        self._chunks: list[ActionChunk] = []

    @property
    def policy(self) -> PolicySession:
        """The plain policy."""
        return self._sessions["full", self.bundle.manifest.policy.sampling_steps]

    def warm_up(self) -> None:
        """Prove parity of every graph in use and run it once or more, so that the first live call is not the slow one.

        Each graph is told to the settings' ``notify``, and every ten seconds one that takes long.

        Raises:
            ProviderError: a graph answers differently here.
        """
        for number, ((method, evaluations), session) in enumerate(self._sessions.items(), start=1):
            what = f"warm-up {number} of {len(self._sessions)}, {session.file} on {session.provider}"
            with reminding(self._notify, what):
                seconds = session.warm_up()
            self._notify(f"{what}: answers as recorded, {seconds * 1e3:.2f} ms per call")
            self._costs[method].add(evaluations, seconds)

    def reset(self, seed: int | None = None) -> None:
        """Forget everything about the past: a new episode, or a clock that jumped."""
        self._raw, self._seen, self._chunks = None, {}, []
        self.delay.reset()
        if seed is not None:
            self._rng = np.random.default_rng(seed)

    def delivered(self, delay_s: float) -> None:
        """Note how long it took from an observation's stamp until its chunk was in use."""
        self.delay.add(delay_s)

    def plan(self, observation: Observation, budget_s: float | None = None) -> Plan:
        """Answer an observation.

        Args:
            observation: assembled; its stamp becomes the chunk's.
            budget_s: time left for sampling, for ``anytime``; the bundle's whole inference budget when None.

        Raises:
            ObservationError: the observation cannot be used, or the graph failed; the previous chunk is then forgotten.
        """
        method, note = self._method(observation)
        evaluations = self._first[1] if method == "full" else self._next[1]
        if self.anytime:
            evaluations = choose_steps(self._costs[method].known(), self._budget_s if budget_s is None else budget_s)
        session = self._sessions[method, evaluations]
        extra, frozen = self._continuation(observation.stamp_ns, session)
        noise = None
        if method == "warm_start" and session.noise_shape is not None:
            scale = self.warm_start.noise_scale
            noise = (scale * self._rng.standard_normal((1, *session.noise_shape))).astype(np.float32)
        try:
            output = session.sample(observation.values, noise, self._rng, extra=extra)
        except Exception:
            self._raw = None
            raise
        self._costs[method].add(evaluations, output.seconds)
        self._sequence += 1
        actions = self.bundle.manifest.actions
        stamp = observation.stamp_ns
        frozen = frozen or self._frozen(horizon=output.chunk.shape[1])
        self._raw = ActionChunk(stamp, self.step_ns, output.chunk[0])
        self._seen = dict(observation.values)
        chunk = ActionChunk(stamp, self.step_ns, decode_chunk(actions, output.chunk[0]), self._sequence)
        return Plan(self._join(chunk, frozen), output, method, evaluations, frozen, note)

    def _frozen(self, horizon: int) -> int:
        """Steps that will be over when the chunk arrives, and the one in use then: changing it would be a jump."""
        return min(self.delay.steps(self.step_ns / NS) + 1, horizon)

    def _method(self, observation: Observation) -> tuple[Method, str]:
        """How to sample now, and why not as configured."""
        wanted = self._next[0]
        if wanted == "full" or self._raw is None:
            return "full", ""
        if observation.stamp_ns < self._raw.stamp_ns:
            return "full", "the clock went back"
        if observation.stamp_ns >= self._raw.end_ns - self.step_ns:
            return "full", "the previous chunk is over"
        limit = self.warm_start.restart_fraction
        if limit is not None:
            moved = jump_fraction(self.bundle.manifest.observations, self._seen, observation.values)
            if moved > limit:
                return "full", f"an observation moved by {moved:.2f} of its range"
        return wanted, ""

    def _continuation(self, stamp_ns: int, session: PolicySession) -> tuple[dict[str, NDArray[np.float32]], int]:
        if self._raw is None or not session.extra_inputs:
            return {}, 0
        horizon = self._raw.values.shape[0]
        previous, known = resample(self._raw, stamp_ns, self.step_ns, horizon)
        frozen, overlap = self._frozen(horizon), int(known.sum())
        extra = {
            "previous_chunk": previous.astype(np.float32),
            "prefix_weights": prefix_weights(horizon, frozen, overlap),
        }
        return {name: extra[name] for name in session.extra_inputs}, frozen

    @property
    def horizons_fit(self) -> bool:
        """Whether the expected delay leaves chunks long enough to follow each other (d <= s <= H - d)."""
        actions = self.bundle.manifest.actions
        return horizons_fit(actions.horizon, self.delay.steps(actions.step_s), actions.execution_horizon)

    def _join(self, chunk: ActionChunk, frozen: int) -> ActionChunk:
        if self.chunking.combine == "newest":
            return chunk
        self._chunks = [*alive([old for old in self._chunks if old.stamp_ns < chunk.stamp_ns], chunk.stamp_ns), chunk]
        if self.chunking.combine == "ensemble":
            return ensemble(self._chunks, self.chunking.ensemble_decay)
        joined = blend(self._chunks[-2], chunk, frozen) if len(self._chunks) > 1 else chunk
        self._chunks = [joined]  # what is executed is what the next chunk must continue
        return joined
