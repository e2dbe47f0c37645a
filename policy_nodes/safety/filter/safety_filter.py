"""The barrier filter: one quadratic program per tick, between the limiter's command and the stop.

Barriers are judged where the arm could get to if it stopped right after the command: ``H(u)`` is a lower bound of every
barrier over the next period *and* the whole jerk-limited stop, whichever joint stops first (backup control barrier
functions, Chen et al., arXiv 2104.11332). The program asks for the velocity nearest to the limiter's with
``H(u) >= (1 - rate dt) H(stop)``; one slack may give up the rate, never the barrier.

Why the limiter's guarantee is kept: every joint's velocity stays between what the limiter chose and the stop's own
first step. Both leave a stop possible, and the set that does is an interval. Why the barriers hold: between the two the
reach is a convex function of the velocity and the program's rows are its secants, so its solution has ``H >= 0``
whenever the stop has; where the bound does not show that for the stop, the stop is taken, which was proven to stay
clear one tick earlier. A barrier that is violated nevertheless (something moved into the arm) is :class:`Infeasible`.
"""

from __future__ import annotations

import numpy as np

from policy_nodes.safety.filter.config import FilterConfig
from policy_nodes.safety.filter.model import FilterModel, Places, Rows
from policy_nodes.safety.filter.program import BarrierProgram
from policy_nodes.safety.filter.reach import StopAndWanted
from policy_nodes.safety.limits import Array, Limits, Motion

ROUNDING = 2e-6
"""The program keeps this far from every barrier (m or rad): twice the tolerance of its solver."""
BREACH = 1e-6
"""A barrier this far below zero (m or rad) is violated, not rounded."""


class Infeasible(Exception):
    """No command keeps every barrier; the text names the barrier."""


class SafetyFilter:
    """Changes commands so that the arm can always stop clear of everything.

    Args:
        config: section ``filter``.
        model: the arm and its barriers.
        limits: limits of the command sequence.
    """

    def __init__(self, config: FilterConfig, model: FilterModel, limits: Limits) -> None:
        self.model = model
        self._limits = limits
        # At most everything: a larger rate would ask for more than the barrier has.
        self._share = min(config.decay_rate * limits.dt, 1.0)
        size, order = limits.low.size, len(model.kinematics.names)
        self._reacts = bool(model.reaction_s.any())
        self._reach = StopAndWanted(limits)
        rows = len(model.labels)
        self._program = BarrierProgram(1.0 / limits.velocity**2, config.slack_weight, rows, self._share)
        selection = model.kinematics.selection
        # Per row: what multiplies a displacement downwards and upwards, the curvatures, rounding, the value.
        self._parts = np.empty((rows, 3 * size + 2))
        self._slopes, self._value = self._parts[:, : 2 * size], self._parts[:, -1]
        self._falling, self._rising = self._slopes[:, :size], self._slopes[:, size:]
        self._parts[:, 2 * size : 3 * size] = -(model.curvature @ selection)
        self._parts[:, 3 * size] = -ROUNDING
        self._turned = self._parts.T
        self._scaled, self._rates, self._none = np.empty((rows, 2 * size)), np.empty(2 * size), np.zeros((rows, size))
        self._scaled_falling, self._scaled_rising = self._scaled[:, :size], self._scaled[:, size:]
        # What the columns are multiplied with, for both ends.
        self._factors = np.ones((2, 3 * size + 2))
        self._ways, self._seconds = self._factors[:, : 2 * size], self._factors[:, 2 * size : 3 * size]
        # A joint's second derivatives: half with itself, wholly with every joint after it.
        after = np.triu(np.ones((order, order))) - 0.5 * np.eye(order)
        self._after = np.ascontiguousarray(selection.T @ after @ selection)
        self._bounds, self._checks = np.empty((2, len(model.labels))), np.empty((2, len(model.labels)))
        self._tests = np.array([[self._share - 1.0, 1.0], [0.0, 1.0]])
        """From the bounds at stop and wanted velocity to what must not be negative: rate kept, barrier kept."""

    def breach(self, joints: Array, places: Places) -> str | None:
        """Name and amount of the barrier that is violated at the configuration ``joints`` (n,), or None."""
        return self._breached(self.model.rows(joints, places))

    def next(self, motion: Motion, command: Array, places: Places) -> Array:
        """Command for this tick.

        Args:
            motion: commanded motion so far.
            command: (n,) the limiter's command.
            places: where moving obstacles are.

        Returns:
            (n,) position; ``command`` itself where nothing is near.

        Raises:
            Infeasible: a barrier is violated already, or the program has no solution.
        """
        rows = self.model.evaluate(motion.position, places)
        breached = self._breached(rows)
        if breached is not None:
            raise Infeasible(breached)
        at_stop = self._lowest(rows, motion, command)[0]
        np.dot(self._tests, self._bounds, self._checks)
        if self._checks.item(self._checks.argmin()) >= 0.0:
            return command
        velocity = self._reach.stop
        if at_stop.item(at_stop.argmin()) >= 0.0:
            velocity = self._solve(at_stop)
        # Rounding must not leave the interval between two proven commands.
        dt = self._limits.dt
        steps = zip(motion.position.tolist(), self._reach.stop, velocity, command.tolist(), strict=True)
        return np.array([_between(q + v * dt, q + stop * dt, wanted) for q, stop, v, wanted in steps])

    def _breached(self, rows: Rows) -> str | None:
        worst = int(rows.value.argmin())
        if rows.value.item(worst) >= -BREACH:
            return None
        return f"{self.model.labels[worst]}: {rows.value[worst]:.4f} below the allowed distance"

    def _lowest(self, rows: Rows, motion: Motion, command: Array) -> Array:
        """Lower bounds (2, m) of every barrier at the two ends, the stop and the wanted velocity."""
        reach, bounds = self._reach, self._bounds
        np.minimum(rows.gradient, self._none, out=self._falling)
        np.maximum(rows.gradient, self._none, out=self._rising)
        self._value[:] = rows.value
        reach.find(motion, command)
        self._ways[:] = reach.ways
        # One bound of the second order for everything between the two ends.
        np.multiply(reach.furthest, np.dot(self._after, reach.furthest), self._seconds)
        np.dot(self._factors, self._turned, bounds)
        if self._reacts:
            forward, backward = np.maximum(reach.ends, 0.0), np.minimum(reach.ends, 0.0)
            bounds += self.model.reaction_s * (forward @ self._falling.T + backward @ self._rising.T)
        return bounds

    def _set_secants(self, ends: Array) -> None:
        """Rows of the program: ``at_stop + slope (u - stop)`` is a lower bound for every ``u`` between the two ends."""
        self._rates[:] = self._reach.rates()
        np.multiply(self._slopes, self._rates, self._scaled)
        np.add(self._scaled_falling, self._scaled_rising, self._program.matrix)
        if self._reacts:
            gap = ends[1] - ends[0]
            gap += gap == 0.0
            forward, backward = np.maximum(ends, 0.0), np.minimum(ends, 0.0)
            turned = self._falling * ((forward[1] - forward[0]) / gap)
            turned += self._rising * ((backward[1] - backward[0]) / gap)
            self._program.matrix -= self.model.reaction_s[:, None] * turned

    def _solve(self, at_stop: Array) -> list[float]:
        """Velocity (n,) of the program, between the stop's and the wanted one.

        Raises:
            Infeasible: the solver found none.
        """
        ends = self._reach.ends
        self._set_secants(ends)
        found, flag = self._program.solve(ends, at_stop)
        if found is None:
            worst = self.model.labels[int(at_stop.argmin())]
            raise Infeasible(f"the program has no solution (flag {flag}), nearest barrier: {worst}")
        return found


def _between(value: float, first: float, second: float) -> float:
    """``value`` moved into the interval between ``first`` and ``second``."""
    low, high = (first, second) if first < second else (second, first)
    return low if value < low else high if value > high else value
