"""Anytime sampling: how many denoising steps fit into the time that is left, from measured costs.

Costs are kept per number of evaluations. One that was never measured is estimated by the affine law through the known
ones (a fixed part for encoder and calls, a part per evaluation), which is what an unrolled sampler costs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np


def choose_steps(costs: Mapping[int, float], budget_s: float, margin: float = 1.25) -> int:
    """The largest number of evaluations whose cost, times ``margin``, fits into the budget; the smallest if none does.

    Raises:
        ValueError: no costs, or a margin below 1.
    """
    if not costs or margin < 1.0:
        raise ValueError("choosing needs the cost of at least one number of steps and a margin of 1 or more")
    fitting = [steps for steps, cost in costs.items() if cost * margin <= budget_s]
    return max(fitting, default=min(costs))


class StepCosts:
    """Measured cost of graphs that differ in their number of evaluations.

    Args:
        evaluations: the numbers that are available.
        window: measurements remembered per number; the slowest of them counts.
    """

    def __init__(self, evaluations: Sequence[int], window: int = 20) -> None:
        self._measured: dict[int, deque[float]] = {n: deque(maxlen=window) for n in sorted(set(evaluations))}

    def add(self, evaluations: int, seconds: float) -> None:
        """Note that a chunk with this many evaluations took so long."""
        self._measured[evaluations].append(seconds)

    def known(self) -> dict[int, float]:
        """Cost of every number of evaluations, measured or estimated; 0 while nothing was measured at all."""
        points = {n: max(values) for n, values in self._measured.items() if values}
        if not points:
            return dict.fromkeys(self._measured, 0.0)
        return {n: points.get(n, _estimate(points, n)) for n in self._measured}


def _estimate(points: Mapping[int, float], evaluations: int) -> float:
    """Least squares line through the points, proportional through a single one, never below the cheapest share."""
    counts, costs = np.array(list(points)), np.array(list(points.values()))
    if counts.size == 1:
        return float(costs[0] * max(evaluations / counts[0], 1.0))
    slope, offset = np.polyfit(counts, costs, 1)
    return float(max(offset + slope * evaluations, costs.min() if evaluations >= counts.min() else 0.0))
