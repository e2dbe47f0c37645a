"""A small multilayer perceptron kept as plain arrays: what a score learned, evaluated in numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.fitted import Fitted

Layers = list[tuple[NDArray[np.floating], NDArray[np.floating]]]
"""(out, in) weights and (out,) biases from input to output."""


def stored_layers(fitted: Fitted, inputs: int, outputs: int) -> Layers:
    """Arrays ``weight_k`` (out, in) and ``bias_k`` (out,) of the layers k = 0, 1, ...

    Raises:
        CalibrationError: layers are missing or do not fit together.
    """
    layers: Layers = []
    width = inputs
    for index in range(sum(name.startswith("weight_") for name in fitted.arrays)):
        weight = fitted.array(f"weight_{index}", None, width)
        width = len(weight)
        layers.append((weight, fitted.array(f"bias_{index}", width)))
    if not layers or width != outputs:
        raise CalibrationError(
            f"the stored layers end at width {width}, expected {outputs}.", "run keel calibrate again."
        )
    return layers


def forward(layers: Layers, value: NDArray[np.float64]) -> NDArray[np.float64]:
    """(in,) -> (out,) with SiLU between the layers."""
    for index, (weight, bias) in enumerate(layers):
        value = weight @ value + bias
        if index + 1 < len(layers):
            value = value / (1.0 + np.exp(-np.clip(value, -60.0, 60.0)))
    return value
