"""Upper bounds on what a bundle may contain, so that a hostile or damaged one costs neither memory nor time."""

from __future__ import annotations

from typing import Final

MANIFEST_NAME: Final = "manifest.json"
POLICY_NAME: Final = "policy.onnx"
PARITY_NAME: Final = "parity.npz"
SAFETY_NAME: Final = "safety.yaml"
MONITOR_NAME: Final = "monitor.onnx"
CALIBRATION_NAME: Final = "calibration.npz"
SIGNATURE_NAME: Final = "signature.json"
"""Detached, so neither listed in the manifest nor covered by its digest."""

REQUIRED_FILES: Final = (POLICY_NAME, PARITY_NAME, SAFETY_NAME)

MIB: Final = 1 << 20
MAX_FILE_BYTES: Final = {
    ".onnx": 2047 * MIB,  # protobuf's own limit for one message
    ".npz": 512 * MIB,
    ".yaml": MIB // 4,
    ".json": 4 * MIB,
    ".md": MIB,
    ".txt": MIB,
}
"""Allowed file types and their largest size. Pickles and engine caches are absent on purpose."""
MAX_MANIFEST_BYTES: Final = 4 * MIB
MAX_SIGNATURE_BYTES: Final = 4096
MAX_FILES: Final = 64
MAX_TOTAL_BYTES: Final = 4096 * MIB
MAX_JSON_DEPTH: Final = 32

MAX_ARRAY_BYTES: Final = 1024 * MIB
"""Largest unpacked array of an ``.npz``."""
MAX_ARRAYS: Final = 1024
MAX_TENSOR_ELEMENTS: Final = 1 << 29
"""Largest constant of a graph, and largest shape that a graph may build from a constant (2 GiB of float32)."""
MAX_GRAPH_NODES: Final = 500_000
MAX_GRAPH_DEPTH: Final = 16
MAX_SCAN_STEPS: Final = 1000
"""Largest dimension of the constant that a loop of a graph runs over."""
