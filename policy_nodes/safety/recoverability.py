"""Could the backup still stop the robot clear of everything after the policy's next command? Asked once per tick.

The decision module of the Simplex architecture (Sha, "Using simplicity to control complexity", IEEE Software 2001; as
run-time assurance in ASTM F3269): the unverified policy is stopped *before* the first state from which the verified
backup no longer succeeds, not when something has gone wrong. The backup itself is simulated forward from the state
after the candidate command, and every barrier is evaluated on its path. Because the answer was yes one tick earlier, a
no comes in time: the backup begun now travels exactly the path that was examined then (the "safe tail" of Wabersich
and Zeilinger, arXiv 1812.05506).

Between two examined configurations a distance changes by no more than its Lipschitz constant times the motion, so that
``(d_k + d_k+1 - L |dq|) / 2`` bounds it from below; nothing is missed between samples.

The cost of a tick is bounded: at most ``horizon_s`` of the backup is simulated and ``checks`` configurations are
examined, in one vectorised pass. A cheap bound decides most ticks without simulation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from policy_nodes.safety.backup.base import Backup
from policy_nodes.safety.filter.model import FilterModel, Places
from policy_nodes.safety.filter.reach import stop_bound
from policy_nodes.safety.limits import Array, Limits, Motion
from policy_nodes.safety.recoverability_config import RecoverabilityConfig

TOUCH = 2e-6
"""A path may come this near to a barrier (m): rounding of the filter, which stops at the same place."""


class NotRecoverable(Exception):
    """The command would lead where the backup cannot stop any more; the text names the barrier."""


class Recoverability:
    """Simulates one backup against one model of arm and scene.

    Args:
        config: section ``recoverability``.
        model: the arm and its barriers.
        limits: limits of the command sequence.
        backup: the controller that would take over; an instance of its own, because it is started in every tick.
    """

    def __init__(self, config: RecoverabilityConfig, model: FilterModel, limits: Limits, backup: Backup) -> None:
        self.simulated_ticks = 0
        """Ticks in which the cheap bound did not decide."""
        self._model, self._limits, self._backup = model, limits, backup
        self._steps = max(2, round(config.horizon_s / limits.dt))
        self._checks = config.checks

    def why_not(self, motion: Motion, places: Places) -> str | None:
        """What the backup would violate if it took over from ``motion``, or None when it stops clear of everything.

        Args:
            motion: commanded motion after the candidate command, arrays (n,).
            places: where moving obstacles are.
        """
        if not self._backup.guarded and self._clearly(motion, places):
            return None
        self.simulated_ticks += 1
        if not self._backup.admissible(motion.position, motion.velocity, motion.acceleration):
            return f"the precondition of '{self._backup.name}' does not hold"
        path = self._path(motion)
        if path is None:
            return f"'{self._backup.name}' takes longer than {self._steps * self._limits.dt:.2f} s to come to rest"
        return self._touched(path, places, self._model.reacting(motion.velocity))

    def _clearly(self, motion: Motion, places: Places) -> bool:
        """Whether nothing is within the farthest reach of the jerk-limited stop, by one evaluation at its start."""
        reach = stop_bound(motion.velocity, motion.acceleration, self._limits).max(axis=0)
        return self._model.stays_clear(motion.position, places, reach, motion.velocity)

    def plainly(self, position: Array, velocity: Array, acceleration: Array, places: Places) -> NDArray[np.bool_]:
        """The cheap bound for T motions (T, n) at once: where it is True, :meth:`why_not` finds nothing."""
        reach = stop_bound(velocity, acceleration, self._limits).max(axis=0)
        left = self._model.distances(position, places) - self._model.reacting(velocity) - self._model.motion_of(reach)
        return np.asarray((left >= 0.0).all(axis=1))

    def _path(self, motion: Motion) -> Array | None:
        """Configurations (S, n) from ``motion`` to rest, one per control period; None if that takes too long."""
        backup = self._backup
        backup.start(0, motion.position, motion.velocity, motion.acceleration)
        path = [motion.position]
        for step in range(1, self._steps + 1):
            path.append(backup.command(step))
            if backup.finished(step):
                return np.array(path)
        return None

    def _touched(self, path: Array, places: Places, reserve: Array) -> str | None:
        """The barrier that is violated somewhere on the way, at samples evenly spread over the way travelled."""
        if len(path) > self._checks:
            travelled = np.concatenate([[0.0], np.abs(np.diff(path, axis=0)).sum(axis=1).cumsum()])
            at = np.interp(np.linspace(0.0, travelled[-1], self._checks), travelled, np.arange(len(path)))
            low = np.minimum(at.astype(np.int64), len(path) - 2)
            path = path[low] + (at - low)[:, None] * (path[low + 1] - path[low])
        value = self._model.distances(path, places) - reserve
        between = 0.5 * (value[:-1] + value[1:] - self._model.motion_of(np.abs(np.diff(path, axis=0))))
        lowest = np.minimum(value.min(axis=0), between.min(axis=0, initial=np.inf))
        worst = int(lowest.argmin())
        if lowest[worst] >= -TOUCH:
            return None
        return f"{self._model.names[worst]}: the stop would come {-lowest[worst]:.4f} too near"
