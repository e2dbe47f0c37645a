"""Linear layers of a trained network as the plain arrays that ``policy_nodes.monitors.layers`` evaluates."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from torch import nn


def arrays_of(layers: Iterable[nn.Linear]) -> dict[str, NDArray[np.floating]]:
    """``weight_k`` (out, in) and ``bias_k`` (out,) of the layers k = 0, 1, ..., copied."""
    arrays: dict[str, NDArray[np.floating]] = {}
    for index, layer in enumerate(layers):
        arrays[f"weight_{index}"] = layer.weight.detach().numpy().copy()
        arrays[f"bias_{index}"] = layer.bias.detach().numpy().copy()
    return arrays
