"""The fast half of a slow-fast policy: at every action step, what the plan says after what was felt since it was made.

Source: Xue et al., "Reactive Diffusion Policy", arXiv 2503.02881, and the official runtime: the decoder replays the
felt signal from the plan's observation on, through its zero state, and the steps that its making took are skipped.
Beyond the row for now the newest signal is held, so that each answer is a chunk of the contract's length: if the fast
loop misses its time, the safety node goes on with what the decoder expected. A plan speaks until its window ends.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from policy_nodes.bundle.load import Bundle
from policy_nodes.bundle.manifest import Manifest
from policy_nodes.errors import BundleError, ObservationError, ProviderError
from policy_nodes.inference.actions import decode_chunk
from policy_nodes.inference.observation import ObservationBuffer
from policy_nodes.inference.parity import exceeded, load_parity, max_abs_error
from policy_nodes.inference.policy import PolicyOutputError
from policy_nodes.inference.provider_options import ProviderSettings
from policy_nodes.inference.providers import create_session
from policy_nodes.realtime.histogram import Histogram, timing_values
from policy_nodes.types import ActionChunk

NS = 1_000_000_000
Array = NDArray[np.float32]


@dataclass(frozen=True)
class LatentPlan:
    """What the slow policy hands over.

    Attributes:
        stamp_ns: of the observation that it answers.
        latent: (L,).
    """

    stamp_ns: int
    latent: Array


def observation_buffer(manifest: Manifest) -> ObservationBuffer:
    """A buffer that remembers enough for the policy, and for its fast decoder where it has one."""
    reactive, step_ns = manifest.policy.reactive, round(manifest.actions.step_s * NS)
    kept = {} if reactive is None else dict.fromkeys(reactive.terms, reactive.window * step_ns)
    return ObservationBuffer(manifest.observations, manifest.images, kept)


class ReactiveDecoder:
    """Decodes the newest plan; plans may come from another thread.

    Args:
        bundle: verified, with a reactive graph.
        provider: execution provider; the decoder is small, so the CPU is the right one unless proven otherwise.
        threads: of the session.
        settings: of GPU providers.

    Raises:
        BundleError: the bundle has no reactive graph.
        ProviderError: the provider cannot run here.
    """

    def __init__(
        self, bundle: Bundle, provider: str = "cpu", threads: int = 1, settings: ProviderSettings | None = None
    ) -> None:
        graph = bundle.manifest.policy.reactive
        if graph is None:
            raise BundleError(f"{bundle.path.name}: has no fast decoder.", "make one with 'keel slow-fast'")
        self.bundle, self.graph, self.parity, self.evaluations = bundle, graph, graph.parity, 1
        self.parity_file = graph.parity_file
        self.session = create_session(bundle.read(graph.file), provider, threads, settings)
        self._latent = next(tensor.name for tensor in graph.inputs if tensor.role == "latent")
        self._felt = next(tensor.name for tensor in graph.inputs if tensor.role == "felt")
        self._outputs = [tensor.name for tensor in graph.outputs]
        self._step_ns = round(bundle.manifest.actions.step_s * NS)
        self._horizon = bundle.manifest.actions.horizon
        self._lock = threading.Lock()
        self.times = Histogram()
        """Seconds per answer."""
        self.reset()

    @property
    def period_s(self) -> float:
        """How often :meth:`act` should be called."""
        return self.bundle.manifest.actions.step_s

    def reset(self) -> None:
        """Forget plan and answers: a new episode, or a clock that jumped."""
        with self._lock:
            self._plan: LatentPlan | None = None
            self._last_ns = 0
        self._sequence = 0
        self.answers = self.refusals = 0
        self.last_refusal = ""

    def warm_up(self, calls: int = 3) -> float:
        """Prove parity on recorded inputs, so that the first live answer is as fast as the others.

        Args:
            calls: how many of them, at least one.

        Returns:
            Seconds of the last call.

        Raises:
            ProviderError: this provider answers differently from the training framework.
        """
        inputs, outputs = load_parity(self.bundle, self.graph.parity_file)
        seconds = 0.0
        for call in range(max(calls, 1)):
            rows = slice(call % self.parity.samples, call % self.parity.samples + 1)
            feeds = {name: value[rows] for name, value in inputs.items()}
            began = time.perf_counter()
            errors = max_abs_error(self.session, feeds, {name: value[rows] for name, value in outputs.items()})
            seconds = time.perf_counter() - began
            if worse := exceeded(errors, self.parity.tolerance):
                raise ProviderError(
                    f"The fast decoder's output '{worse[0]}' is off by {errors[worse[0]]:.3g}, more than "
                    f"{self.parity.tolerance:g}.",
                    "run 'keel verify'; use provider 'cpu' if it passes there",
                )
        return seconds

    def take(self, stamp_ns: int, latent: Array) -> bool:
        """Use a plan from now on; False for one that is not newer than the plan in use.

        A stamp from before the whole window of that plan means that the clock went back: what was known is forgotten.

        Args:
            stamp_ns: of its observation.
            latent: (L,) or (1, L).
        """
        with self._lock:
            if self._plan is not None and stamp_ns <= self._plan.stamp_ns:
                if stamp_ns > self._plan.stamp_ns - self.graph.window * self._step_ns:
                    return False
                self._last_ns = 0
            self._plan = LatentPlan(stamp_ns, np.array(latent, dtype=np.float32).reshape(-1))
            return True

    def act(self, buffer: ObservationBuffer, now_ns: int) -> ActionChunk | None:
        """The chunk from now on; None without a plan, after its window, and where this step was answered already.

        Args:
            buffer: of :func:`observation_buffer`.
            now_ns: current time of the clock that stamps the observations.

        Raises:
            ObservationError: a felt term is missing, too old, has a gap or is not finite; or the decoder failed.
        """
        with self._lock:
            plan, last_ns = self._plan, self._last_ns
        if plan is None:
            return None
        # Timers fire a little early or late: a quarter of a step decides to which step an instant belongs.
        step = (now_ns - plan.stamp_ns + self._step_ns // 4) // self._step_ns
        stamp = plan.stamp_ns + step * self._step_ns
        if step < 0 or stamp <= last_ns or step + self._horizon > self.graph.window:
            return None
        began = time.perf_counter()
        try:
            values = self._decode(plan, buffer, step, now_ns)
        except ObservationError as error:
            self.refusals += 1
            self.last_refusal = error.cause
            raise
        self.times.add(time.perf_counter() - began)
        with self._lock:
            if self._plan is plan:
                self._last_ns = stamp
        self._sequence += 1
        self.answers, self.last_refusal = self.answers + 1, ""
        return ActionChunk(stamp, self._step_ns, values, self._sequence)

    def values(self) -> dict[str, str]:
        """For ``/diagnostics``."""
        return {
            "reactions": str(self.answers),
            "reactions refused": str(self.refusals),
            "last reaction refused": self.last_refusal,
            **timing_values("reaction", self.times),
        }

    def _decode(self, plan: LatentPlan, buffer: ObservationBuffer, step: int, now_ns: int) -> NDArray[np.float64]:
        """Commands (H, A) from step number ``step`` of the plan on."""
        instants = [plan.stamp_ns + k * self._step_ns for k in range(step + 1)]
        felt = buffer.sampled(self.graph.terms, instants, now_ns, later_ns=self._step_ns // 4)
        rows = np.concatenate([felt, np.repeat(felt[-1:], self.graph.window - len(felt), axis=0)])
        try:
            answer = self.session.run(self._outputs, {self._latent: plan.latent[None], self._felt: rows[None]})[0][0]
        except Exception as error:
            raise PolicyOutputError(f"The fast decoder failed: {error}", "run 'keel verify' on the bundle") from error
        if not np.isfinite(answer).all():
            raise PolicyOutputError(
                "The fast decoder's answer is not finite.", "compare what is felt with the contract's ranges"
            )
        return decode_chunk(self.bundle.manifest.actions, answer[step : step + self._horizon])
