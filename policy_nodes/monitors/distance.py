"""Random network distillation error of the observation embedding, as a score.

Burda et al., arXiv 1810.12894; on policy embeddings in FIPER, arXiv 2510.09459. The networks live in ``monitor.onnx``.
"""

from __future__ import annotations

import math

from policy_nodes.monitors.interface import SCORE_OFFSET, CallFeatures


class DistanceScore:
    """Euclidean distance between the predicted and the random target features; infinite when not a number."""

    name = "rnd"

    def reset(self) -> None:
        """Nothing is kept between calls."""

    def step(self, call: CallFeatures) -> float:
        """Distance plus the published offset."""
        return call.distance + SCORE_OFFSET if math.isfinite(call.distance) else math.inf
