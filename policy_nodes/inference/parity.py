"""Re-runs the recorded inputs of a bundle and compares with the training framework's outputs."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from policy_nodes.bundle.limits import PARITY_NAME
from policy_nodes.bundle.load import Bundle
from policy_nodes.errors import BundleError, ObservationError

Arrays = dict[str, NDArray[Any]]


def load_parity(bundle: Bundle, name: str = PARITY_NAME) -> tuple[Arrays, Arrays]:
    """Recorded inputs and reference outputs by graph tensor name, each (samples, *shape) float32, or uint8 for images.

    Args:
        bundle: that holds them.
        name: of the file; further graphs have their own.

    Raises:
        BundleError: the file changed since export, or its compressed data is damaged.
    """
    try:
        with np.load(io.BytesIO(bundle.read(name)), allow_pickle=False) as archive:
            inputs = {key.removeprefix("input/"): archive[key] for key in archive.files if key.startswith("input/")}
            outputs = {key.removeprefix("output/"): archive[key] for key in archive.files if key.startswith("output/")}
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, NotImplementedError, OSError) as error:
        # The headers were sound when the bundle was loaded; only unpacking shows whether the data is.
        raise BundleError(
            f"{bundle.path.name}: '{name}' cannot be unpacked: {error}.", "export the policy again"
        ) from None
    return inputs, outputs


def max_abs_error(session: Any, inputs: Arrays, outputs: Arrays, *, batch: int = 1) -> dict[str, float]:
    """Largest absolute difference per output, infinite where either side is not finite.

    Args:
        session: of the policy graph.
        inputs: by graph input, (samples, *shape).
        outputs: by graph output, (samples, *shape), the reference.
        batch: samples per call; the result must not depend on it.

    Raises:
        ObservationError: the runtime failed on the recorded inputs.
    """
    names = list(outputs)
    samples = next(iter(inputs.values())).shape[0]
    worst = dict.fromkeys(names, 0.0)
    for start in range(0, samples, batch):
        rows = slice(start, start + batch)
        try:
            results = session.run(names, {name: np.ascontiguousarray(value[rows]) for name, value in inputs.items()})
        except Exception as error:
            raise ObservationError(
                f"The graph fails on recorded input {start}: {error}", "export the policy again"
            ) from error
        for name, result in zip(names, results, strict=True):
            worst[name] = max(worst[name], _difference(result, outputs[name][rows]))
    return worst


def _difference(result: NDArray[np.float32], reference: NDArray[np.float32]) -> float:
    if result.shape != reference.shape or not (np.isfinite(result).all() and np.isfinite(reference).all()):
        return float("inf")
    return float(np.max(np.abs(result.astype(np.float64) - reference), initial=0.0))


def exceeded(errors: Mapping[str, float], tolerance: float) -> list[str]:
    """Names of the outputs whose error is above ``tolerance``."""
    return [name for name, error in errors.items() if not error <= tolerance]
