"""Export of ``monitor.onnx``: distances and end-effector positions in one graph, with its parity measured."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.artefact import CalibrationArtefact
from policy_nodes.monitors.graph import MonitorGraph

PARITY_TOLERANCE = 1e-5
PositionFunction = Callable[[NDArray[np.floating]], NDArray[np.floating]]
"""(N, H, A) action chunks in contract units -> (N, H, 3) end-effector positions, m."""


@dataclass(frozen=True)
class MonitorParity:
    """Largest ``|onnx - torch| / max(1, |torch|)`` by output over ``samples`` inputs."""

    samples: int
    tolerance: float
    error: dict[str, float]


class MonitorModule(nn.Module):
    """What is exported.

    Args:
        rnd: (N, E) -> (N,) distance, a pair or an ensemble.
        position: (M, H, A) -> (M, H, 3) positions, e.g. forward kinematics of joint targets.
    """

    def __init__(self, rnd: nn.Module, position: nn.Module) -> None:
        super().__init__()
        self.rnd, self.position = rnd, position

    def forward(self, embedding: Tensor, chunk: Tensor) -> tuple[Tensor, Tensor]:
        """(N, E), (M, H, A) -> (N,), (M, H, 3)."""
        return self.rnd(embedding), self.position(chunk)


def export_monitor(
    rnd: nn.Module,
    position: nn.Module,
    path: str | os.PathLike[str],
    *,
    embeddings: NDArray[np.floating],
    chunks: NDArray[np.floating],
    tolerance: float = PARITY_TOLERANCE,
) -> MonitorParity:
    """Write ``path`` atomically after proving that ONNX Runtime computes the same numbers.

    Args:
        rnd: trained distance module.
        position: position module, without state that depends on the input.
        path: target, usually ``NAME.keel/monitor.onnx``.
        embeddings: (N, E) recorded embeddings used as the parity inputs, N >= 2.
        chunks: (M, H, A) recorded chunks, M >= 2.
        tolerance: largest accepted error.

    Returns:
        The measured parity.

    Raises:
        CalibrationError: an output differs by more than ``tolerance`` or is not finite; nothing is written.
    """
    path = Path(path)
    module = MonitorModule(rnd, position).eval()
    inputs = tuple(torch.as_tensor(np.asarray(value, dtype=np.float32)) for value in (embeddings, chunks))
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".onnx", dir=path.parent)
    os.close(handle)
    # Without torchvision every export warns that its operators are unavailable; none is used here.
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    try:
        torch.onnx.export(
            module,
            inputs,
            name,
            dynamo=True,
            external_data=False,
            verbose=False,
            input_names=["embedding", "chunk"],
            output_names=["rnd", "position"],
            dynamic_shapes=({0: torch.export.Dim("calls")}, {0: torch.export.Dim("samples")}),
        )
        parity = _parity(module, inputs, Path(name), tolerance)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    return parity


def _parity(module: nn.Module, inputs: tuple[Tensor, ...], path: Path, tolerance: float) -> MonitorParity:
    with torch.no_grad():
        expected = [value.numpy() for value in module(*inputs)]
    found = MonitorGraph(path).run(*(value.numpy() for value in inputs))
    error = {
        name: float(np.max(np.abs(onnx - reference) / np.maximum(1.0, np.abs(reference))))
        for name, onnx, reference in zip(("rnd", "position"), found, expected, strict=True)
    }
    for name, value in error.items():
        if not value <= tolerance:
            raise CalibrationError(
                f"exported output '{name}' differs from torch by {value:.3g}, allowed {tolerance:.3g}.",
                "check the calibration data for extreme values; do not deploy this graph.",
            )
    return MonitorParity(len(inputs[0]), tolerance, error)


def bind_monitor(artefact: CalibrationArtefact, path: str | os.PathLike[str]) -> CalibrationArtefact:
    """The artefact tied to the exported graph by its hash; the monitor refuses any other pair."""
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    return artefact.model_copy(update={"monitor_sha256": digest})


def position_function(position: nn.Module) -> PositionFunction:
    """The position module as a numpy function, for :func:`training.monitors.calibrate.calibrate`."""

    def positions(chunks: NDArray[np.floating]) -> NDArray[np.floating]:
        with torch.no_grad():
            return position(torch.as_tensor(np.asarray(chunks, dtype=np.float32))).numpy()

    return positions
