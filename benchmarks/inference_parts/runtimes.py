"""The runtimes that are compared, each as a function from inputs by name to the raw chunk; one thread everywhere."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from policy_nodes.bundle.limits import POLICY_NAME
from policy_nodes.bundle.load import Bundle
from policy_nodes.inference.fastest import AUTO, open_session
from policy_nodes.inference.openvino_session import load
from training.export.graph import ACTION, NOISE

Arrays = dict[str, NDArray[np.float32]]
Call = Callable[[Arrays], NDArray[np.floating]]


def plain(graph: bytes) -> Call:
    """ONNX Runtime with its defaults, one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return lambda inputs: session.run([ACTION], inputs)[0]  # type: ignore[no-any-return]


def openvino(graph: bytes, batch: int) -> Call:
    """OpenVINO's own runtime, float32, told the batch; ImportError where it is not installed."""
    core = load().Core()
    model = core.read_model(graph)
    model.reshape({port: [batch, *list(port.get_partial_shape())[1:]] for port in model.inputs})
    options = {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    request = core.compile_model(model, "CPU", options).create_infer_request()
    return lambda inputs: np.array(request.infer(inputs)[ACTION])


def keel(bundle: Bundle) -> tuple[Call, str]:
    """The call a node makes, on the provider that Keel finds fastest here, and that provider's name."""
    session = open_session(bundle, AUTO)
    session.warm_up()

    def call(inputs: Arrays) -> NDArray[np.floating]:
        observation = {name: value for name, value in inputs.items() if name != NOISE}
        return session.sample(observation, inputs.get(NOISE)).chunk

    return call, session.provider


def on_the_graph(bundle: Bundle, batch: int) -> tuple[dict[str, Call], str]:
    """Everything that runs a bundle's graph, and the provider that Keel chose."""
    graph = bundle.read(POLICY_NAME)
    calls = {"plain ORT": plain(graph)}
    with contextlib.suppress(ImportError):
        calls["OpenVINO"] = openvino(graph, batch)
    calls["keel"], provider = keel(bundle)
    return calls, provider
