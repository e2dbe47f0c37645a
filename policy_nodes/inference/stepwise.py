"""A policy sampled one denoising step at a time: one graph, any number of steps from the bundle's schedules.

The answer is the one of the whole-sampler graph with as many steps, up to rounding. The observation is encoded again at
every step, which costs little beside the denoiser and keeps the step a graph of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from policy_nodes.bundle.load import Bundle
from policy_nodes.bundle.manifest import GraphTensor, StepSchedule
from policy_nodes.errors import BundleError, ProviderError
from policy_nodes.inference.parity import exceeded, load_parity
from policy_nodes.inference.policy import PolicySession
from policy_nodes.inference.provider_options import ProviderSettings

SAMPLE, ROW, ESTIMATE = "sample", "row", "estimate"
"""Names of the step graph's own tensors, which are also their roles."""
DRAWS = "draws"
"""The noise of a whole chain, which no graph reads."""


class StepwiseSession(PolicySession):
    """Runs the step graph of a bundle as a sampler.

    Args:
        bundle: verified, with a step graph.
        provider: a key of ``providers.PROVIDERS``.
        threads: of the intra-operator pool.
        steps: of the sampler; the bundle must have a schedule for them.
        shared: another session of this bundle, whose graph is used.
        settings: of GPU providers.

    Raises:
        BundleError: there is no step graph, or no such schedule.
        ProviderError: the provider cannot run here.
    """

    def __init__(
        self,
        bundle: Bundle,
        provider: str = "cpu",
        threads: int = 1,
        *,
        steps: int,
        shared: StepwiseSession | None = None,
        settings: ProviderSettings | None = None,
    ) -> None:
        step = bundle.manifest.policy.step_graph
        if step is None:
            raise BundleError(f"{bundle.path.name}: has no step graph.", "export it with 'keel export --anytime'")
        schedules = {schedule.steps: schedule for schedule in step.schedules}
        if steps not in schedules:
            known = ", ".join(map(str, schedules))
            raise BundleError(
                f"{bundle.path.name}: has no schedule for {steps} steps (it has {known}).",
                "export it with 'keel export --anytime'",
            )
        self.bundle, self.provider, self.settings = bundle, provider, settings
        self.schedule: StepSchedule = schedules[steps]
        self.evaluations = len(self.schedule.rows)
        self._open(step, threads, None if shared is None else shared.session)
        actions = bundle.manifest.actions
        self._chunk = (actions.horizon, len(actions.joints))
        self._noise = GraphTensor(name=DRAWS, role="noise", shape=list(self.noise_shape))

    @property
    def noise_shape(self) -> tuple[int, int]:
        """(rows, channels): the draws one below the other."""
        return self.schedule.draws * self._chunk[0], self._chunk[1]

    def _run(self, feeds: dict[str, NDArray[np.float32]]) -> Sequence[NDArray[np.float32]]:
        batch, horizon = next(iter(feeds.values())).shape[0], self._chunk[0]
        noise = feeds.pop(DRAWS).astype(np.float64)
        zero = np.zeros((batch, *self._chunk))
        x, x_before, d, d_before = zero, zero, zero, zero
        results: Sequence[NDArray[np.float32]] = ()
        for k, (row, mix) in enumerate(zip(self.schedule.rows, self.schedule.mix, strict=True)):
            draw = noise[:, k * horizon : (k + 1) * horizon] if mix[4] else zero
            point = mix[0] * x + mix[1] * x_before + mix[2] * d + mix[3] * d_before + mix[4] * draw
            feeds[SAMPLE], feeds[ROW] = point.astype(np.float32), np.full((batch, 1), row, np.float32)
            results = self._call(feeds)
            x, x_before, d, d_before = point, x, results[-1].astype(np.float64), d
        return results

    def warm_up(self, calls: int = 3, *, batch: int = 1) -> float:
        """Prove single steps, and with the policy's own number of steps the whole chain; returns seconds of a chain.

        Raises:
            ProviderError: this provider answers differently from the training framework.
        """
        super().warm_up(calls, batch=batch)
        manifest = self.bundle.manifest
        inputs, outputs = load_parity(self.bundle)
        noise = inputs.pop(next(tensor.name for tensor in manifest.policy.inputs if tensor.role == "noise"))
        own, seconds = self.schedule.steps == manifest.policy.sampling_steps, 0.0
        drawn = noise if own else np.random.default_rng(0).standard_normal((len(noise), *self.noise_shape))
        for call in range(max(calls, 1)):
            rows = np.arange(call, call + batch) % manifest.parity.samples
            feeds = {name: value[rows] for name, value in inputs.items()}
            answer = self.sample(feeds, drawn[rows].astype(np.float32))
            seconds = answer.seconds
            error = {"action": float(np.abs(answer.chunk - outputs[self._action][rows]).max())}
            tolerance = manifest.parity.tolerance + self.parity.tolerance
            if own and exceeded(error, tolerance):
                raise ProviderError(
                    f"On provider '{self.provider}' the policy run step by step is off by {error['action']:.3g}, more "
                    f"than {tolerance:g}.",
                    "run 'keel verify'; use the policy without 'anytime'",
                )
        return seconds
