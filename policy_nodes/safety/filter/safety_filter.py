"""The barrier filter: one quadratic program per tick, between the limiter's command and the stop.

Barriers are judged where the arm could get to if it stopped right after the command: ``H(u)`` is a lower bound of every
barrier over the next period *and* the whole jerk-limited stop, whichever joint stops first (backup control barrier
functions, Chen et al., arXiv 2104.11332). The program asks for the velocity nearest to the limiter's with
``H(u) >= (1 - rate dt) H(stop)``; one slack may give up the rate, never the barrier.

Why the limiter's guarantee is kept: every joint's velocity stays between what the limiter chose and the stop's own
first step. Both leave a stop possible, and the set that does is an interval. Why the barriers hold: a command is
accepted only if ``H >= 0``; otherwise the stop is begun, which was proven to stay clear one tick earlier. A barrier
that is violated nevertheless (something moved into the arm) is :class:`Infeasible`.
"""

from __future__ import annotations

import daqp
import numpy as np

from policy_nodes.safety.filter.config import FilterConfig
from policy_nodes.safety.filter.model import FilterModel, Places, Rows
from policy_nodes.safety.filter.reach import Reach, reach_of
from policy_nodes.safety.limits import Array, Limits, Motion, stopping_acceleration

SHARES = np.array([1.0, 0.8, 0.6, 0.4, 0.2, 0.1, 0.05, 0.0])
"""Shares of the way from the stop to the program's solution that are tried, largest first."""
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
        self._curvature = np.ascontiguousarray(model.curvature.T)
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
        wanted = (command - motion.position) / limits.dt
        after = self._lowest(rows, reach_of(wanted, motion, limits))
        # Enough, without asking what the stop would do: it can do no better than the present value.
        if (after >= (1.0 - self._share) * rows.value).all():
            return command
        stop = motion.velocity + stopping_acceleration(motion, limits) * limits.dt
        reach = reach_of(np.stack([stop, wanted]), motion, limits)
        at_stop = self._lowest(rows, reach)[0]
        if (after >= np.maximum((1.0 - self._share) * at_stop, 0.0)).all():
            return command
        chosen = self._solve(rows, reach, at_stop)
        candidates = stop + SHARES[:, None] * (chosen - stop)
        good = np.asarray((self._lowest(rows, reach_of(candidates, motion, limits)) >= 0.0).all(axis=1))
        good[-1] = True  # the stop was proven a tick ago
        velocity = candidates[int(good.argmax())]
        result: Array = motion.position + velocity * limits.dt
        # Rounding must not leave the interval between two proven commands.
        stopped = motion.position + stop * limits.dt
        return np.minimum(np.maximum(result, np.minimum(stopped, command)), np.maximum(stopped, command))

    def _breached(self, rows: Rows) -> str | None:
        worst = int(rows.value.argmin())
        if rows.value[worst] >= -BREACH:
            return None
        return f"{self.model.labels[worst]}: {rows.value[worst]:.4f} below the allowed distance"

    def _lowest(self, rows: Rows, reach: Reach) -> Array:
        """Lower bound (k, m) of every barrier for k candidates, until the arm has come to rest."""
        falling, rising = np.minimum(rows.gradient, 0.0).T, np.maximum(rows.gradient, 0.0).T
        extent = np.maximum(reach.up, reach.down)
        links = self.model.kinematics.of_links(extent)
        # Sum over pairs of joints of lever(proximal) d_i d_j, each pair in both orders: d_i (d_i + 2 sum behind i).
        total = links.cumsum(axis=-1)
        second = (links * (total[..., -1:] - total + 0.5 * links)) @ self._curvature
        found: Array = rows.value + reach.up @ falling - reach.down @ rising - second
        if self._reacts:
            ahead = np.maximum(reach.velocity, 0.0) @ falling + np.minimum(reach.velocity, 0.0) @ rising
            found += self.model.reaction_s * ahead
        return found

    def _solve(self, rows: Rows, reach: Reach, at_stop: Array) -> Array:
        """Velocity (n,) of the program.

        Raises:
            Infeasible: the solver found none.
        """
        size = self._limits.low.size
        stop, wanted = reach.velocity
        gap = np.where(wanted == stop, 1.0, wanted - stop)
        # Secants from the stop to the wanted velocity: exact at both ends, and above the convex reach between them.
        up, down = (reach.up[1] - reach.up[0]) / gap, (reach.down[1] - reach.down[0]) / gap
        falling, rising = np.minimum(rows.gradient, 0.0), np.maximum(rows.gradient, 0.0)
        slope = falling * up - rising * down + self.model.reaction_s[:, None] * rows.gradient
        # What may be used up: a share of a positive value, with the slack all of it; of a negative one nothing.
        spare = np.maximum(at_stop, 0.0)
        self._rows[:, :size] = -slope
        self._rows[:, size] = -(1.0 - self._share) * spare
        self._upper[size + 1 :] = self._share * spare - slope @ stop
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
