"""What a graph is fed: observations checked and written into one block of memory per batch size.

A call of a small policy takes a millisecond, in which the network's weights displace everything else from the
processor's caches: each line of Python around it then costs ten times what it costs in a loop of its own. So there
are few of them: every input is copied in place, and one product over the block tells whether all of it is finite.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from policy_nodes.bundle.manifest import GraphTensor
from policy_nodes.errors import ObservationError

Array = NDArray[Any]
MOST_SIZES = 8
"""Batch sizes whose blocks are kept."""


@dataclass(frozen=True)
class _Input:
    """An input of ``shape`` without the batch, its place in a block (B, *shape), and the shapes it is taken in."""

    name: str
    shape: tuple[int, ...]
    view: NDArray[np.float32]
    taken: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class _Block:
    """The inputs of one batch size; ``flat`` is the memory of all of them."""

    flat: NDArray[np.float32]
    observations: tuple[_Input, ...]
    extra: tuple[_Input, ...]
    views: dict[str, Array]


class Feeds:
    """Fills the inputs of a graph, all but its noise. Not thread-safe: an answer is valid until the next call.

    Args:
        tensors: the graph's inputs; those of other roles than observation, image, previous_chunk and prefix_weights
            are the caller's business.
    """

    def __init__(self, tensors: Sequence[GraphTensor]) -> None:
        def of(*roles: str) -> dict[str, tuple[int, ...]]:
            return {tensor.name: tuple(tensor.shape) for tensor in tensors if tensor.role in roles}

        self._observations, self._images = of("observation"), of("image")
        self._extra = of("previous_chunk", "prefix_weights")
        self._ranks = [(name, 1 + len(shape)) for name, shape in (self._observations | self._images).items()]
        self._blocks: dict[int, _Block] = {}

    @property
    def extra(self) -> tuple[str, ...]:
        """Names of the inputs that carry the previous chunk."""
        return tuple(self._extra)

    def batch(self, observation: Mapping[str, Array], noise: Array | None, otherwise: int) -> int:
        """Samples of a call: as observations and noise say, where one of a kind meets many of the other.

        Raises:
            ValueError: they disagree.
        """
        sizes = set() if noise is None else {noise.shape[0]}
        for name, rank in self._ranks:
            value = observation.get(name)
            if value is not None and np.ndim(value) == rank:
                sizes.add(len(value))
        sizes = (sizes or {otherwise}) - {1} or {1}
        if len(sizes) != 1 or min(sizes) < 1:
            raise ValueError(f"batch sizes disagree: {sorted(sizes)}")
        return sizes.pop()

    def fill(self, observation: Mapping[str, Array], extra: Mapping[str, Array] | None, batch: int) -> dict[str, Array]:
        """Inputs by name, each (batch, ...).

        Args:
            observation: by feature, with or without a leading batch; by camera, uint8.
            extra: by name, the inputs of :attr:`extra`.
            batch: see :meth:`batch`.

        Raises:
            ObservationError: an input is missing, of another shape or type, or not finite.
        """
        block = self._blocks.get(batch) or self._make(batch)
        for item in block.observations:
            value = _given(observation, item.name)
            if value.shape not in item.taken:
                raise _misshapen(item.name, value.shape, item.shape)
            item.view[...] = value
        for item in block.extra:
            item.view[...] = np.asarray((extra or {})[item.name])
        if not math.isfinite(block.flat.dot(block.flat)):  # or it overflowed
            _require_finite(block)
        feeds = block.views.copy()
        for name, shape in self._images.items():
            feeds[name] = _pictures(name, _given(observation, name), shape, batch)
        return feeds

    def _make(self, batch: int) -> _Block:
        shapes = self._observations | self._extra
        flat = np.zeros(sum(batch * math.prod(shape) for shape in shapes.values()), np.float32)
        inputs, start = {}, 0
        for name, shape in shapes.items():
            end = start + batch * math.prod(shape)
            view = flat[start:end].reshape(batch, *shape)
            inputs[name] = _Input(name, shape, view, (shape, (batch, *shape), (1, *shape)))
            start = end
        if len(self._blocks) == MOST_SIZES:
            del self._blocks[next(iter(self._blocks))]
        self._blocks[batch] = _Block(
            flat,
            tuple(inputs[name] for name in self._observations),
            tuple(inputs[name] for name in self._extra),
            {name: item.view for name, item in inputs.items()},
        )
        return self._blocks[batch]


def all_finite(value: NDArray[np.floating]) -> bool:
    """Whether no element is infinite or NaN; the sum of squares tells fastest, unless it overflows."""
    flat = value.reshape(-1)
    return math.isfinite(flat.dot(flat)) or bool(np.isfinite(value).all())


def repeated(value: Array, shape: tuple[int, ...]) -> Array:
    """``value`` as a contiguous array of ``shape``, repeated along the batch only where it must be."""
    if value.shape != shape:
        value = value[None] if value.shape == shape[1:] and shape[0] == 1 else np.broadcast_to(value, shape)
    return np.ascontiguousarray(value)


def _given(observation: Mapping[str, Array], name: str) -> Array:
    value = observation.get(name)
    if value is None:
        raise ObservationError(f"Observation feature '{name}' is missing.", "check the topics of the bundle's contract")
    return value if isinstance(value, np.ndarray) else np.asarray(value)


def _misshapen(name: str, found: tuple[int, ...], wanted: tuple[int, ...]) -> ObservationError:
    return ObservationError(f"Feature '{name}' has shape {found}, expected {wanted}.", "follow the contract")


def _pictures(name: str, value: Array, shape: tuple[int, ...], batch: int) -> Array:
    """Passed on as they are where they fit: they are large."""
    if value.shape not in (shape, (batch, *shape), (1, *shape)):
        raise _misshapen(name, value.shape, shape)
    if value.dtype != np.uint8:
        raise ObservationError(f"Camera '{name}' gives {value.dtype}, expected uint8.", "follow the contract")
    return repeated(value, (batch, *shape))


def _require_finite(block: _Block) -> None:
    for item in block.observations:
        if not np.isfinite(item.view).all():
            raise ObservationError(
                f"Feature '{item.name}' holds a value that is not finite.", "check the sensor behind it"
            )
    for item in block.extra:
        if not np.isfinite(item.view).all():
            raise ObservationError(f"Graph input '{item.name}' is not finite.", "start again without a previous chunk")
