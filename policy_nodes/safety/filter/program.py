"""The filter's quadratic program on a solver workspace that is set up once and warm-started in every period.

Solved by daqp, a dual active-set method (Arnstrom, Bemporad and Axehill, IEEE Transactions on Automatic Control 2022),
which needs no start inside the constraints.
"""

from __future__ import annotations

import math

import daqp
import numpy as np

from policy_nodes.safety.limits import Array

OPTIMAL = 1
FREE = 1e30


class BarrierProgram:
    """``min (u - w)^T W (u - w) + p s^2`` with ``H(u) >= (1 - rate) (1 - s) H(stop)``.

    The slack ``s`` in [0, 1] gives up the rate, never ``H >= 0``. ``u`` stays between the stop and ``w``, and ``H`` is
    linear there: ``H(u) = H(stop) + slope (u - stop)``.

    Args:
        weight: (n,) diagonal of W.
        slack_weight: p.
        rows: number of rows m of H.
        rate: share of its value by which a barrier may fall in one period.
    """

    def __init__(self, weight: Array, slack_weight: float, rows: int, rate: float) -> None:
        size = weight.size
        self._size, self._rate, self._pull = size, rate, -weight
        linear, matrix = np.zeros(size + 1), np.zeros((rows, size + 1))
        upper, lower = np.ones(size + 1 + rows), np.full(size + 1 + rows, -FREE)
        lower[:size], lower[size] = -1.0, 0.0
        self._hessian = np.diag([*weight, slack_weight])
        self._data = {"f": linear, "A": matrix, "bupper": upper, "blower": lower}
        self.matrix = matrix[:, :size]
        """(m, n) minus the slope of H, to be set before :meth:`solve`."""
        self._linear, self._slack = linear[:size], matrix[:, size]
        self._high, self._low, self._upper = upper[:size], lower[:size], upper[size + 1 :]
        self.model = daqp.Model()
        """The workspace; it keeps the constraints that were active last."""
        self._set_up()

    def _set_up(self) -> None:
        data = self._data
        self.model.setup(self._hessian, data["f"], data["A"], data["bupper"], data["blower"])

    def solve(self, ends: Array, at_stop: Array) -> tuple[list[float] | None, int]:
        """The velocity ``u`` (n,), or None, and the solver's flag.

        Args:
            ends: (2, n) the stop's velocity and the wanted one.
            at_stop: (m,) H(stop), >= 0.
        """
        stop, wanted = ends
        np.multiply(at_stop, self._rate - 1.0, self._slack)
        np.add(self._rate * at_stop, np.dot(self.matrix, stop), self._upper)
        np.maximum(stop, wanted, out=self._high)
        np.minimum(stop, wanted, out=self._low)
        np.multiply(self._pull, wanted, self._linear)
        flag = self.model.update(**self._data)
        solution: list[float] = []
        if flag >= 0:
            found, _, flag, _ = self.model.solve()
            solution = found.tolist()
        if flag != OPTIMAL:
            # The start that the last period left may be a bad one; without it the answer is final.
            found, _, flag, _ = daqp.solve(self._hessian, *self._data.values())
            solution = found.tolist()
            self._set_up()
        if flag != OPTIMAL or not math.isfinite(sum(solution)):
            return None, flag
        return solution[: self._size], flag
