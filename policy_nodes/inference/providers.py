"""Execution providers: which can run here, and a session that really uses the one asked for.

ONNX Runtime falls back to the CPU without an exception when a provider cannot load, even when it alone was requested
and although ``get_available_providers`` lists it; the only proof is the session's own list, checked here.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import onnxruntime

from policy_nodes.bundle.onnx_graph import inspect_onnx
from policy_nodes.errors import ProviderError
from policy_nodes.inference.engines import engine_directory, is_built, telling
from policy_nodes.inference.openvino_session import OpenVinoSession, installed
from policy_nodes.inference.provider_options import ProviderSettings, cuda, environment, openvino, tensorrt

PROVIDERS: Final = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}
"""Names used by Keel's options -> names used by ONNX Runtime."""
INSTALL: Final = {
    "cpu": "reinstall onnxruntime: pip install --force-reinstall onnxruntime",
    "cuda": 'pip uninstall onnxruntime && pip install "keel[gpu]" (the two share one directory), or use provider "cpu"',
    "tensorrt": 'pip uninstall onnxruntime && pip install "keel[gpu]" and TensorRT 10, or use provider "cpu"',
    "openvino": 'pip install "keel[openvino]" (it lives beside onnxruntime), or use provider "cpu"',
}
"""How to get a provider."""


def available() -> list[str]:
    """Providers that are installed, by Keel's names; whether they load is another question.

    OpenVINO counts with its own package as with an ONNX Runtime built for it.
    """
    built = set(onnxruntime.get_available_providers())
    return [n for n, provider in PROVIDERS.items() if provider in built or (n == "openvino" and installed())]


def session_options(threads: int) -> onnxruntime.SessionOptions:
    """Options for a control loop: a fixed number of threads, no busy waiting between calls.

    Args:
        threads: of the intra-operator pool, including the caller.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # torch's exporter emits operators that ORT warns about at every load
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def create_session(
    model: str | Path | bytes, provider: str = "cpu", threads: int = 1, settings: ProviderSettings | None = None
) -> Any:
    """Build a session that runs on ``provider``, or refuse: ONNX Runtime's, or one with the same ``run``.

    Args:
        model: path or contents of an ONNX file.
        provider: a key of ``PROVIDERS``.
        threads: of the intra-operator pool, at least 1.
        settings: of GPU providers.

    Raises:
        ProviderError: unknown provider, not built in, not active after creation, or the model cannot be built.
    """
    if provider not in PROVIDERS:
        raise ProviderError(f"Unknown execution provider '{provider}'.", f"use one of {', '.join(PROVIDERS)}")
    if threads < 1:
        raise ProviderError(f"Cannot run on {threads} threads.", "give at least 1")
    if provider not in available():
        built = ", ".join(available())
        raise ProviderError(
            f"Execution provider '{provider}' is not installed (there are: {built}).", INSTALL[provider]
        )
    wanted, settings = PROVIDERS[provider], settings or ProviderSettings()
    if provider == "openvino" and installed():
        return _native(model if isinstance(model, bytes) else Path(model).read_bytes(), threads)
    os.environ.update(environment(provider, settings))
    if provider in ("cuda", "tensorrt") and hasattr(onnxruntime, "preload_dlls"):
        onnxruntime.preload_dlls()
    try:
        with contextlib.ExitStack() as stack:
            requested = _requested(model, provider, threads, settings, stack)
            source = model if isinstance(model, bytes) else str(model)
            session = onnxruntime.InferenceSession(source, session_options(threads), providers=requested)
    except ProviderError:
        raise
    except Exception as error:
        raise ProviderError(
            f"ONNX Runtime cannot build the graph on '{provider}': {_first_line(error)}",
            "run 'keel verify' on the bundle and 'keel doctor' on this machine",
        ) from error
    active: list[str] = session.get_providers()
    if wanted not in active:
        raise ProviderError(
            f"Execution provider '{provider}' was requested, but ONNX Runtime silently fell back to {active}.",
            INSTALL[provider],
        )
    session.disable_fallback()
    return session


def _native(model: bytes, threads: int) -> OpenVinoSession:
    try:
        return OpenVinoSession(model, threads)
    except (ImportError, RuntimeError) as error:
        raise ProviderError(
            f"OpenVINO cannot build the graph: {_first_line(error)}",
            "run 'keel doctor' on this machine, or use provider 'cpu'",
        ) from error


def _requested(
    model: str | Path | bytes, provider: str, threads: int, settings: ProviderSettings, stack: contextlib.ExitStack
) -> list[Any]:
    """The provider with its options; TensorRT hands what it cannot run to CUDA, never to the CPU unasked."""
    if provider == "openvino":
        return [(PROVIDERS[provider], openvino(threads))]
    if provider == "cuda":
        return [(PROVIDERS[provider], cuda(settings))]
    if provider == "tensorrt":
        graph = model if isinstance(model, bytes) else Path(model).read_bytes()
        engines = engine_directory(graph, settings)
        if not is_built(engines):
            stack.enter_context(telling(settings.notify, f"building a TensorRT engine in {engines}"))
        rest = (PROVIDERS["cuda"], cuda(replace(settings, cuda_graph=False)))
        return [(PROVIDERS[provider], tensorrt(settings, inspect_onnx(graph).inputs, engines)), rest]
    return [PROVIDERS[provider]]


def _first_line(error: Any) -> str:
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
