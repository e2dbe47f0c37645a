"""``monitor.onnx``: random network distillation and end-effector positions in one ONNX Runtime session."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from policy_nodes.errors import BundleError
from policy_nodes.types import FloatArray

FILE_NAME = "monitor.onnx"
INPUTS = {"embedding": 2, "chunk": 3}
OUTPUTS = {"rnd": 1, "position": 3}


class MonitorGraph:
    """Session over ``monitor.onnx``.

    Inputs ``embedding`` (N, E) and ``chunk`` (M, H, A), float32; outputs ``rnd`` (N,) and ``position`` (M, H, 3). The
    two batch sizes are independent: on line one embedding comes with B chunks.

    Args:
        path: the file.
        threads: intra-op threads.

    Raises:
        BundleError: missing, unreadable, or with other inputs and outputs.
    """

    def __init__(self, path: str | Path, threads: int = 1) -> None:
        path = Path(path)
        if not path.is_file():
            raise BundleError(f"'{path}' does not exist.", "run keel calibrate on the bundle.")
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises a family of its own without a common base.
            raise BundleError(
                f"'{path}' is not a usable ONNX graph: {str(error)[:300]}.", "calibrate again."
            ) from error
        inputs = {node.name: node.shape for node in self._session.get_inputs()}
        outputs = {node.name: node.shape for node in self._session.get_outputs()}
        ranks = ({name: len(s) for name, s in inputs.items()}, {name: len(s) for name, s in outputs.items()})
        sizes = [*inputs.get("embedding", [])[1:], *inputs.get("chunk", [])[1:]]
        if ranks != (INPUTS, OUTPUTS) or not all(isinstance(size, int) for size in sizes):
            raise BundleError(
                f"'{path}' has inputs {inputs} and outputs {outputs}.",
                "expected embedding (N, E), chunk (M, H, A) -> rnd (N,), position (M, H, 3); run keel calibrate again.",
            )
        self.embedding_size, self.horizon, self.action_size = (int(size) for size in sizes)

    def run(self, embedding: FloatArray, chunks: FloatArray) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Distances (N,) of the embeddings (N, E) and positions (M, H, 3) of the chunks (M, H, A)."""
        feeds = {
            "embedding": np.ascontiguousarray(embedding, dtype=np.float32),
            "chunk": np.ascontiguousarray(chunks, dtype=np.float32),
        }
        distance, position = self._session.run(["rnd", "position"], feeds)
        return distance, position
