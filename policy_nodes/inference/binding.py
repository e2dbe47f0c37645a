"""Calls with inputs and outputs at fixed addresses on the device (IO binding), as CUDA graphs demand.

A plain call allocates device memory for every input and output of every call; here both stay where they are, and only
their contents travel. One binding per batch size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]


class BoundCalls:
    """Runs a session through bindings.

    Args:
        session: created on the provider.
        outputs: names, in the order of the answers.
        shapes: by output, without the batch.
        device: ``cuda`` or ``cpu``, where the tensors lie.
        index: of the device.
    """

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        outputs: Sequence[str],
        shapes: Mapping[str, tuple[int, ...]],
        device: str = "cuda",
        index: int = 0,
    ) -> None:
        self._session, self._outputs, self._shapes = session, tuple(outputs), dict(shapes)
        self._device, self._index = device, index
        self._bound: dict[int, tuple[Any, dict[str, Any], list[Any]]] = {}

    def __call__(self, feeds: Arrays) -> list[NDArray[np.float32]]:
        """The answers to inputs with a leading batch dimension, as copies on the host."""
        batch = next(iter(feeds.values())).shape[0]
        if batch not in self._bound:
            self._bound[batch] = self._bind(feeds, batch)
        binding, inputs, outputs = self._bound[batch]
        for name, value in feeds.items():
            inputs[name].update_inplace(np.ascontiguousarray(value))
        self._session.run_with_iobinding(binding)
        return [np.array(value.numpy()) for value in outputs]  # on the CPU, numpy() is the tensor itself

    def _bind(self, feeds: Arrays, batch: int) -> tuple[Any, dict[str, Any], list[Any]]:
        make = onnxruntime.OrtValue
        inputs = {
            name: make.ortvalue_from_numpy(np.array(value, order="C"), self._device, self._index)
            for name, value in feeds.items()
        }
        outputs = [
            make.ortvalue_from_shape_and_type((batch, *self._shapes[name]), np.float32, self._device, self._index)
            for name in self._outputs
        ]
        binding = self._session.io_binding()
        for name, value in inputs.items():
            binding.bind_ortvalue_input(name, value)
        for name, value in zip(self._outputs, outputs, strict=True):
            binding.bind_ortvalue_output(name, value)
        return binding, inputs, outputs
