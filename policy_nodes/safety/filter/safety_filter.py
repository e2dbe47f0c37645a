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

import daqp
import numpy as np

from policy_nodes.safety.filter.config import FilterConfig
from policy_nodes.safety.filter.model import FilterModel, Places, Rows
from policy_nodes.safety.filter.reach import Reach, reach_of
from policy_nodes.safety.limits import Array, Limits, Motion, stopping_acceleration

ROUNDING = 2e-6
"""The program keeps this far from every barrier (m or rad): twice the tolerance of its solver."""
BREACH = 1e-6
"""A barrier this far below zero (m or rad) is violated, not rounded."""
OPTIMAL = 1


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
        count, size = len(model.labels), limits.low.size
        self._reacts = bool(model.reaction_s.any())
        self._weight = 1.0 / limits.velocity**2
        self._hessian = np.diag([*self._weight, config.slack_weight])
        self._linear = np.zeros(size + 1)
        self._rows = np.zeros((count, size + 1))
        self._upper = np.ones(size + 1 + count)
        self._lower = np.full(size + 1 + count, -1e30)
        self._lower[size] = 0.0
        self._sense = np.zeros(size + 1 + count, dtype=np.int32)

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
        limits = self._limits
        rows = self.model.rows(motion.position, places)
        breached = self._breached(rows)
        if breached is not None:
            raise Infeasible(breached)
        ends = np.empty((2, command.size))
        stop, wanted = ends
        stop[:] = motion.velocity + stopping_acceleration(motion, limits) * limits.dt
        wanted[:] = (command - motion.position) / limits.dt
        reach = reach_of(ends, motion, limits)
        at_stop, at_wanted = self._lowest(rows, reach)
        if (at_wanted >= (1.0 - self._share) * at_stop).all() and at_wanted.min() >= 0.0:
            return command
        velocity = self._solve(rows, reach, at_stop) if at_stop.min() >= 0.0 else stop
        # Rounding must not leave the interval between two proven commands.
        stopped = motion.position + stop * limits.dt
        found: Array = motion.position + velocity * limits.dt
        return np.minimum(np.maximum(found, np.minimum(stopped, command)), np.maximum(stopped, command))

    def _breached(self, rows: Rows) -> str | None:
        worst = int(rows.value.argmin())
        if rows.value[worst] >= -BREACH:
            return None
        return f"{self.model.labels[worst]}: {rows.value[worst]:.4f} below the allowed distance"

    def _lowest(self, rows: Rows, reach: Reach) -> Array:
        """Lower bounds (2, m) of every barrier at the two ends, the stop and the wanted velocity, of ``reach``."""
        falling, rising = np.minimum(rows.gradient, 0.0).T, np.maximum(rows.gradient, 0.0).T
        # One bound of the second order for everything between the two ends.
        furthest = np.maximum(reach.up, reach.down)
        links = self.model.kinematics.of_links(np.maximum(furthest[0], furthest[1]))
        total = links.cumsum()
        second = self.model.curvature @ (links * (total[-1] - total + 0.5 * links))
        found: Array = reach.up @ falling - reach.down @ rising + (rows.value - second - ROUNDING)
        if self._reacts:
            ahead = np.maximum(reach.velocity, 0.0) @ falling + np.minimum(reach.velocity, 0.0) @ rising
            found += self.model.reaction_s * ahead
        return found

    def _slope(self, rows: Rows, reach: Reach) -> Array:
        """Secants (m, n): ``at_stop + slope (u - stop)`` is a lower bound for every ``u`` between the two ends."""
        falling, rising = np.minimum(rows.gradient, 0.0), np.maximum(rows.gradient, 0.0)
        gap = reach.velocity[1] - reach.velocity[0]
        gap[gap == 0.0] = 1.0
        slope: Array = falling * ((reach.up[1] - reach.up[0]) / gap) - rising * ((reach.down[1] - reach.down[0]) / gap)
        if self._reacts:
            forward, backward = np.maximum(reach.velocity, 0.0), np.minimum(reach.velocity, 0.0)
            turned = falling * ((forward[1] - forward[0]) / gap) + rising * ((backward[1] - backward[0]) / gap)
            slope += self.model.reaction_s[:, None] * turned
        return slope

    def _solve(self, rows: Rows, reach: Reach, at_stop: Array) -> Array:
        """Velocity (n,) of the program, between the stop's and the wanted one.

        Raises:
            Infeasible: the solver found none.
        """
        size = self._limits.low.size
        stop, wanted = reach.velocity
        slope = self._slope(rows, reach)
        self._rows[:, :size] = -slope
        # With the slack at one, all that the stop would leave may be used up.
        self._rows[:, size] = (self._share - 1.0) * at_stop
        self._upper[size + 1 :] = self._share * at_stop - slope @ stop
        self._upper[:size], self._lower[:size] = np.maximum(stop, wanted), np.minimum(stop, wanted)
        self._linear[:size] = -self._weight * wanted
        solution, _, flag, _ = daqp.solve(
            self._hessian, self._linear, self._rows, self._upper, self._lower, self._sense
        )
        if flag != OPTIMAL or not np.isfinite(solution).all():
            worst = self.model.labels[int(at_stop.argmin())]
            raise Infeasible(f"the program has no solution (flag {flag}), nearest barrier: {worst}")
        found: Array = np.asarray(solution[:size])
        return found
