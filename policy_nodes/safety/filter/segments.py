"""Closest points of line segments (Ericson, *Real-Time Collision Detection*, 2005, section 5.1.9), vectorised.

With ``p = first + s d1`` and ``q = second + t d2`` the closest parameters follow from five scalar products. Lengths of
rigid bodies are constant, so that per configuration three of them remain.
"""

from __future__ import annotations

import numpy as np

from policy_nodes.safety.limits import Array

TINY = 1e-12
SPANS = np.array([[-1.0, 1.0, 0.0, 0.0], [0.0, 0.0, -1.0, 1.0], [1.0, 0.0, -1.0, 0.0]])
"""From the four ends: along the first segment, along the second, from the second's start to the first's."""


class ClosestParameters:
    """Parameters of the closest points of M pairs of segments whose lengths are known.

    Args:
        a: (M,) squared length of the first segment, 0 for a point, m^2.
        e: (M,) of the second.
    """

    def __init__(self, a: Array, e: Array) -> None:
        safe_a, safe_e = np.maximum(a, TINY), np.maximum(e, TINY)
        self._inverse_a, self._inverse_e = 1.0 / safe_a, 1.0 / safe_e
        self._e, self._determinant = np.array(e), a * e
        # Parallel segments have a family of closest points, any of which will do: nothing over next to nothing.
        self._least = TINY * safe_a * safe_e
        self.s, self.t, self._spare = np.empty((3, *a.shape))
        self._zero, self._one = np.zeros(a.shape), np.ones(a.shape)

    def solve(self, b: Array, c: Array, f: Array) -> None:
        """Set ``s`` and ``t`` in [0, 1], (M,) each.

        Args:
            b: (M,) ``d1 . d2``; ``c``: ``d1 . r``; ``f``: ``d2 . r`` with ``r`` from the second's start to the first's.
        """
        s, t, spare = self.s, self.t, self._spare
        np.multiply(b, f, s)
        np.multiply(c, self._e, t)
        np.subtract(s, t, s)
        np.multiply(b, b, t)
        np.subtract(self._determinant, t, t)
        np.maximum(t, self._least, out=t)
        np.divide(s, t, s)
        self._clamp(s)
        np.multiply(b, s, t)
        np.add(t, f, t)
        np.multiply(t, self._inverse_e, t)
        self._clamp(t)
        np.multiply(b, t, spare)
        np.subtract(spare, c, spare)
        np.multiply(spare, self._inverse_a, s)
        self._clamp(s)

    def _clamp(self, values: Array) -> None:
        np.maximum(values, self._zero, out=values)
        np.minimum(values, self._one, out=values)


def closest(ends: Array) -> tuple[Array, Array, Array]:
    """Closest points of pairs of segments; a segment may be a point.

    Args:
        ends: (M, 4, 3) start and end of the first segment, start and end of the second, m.

    Returns:
        Parameters ``s`` and ``t`` in [0, 1], (M,) each, and the vector (M, 3) from the second segment's point to the
        first's, m.
    """
    spans = np.matmul(SPANS, ends)
    products = np.matmul(spans, spans.transpose(0, 2, 1)).reshape(-1, 9).T
    found = ClosestParameters(products[0], products[4])
    found.solve(products[1], products[2], products[5])
    weights = np.empty((found.s.size, 1, 3))
    weights[:, 0, 0], weights[:, 0, 1], weights[:, 0, 2] = found.s, -found.t, 1.0
    return found.s, found.t, np.matmul(weights, spans)[:, 0]


def normalise(between: Array, squares: Array, ones: Array) -> None:
    """Make vectors (M, D) unit vectors, in place; along the third axis where two segments touch.

    Args:
        between: vectors; ``squares``: buffer of the same shape; ``ones``: (D,).
    """
    np.multiply(between, between, squares)
    length = np.dot(squares, ones)
    np.sqrt(length, length)
    if length[length.argmin()] < TINY:
        between[length < TINY, :3] = (0.0, 0.0, 1.0)
        length[length < TINY] = 1.0
    np.divide(between, length[:, None], between)


def distance(ends: Array) -> Array:
    """Distances (M,) of pairs of segments (M, 4, 3), m."""
    between = closest(ends)[2]
    found: Array = np.sqrt(np.einsum("ij,ij->i", between, between))
    return found
