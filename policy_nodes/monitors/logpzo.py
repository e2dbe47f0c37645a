"""logpZO: squared length of the latent that a flow assigns to the observation embedding in one step.

Xu et al., *Can We Detect Failures Without Failure Data?* (FAIL-Detect), arXiv 2503.08558 (RSS 2025). A velocity field
is trained to carry embeddings to standard normal noise along straight lines; at ``t = 0`` one Euler step estimates the
latent. There noise and data are still independent, so the estimate is near zero wherever the field was trained, and
long where it was not. The published network is a 1-D U-Net on a padded embedding; here
it is an MLP on the standardised one, evaluated in numpy, so nothing but arrays has to be stored.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.fitted import Fitted
from policy_nodes.monitors.interface import SCORE_OFFSET, CallFeatures
from policy_nodes.monitors.layers import forward, stored_layers


class LogpzoScore:
    """``||o + v(o, 0)||^2`` of the standardised embedding o, divided by E, plus the published offset.

    Args:
        fitted: ``mean`` and ``std`` (E,), and ``weight_k`` (out, in) and ``bias_k`` (out,) of the layers k = 0, 1, ...
            from E inputs to E outputs, SiLU between them; the time input is folded into ``bias_0``.
        embedding_size: E.

    Raises:
        CalibrationError: layers are missing or do not fit together.
    """

    name = "logpzo"

    def __init__(self, fitted: Fitted, embedding_size: int) -> None:
        self._mean, self._std = fitted.array("mean", embedding_size), fitted.array("std", embedding_size)
        self._layers = stored_layers(fitted, embedding_size, embedding_size)
        if (self._std <= 0).any():
            raise CalibrationError("the flow's standardisation is not positive.", "run keel calibrate again.")

    def reset(self) -> None:
        """Nothing is kept between calls."""

    def step(self, call: CallFeatures) -> float:
        """Mean squared latent, near 0 on familiar embeddings; infinite when not a number."""
        latent = self.latent(np.asarray(call.embedding, dtype=np.float64))
        value = float(np.square(latent).mean())
        return value + SCORE_OFFSET if math.isfinite(value) else math.inf

    def latent(self, embedding: NDArray[np.float64]) -> NDArray[np.float64]:
        """One-step estimate of the noise that belongs to an embedding, (E,) -> (E,)."""
        start = (embedding - self._mean) / self._std
        return start + forward(self._layers, start)
