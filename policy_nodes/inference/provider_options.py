"""Options that execution providers are created with: no silent loss of precision, engines that are built once.

Names and meanings are those of ONNX Runtime's documentation of its CUDA, TensorRT and OpenVINO providers; values are
strings there. TF32 is off: it keeps ten bits of a product, and no parity proof would hold.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from policy_nodes.bundle.onnx_graph import TensorInfo

Options = dict[str, str]


def default_cache() -> Path:
    """``$KEEL_ENGINE_CACHE``, else ``keel/engines`` in the user's cache directory."""
    own = os.environ.get("KEEL_ENGINE_CACHE")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "keel" / "engines"


@dataclass(frozen=True)
class ProviderSettings:
    """What a GPU provider needs to know beyond its name.

    Attributes:
        device: index of the GPU.
        precision: in which TensorRT may compute a graph in single precision.
        batch: largest number of samples per call; TensorRT's engine is tuned for one and works up to here.
        cache: directory of built engines.
        cuda_graph: record the launch of all kernels once and replay it; pays for policies of many small operators.
        notify: told what takes long.
    """

    device: int = 0
    precision: Literal["float32", "float16"] = "float32"
    batch: int = 64
    cache: Path = field(default_factory=default_cache)
    cuda_graph: bool = False
    notify: Callable[[str], None] = lambda text: None


def cuda(settings: ProviderSettings) -> Options:
    """Of the CUDA provider: exact products, and no search over algorithms in the first calls."""
    return {
        "device_id": str(settings.device),
        "use_tf32": "0",
        "cudnn_conv_algo_search": "HEURISTIC",
        "arena_extend_strategy": "kSameAsRequested",
        "enable_cuda_graph": "1" if settings.cuda_graph else "0",
    }


def tensorrt(settings: ProviderSettings, inputs: list[TensorInfo], engines: Path) -> Options:
    """Of the TensorRT provider: engines and timings cached in ``engines``, one profile for all batches.

    Args:
        settings: device, precision, batch.
        inputs: of the graph; the leading dimension is the batch, the others are fixed.
        engines: directory of this very graph, device and precision.
    """
    half = settings.precision == "float16"
    return {
        "device_id": str(settings.device),
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(engines),
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": str(engines),
        "trt_fp16_enable": "1" if half else "0",
        "trt_layer_norm_fp32_fallback": "1" if half else "0",
        "trt_profile_min_shapes": _shapes(inputs, 1),
        "trt_profile_opt_shapes": _shapes(inputs, 1),
        "trt_profile_max_shapes": _shapes(inputs, settings.batch),
        "trt_cuda_graph_enable": "1" if settings.cuda_graph else "0",
    }


def openvino(threads: int) -> Options:
    """Of the OpenVINO provider on the CPU: single precision, as many threads as asked for."""
    return {"device_type": "CPU", "precision": "FP32", "num_of_threads": str(threads)}


def _shapes(inputs: list[TensorInfo], batch: int) -> str:
    return ",".join(f"{t.name}:{'x'.join(str(size or batch) for size in (batch, *t.shape[1:]))}" for t in inputs)


def environment(provider: str, settings: ProviderSettings) -> Mapping[str, str]:
    """Variables that must be set before a provider's libraries load: TensorRT has no option against TF32."""
    if provider == "tensorrt" and settings.precision == "float32":
        return {"NVIDIA_TF32_OVERRIDE": "0"}
    return {}
