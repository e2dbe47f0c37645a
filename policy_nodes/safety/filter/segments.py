"""Closest points of line segments (Ericson, *Real-Time Collision Detection*, 2005, section 5.1.9), vectorised."""

from __future__ import annotations

import numpy as np

from policy_nodes.safety.limits import Array

TINY = 1e-12


SPANS = np.array([[-1.0, 1.0, 0.0, 0.0], [0.0, 0.0, -1.0, 1.0], [1.0, 0.0, -1.0, 0.0]])
"""From the four ends: along the first segment, along the second, from the second's start to the first's."""


def closest(ends: Array) -> tuple[Array, Array, Array]:
    """Closest points of pairs of segments; a segment may be a point.

    Args:
        ends: (M, 4, 3) start and end of the first segment, start and end of the second, m.

    Returns:
        Parameters ``s`` and ``t`` in [0, 1], (M,) each, and the unit direction (M, 3) from the second segment's point
        to the first's; the z axis where they touch.
    """
    s, t, between, length = _closest(ends)
    if length.min() < TINY:
        between[length < TINY] = (0.0, 0.0, 1.0)
        length = np.where(length < TINY, 1.0, length)
    return s, t, between / length[:, None]


def distance(ends: Array) -> Array:
    """Distances (M,) of pairs of segments (M, 4, 3), m."""
    return _closest(ends)[3]


def _closest(ends: Array) -> tuple[Array, Array, Array, Array]:
    """Parameters (M,), (M,), the vector (M, 3) between the closest points, and its length (M,)."""
    spans = np.matmul(SPANS, ends)
    products = np.matmul(spans, spans.transpose(0, 2, 1)).reshape(-1, 9).T
    a, b, c, e, f = products[0], products[1], products[2], products[4], products[5]
    safe_a, safe_e = np.maximum(a, TINY), np.maximum(e, TINY)
    # Parallel segments have a family of closest points, any of which will do: nothing over next to nothing.
    s = (b * f - c * e) / np.maximum(a * e - b * b, TINY * safe_a * safe_e)
    s = np.minimum(np.maximum(s, 0.0), 1.0)
    t = np.minimum(np.maximum((b * s + f) / safe_e, 0.0), 1.0)
    s = np.minimum(np.maximum((b * t - c) / safe_a, 0.0), 1.0)
    weights = np.empty((s.size, 1, 3))
    weights[:, 0, 0], weights[:, 0, 1], weights[:, 0, 2] = s, -t, 1.0
    between = np.matmul(weights, spans)[:, 0]
    return s, t, between, np.sqrt(np.einsum("ij,ij->i", between, between))
