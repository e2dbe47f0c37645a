"""OpenVINO's own runtime behind the few calls that Keel makes of an ONNX Runtime session.

The ``openvino`` package lives beside ``onnxruntime``, whereas ``onnxruntime-openvino`` replaces it, and it knows the
sizes of all tensors: the graph is compiled once per batch size, which on networks of many small operators is worth a
factor of two over one compilation for any batch.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_SIZES = 8
"""Batch sizes that stay compiled; the one used longest ago makes room."""


def installed() -> bool:
    """Whether the ``openvino`` package is there; importing it takes half a second."""
    return importlib.util.find_spec("openvino") is not None


def load() -> Any:
    """The ``openvino`` package, imported so that it reports to nobody.

    As installed, the import itself sends a usage event to its makers and writes a client id into the user's home
    directory. Where ``openvino_telemetry`` cannot be imported it does neither, and meanwhile that is made the case.
    """
    reporter = "openvino_telemetry"
    before = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == reporter}
    sys.modules[reporter] = None  # type: ignore[assignment]  # how Python notes that there is no such module
    try:
        return importlib.import_module("openvino")
    finally:
        del sys.modules[reporter]
        sys.modules.update(before)


class OpenVinoSession:
    """A graph on the CPU in single precision. Not thread-safe.

    Args:
        model: content of an ONNX file whose inputs have a free leading dimension.
        threads: at least 1.

    Raises:
        RuntimeError: OpenVINO cannot read the graph.
    """

    def __init__(self, model: bytes, threads: int) -> None:
        self._core = load().Core()
        self._model = self._core.read_model(model)
        self._options = {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
        }
        self._requests: dict[int, Any] = {}
        self._request(1)

    def get_providers(self) -> list[str]:
        """What computes."""
        return [f"OpenVINO {self._core.get_versions('CPU')['CPU'].build_number}"]

    def disable_fallback(self) -> None:
        """There is none."""

    def run(self, names: Sequence[str] | None, feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Copies of the named outputs, of all when None.

        Args:
            names: of the outputs.
            feeds: by input, (batch, ...).

        Raises:
            RuntimeError: an input is missing or of another shape or type.
        """
        request = self._request(next(iter(feeds.values())).shape[0])
        request.infer(dict(feeds), share_inputs=True)
        wanted = names or [output.get_any_name() for output in self._model.outputs]
        return [np.array(request.get_tensor(name).data) for name in wanted]

    def _request(self, batch: int) -> Any:
        if batch in self._requests:
            self._requests[batch] = self._requests.pop(batch)  # newest last
            return self._requests[batch]
        model = self._model.clone()
        free = [port for port in model.inputs if port.get_partial_shape()[0].is_dynamic]
        model.reshape({port: [batch, *list(port.get_partial_shape())[1:]] for port in free})
        if len(self._requests) == MOST_SIZES:
            del self._requests[next(iter(self._requests))]
        self._requests[batch] = self._core.compile_model(model, "CPU", self._options).create_infer_request()
        return self._requests[batch]
