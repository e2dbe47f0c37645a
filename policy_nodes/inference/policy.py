"""One policy, ready to be called: observations and noise in, raw action chunks and an embedding out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from policy_nodes.bundle.limits import PARITY_NAME, POLICY_NAME
from policy_nodes.bundle.load import Bundle
from policy_nodes.bundle.manifest import FurtherGraph, GraphVariant, PolicyInfo
from policy_nodes.errors import BundleError, ObservationError, ProviderError
from policy_nodes.inference.binding import BoundCalls
from policy_nodes.inference.feeds import Feeds, all_finite, repeated
from policy_nodes.inference.parity import exceeded, load_parity, max_abs_error
from policy_nodes.inference.provider_options import ProviderSettings
from policy_nodes.inference.providers import create_session

Array = NDArray[Any]


class PolicyOutputError(ObservationError):
    """The policy failed, or answered with a value that is not finite."""


@dataclass(frozen=True)
class PolicyOutput:
    """What one call returns.

    Attributes:
        chunk: (B, H, A) float64, the graph's action output; see ``actions.decode_chunk`` for commands.
        embedding: (B, E) float32; E is 0 where the graph has no embedding.
        seconds: wall time of the call.
        latent: (B, L) float32, the plan for the fast decoder of a slow-fast policy; L is 0 for any other.
    """

    chunk: NDArray[np.float64]
    embedding: NDArray[np.float32]
    seconds: float
    latent: NDArray[np.float32] = field(default_factory=lambda: np.zeros((1, 0), np.float32))


class PolicySession:
    """Runs one graph of a verified bundle on one execution provider: ``policy.onnx``, or a variant.

    Not thread-safe; a process owns one session.

    Args:
        bundle: as loaded by ``load_bundle``; the graph's bytes are hashed again on the way in.
        provider: a key of ``providers.PROVIDERS``.
        threads: of the intra-operator pool.
        variant: name of a graph in ``policy.variants``; None runs ``policy.onnx``.
        settings: of GPU providers.

    Raises:
        BundleError: the graph changed since it was verified, or there is no such variant.
        ProviderError: the provider cannot run here.
    """

    def __init__(
        self,
        bundle: Bundle,
        provider: str = "cpu",
        threads: int = 1,
        variant: str | None = None,
        settings: ProviderSettings | None = None,
    ) -> None:
        policy = bundle.manifest.policy
        self.bundle, self.provider, self.settings = bundle, provider, settings
        graph = policy if variant is None else _variant(bundle, variant)
        self.evaluations = graph.evaluations if isinstance(graph, GraphVariant) else policy.sampling_steps
        """Network evaluations per call."""
        self._open(graph, threads)

    def _open(self, graph: PolicyInfo | FurtherGraph, threads: int, session: Any = None) -> None:
        """Create the session unless there is one, and note what the graph reads and writes."""
        further = graph if isinstance(graph, FurtherGraph) else None
        self.parity = further.parity if further else self.bundle.manifest.parity
        """Proof of this graph."""
        self.parity_file = further.parity_file if further else PARITY_NAME
        self.file = further.file if further else POLICY_NAME
        """Of the graph."""
        self.session = session or create_session(self.bundle.read(self.file), self.provider, threads, self.settings)
        by_role = {tensor.role: tensor for tensor in (*graph.inputs, *graph.outputs)}
        self._feeds = Feeds(graph.inputs)
        self._noise = by_role.get("noise")
        self._action = by_role["action"].name
        self._embedding = by_role["embedding"].name if "embedding" in by_role else None
        self._latent = by_role["latent"].name if "latent" in by_role else None
        self._outputs = [name for name in (self._action, self._embedding, self._latent) if name is not None]
        self._call = self._caller(graph)

    @property
    def extra_inputs(self) -> tuple[str, ...]:
        """Names of the inputs that carry the previous chunk: none for ``policy.onnx``."""
        return self._feeds.extra

    @property
    def noise_shape(self) -> tuple[int, int] | None:
        """(rows, channels) of the noise input, (H, A) for most samplers; None for a deterministic graph."""
        return None if self._noise is None else (self._noise.shape[0], self._noise.shape[1])

    def warm_up(self, calls: int = 3, *, batch: int = 1) -> float:
        """Run recorded inputs so that the first live call is as fast as the others, and prove parity on the way.

        Args:
            calls: how often to run, at least once.
            batch: samples of ``parity.npz`` per call, repeated when there are fewer; the batch of the live calls.

        Returns:
            Seconds of the last call.

        Raises:
            ProviderError: this provider answers differently from the training framework.
        """
        inputs, outputs = load_parity(self.bundle, self.parity_file)
        samples = self.parity.samples
        seconds = 0.0
        for call in range(max(calls, 1)):
            rows = np.arange(call, call + batch) % samples
            feeds = {name: value[rows] for name, value in inputs.items()}
            wanted = {name: value[rows] for name, value in outputs.items()}
            started = time.perf_counter()
            errors = max_abs_error(self.session, feeds, wanted, batch=batch)
            seconds = time.perf_counter() - started
            worse = exceeded(errors, self.parity.tolerance)
            if worse:
                raise ProviderError(
                    f"On provider '{self.provider}' output '{worse[0]}' is off by {errors[worse[0]]:.3g}, "
                    f"more than {self.parity.tolerance:g}.",
                    "run 'keel verify'; use provider 'cpu' if it passes there",
                )
        return seconds

    def sample(
        self,
        observation: Mapping[str, NDArray[Any]],
        noise: NDArray[np.float32] | None = None,
        rng: np.random.Generator | None = None,
        *,
        batch: int = 1,
        extra: Mapping[str, NDArray[np.floating]] | None = None,
    ) -> PolicyOutput:
        """Answer one observation with B chunks, or B observations with one chunk each.

        Args:
            observation: by feature, (history, size), or (B, history, size) for B observations; by camera, uint8
                (history, height, width, channels), or with B in front.
            noise: (B, H, A) float32 standard normal; drawn from ``rng`` when None.
            rng: needed when ``noise`` is None and the graph takes noise.
            batch: B when neither ``noise`` nor the observations give it.
            extra: by name, the inputs of :attr:`extra_inputs`, each with or without a batch dimension.

        Raises:
            ObservationError: a feature is missing, of wrong shape, or not finite.
            PolicyOutputError: the graph failed or its output is not finite.
            ValueError: neither ``noise`` nor ``rng`` for a graph that takes noise, or batches that disagree.
        """
        size = self._feeds.batch(observation, noise, batch)
        feeds = self._feeds.fill(observation, extra, size)
        if self._noise is not None:
            feeds[self._noise.name] = self._draw(noise, rng, size)
        started = time.perf_counter()
        try:
            results = self._run(feeds)
        except Exception as error:
            raise PolicyOutputError(f"The policy graph failed: {error}", "run 'keel verify' on the bundle") from error
        seconds = time.perf_counter() - started
        chunk = np.asarray(results[0], dtype=np.float64)
        nothing = np.zeros((size, 0), np.float32)
        embedding = np.asarray(results[1]) if self._embedding else nothing
        latent = np.asarray(results[len(self._outputs) - 1]) if self._latent else nothing
        for output, value in ((self._action, chunk), (self._embedding, embedding), (self._latent, latent)):
            if not all_finite(value):
                raise PolicyOutputError(
                    f"Policy output '{output}' is not finite.", "compare the observation with the contract's ranges"
                )
        return PolicyOutput(chunk, embedding, seconds, latent)

    def _caller(self, graph: PolicyInfo | FurtherGraph) -> Callable[[dict[str, Array]], Sequence[Array]]:
        """How the graph is called: through bound device memory on a GPU, plainly elsewhere; action first."""
        names = [*self._outputs, *(tensor.name for tensor in graph.outputs if tensor.name not in self._outputs)]
        if self.provider not in ("cuda", "tensorrt"):
            return lambda feeds: self.session.run(names, feeds)
        shapes = {tensor.name: tuple(tensor.shape) for tensor in graph.outputs}
        return BoundCalls(self.session, names, shapes, index=0 if self.settings is None else self.settings.device)

    def _run(self, feeds: dict[str, Array]) -> Sequence[Array]:
        """Action, and embedding and latent where there are any."""
        return self._call(feeds)

    def _draw(
        self, noise: NDArray[np.float32] | None, rng: np.random.Generator | None, batch: int
    ) -> NDArray[np.float32]:
        assert self.noise_shape is not None
        shape = (batch, *self.noise_shape)
        if noise is not None and noise.shape == shape and noise.dtype == np.float32 and noise.flags.c_contiguous:
            return noise
        if noise is None:
            if rng is None:
                raise ValueError("the graph takes noise: give noise or rng")
            return rng.standard_normal(shape, dtype=np.float32)
        if noise.shape[1:] != self.noise_shape or noise.shape[0] not in (1, batch):
            raise ValueError(f"noise has shape {noise.shape}, expected {shape}")
        return repeated(np.asarray(noise, dtype=np.float32), shape)


def _variant(bundle: Bundle, name: str) -> GraphVariant:
    """Raises BundleError naming those that exist."""
    variants = {variant.name: variant for variant in bundle.manifest.policy.variants}
    if name not in variants:
        known = ", ".join(variants) or "none"
        raise BundleError(f"{bundle.path.name}: has no graph '{name}' (it has {known}).", "add it with 'keel realtime'")
    return variants[name]
