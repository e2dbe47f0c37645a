"""``parity.npz``: recorded inputs of a graph and the training framework's answers to them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]


def pack(inputs: Arrays, outputs: Arrays) -> bytes:
    """The file's content: ``input/NAME`` and ``output/NAME``, each (samples, ...), without pickles."""
    arrays = {f"input/{name}": value for name, value in inputs.items()}
    arrays |= {f"output/{name}": value for name, value in outputs.items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()
