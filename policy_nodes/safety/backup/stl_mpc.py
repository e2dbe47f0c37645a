"""Finish the task without the policy: predictive control by a search over plans, judged by temporal logic."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from policy_nodes.errors import ConfigError
from policy_nodes.safety.backup.context import BackupContext
from policy_nodes.safety.backup.jerk_limited_stop import JerkLimitedStop
from policy_nodes.safety.backup.rest import copied, stop_fits
from policy_nodes.safety.backup.stl_search import Plan, StlSearch
from policy_nodes.safety.limits import Array, Motion, carry


class StlMpc:
    """Plans anew every ``step_s`` and follows the first step of the plan through the limiter, until the task is done.

    Precondition: the stop fits inside the limits, the goal is known, and the search finds a plan that violates nothing
    that must hold. When it finds none on the way, when the task is done or the time is over, it brakes to rest. The
    commander also checks filter or recoverability in every period and stops at once.

    Args:
        context: limits, settings, geometry and observation terms.

    Raises:
        ConfigError: the section or the geometry is missing, or the search cannot be set up.
    """

    name = "stl_mpc"
    moves = guarded = True

    def __init__(self, context: BackupContext) -> None:
        settings = context.settings.stl_mpc
        if settings is None or context.model is None:
            missing = "backups.stl_mpc" if settings is None else "filter"
            raise ConfigError(f"'stl_mpc' is used but '{missing}' is missing.", f"describe it in section '{missing}'.")
        self._context, self._settings = context, settings
        self.search = StlSearch(settings, context.model, context.limits)
        self._limiter, self._stop = context.limiter(), JerkLimitedStop(context.limits)
        self._ticks_per_step = max(1, round(settings.step_s / context.limits.dt))
        self._motion = Motion.rest(context.limits.low)
        self._plan: Plan | None = None
        self._stopping = False
        self._tick = 0
        self._last_ns: int | None = None

    def admissible(self, position: NDArray, velocity: NDArray, acceleration: NDArray) -> bool:
        """Whether the stop from this state, arrays (n,), respects every limit and a plan leads on from it."""
        goal = self._goal()
        if goal is None or not stop_fits(self._context.limits, position, velocity, acceleration):
            return False
        return self.search.plan(position, self._context.places(), goal) is not None

    def start(self, now_ns: int, position: NDArray, velocity: NDArray, acceleration: NDArray) -> None:
        """Take over from the commanded motion (n,), (n,), (n,)."""
        self._motion = copied(position, velocity, acceleration)
        self._plan, self._stopping, self._tick, self._last_ns = None, False, 0, None

    def command(self, now_ns: int) -> Array:
        """Next position (n,)."""
        if now_ns == self._last_ns:
            return self._motion.position
        self._last_ns = now_ns
        if not self._stopping and self._tick % self._ticks_per_step == 0:
            self._replan(now_ns)
        self._tick += 1
        motion, dt = self._motion, self._context.limits.dt
        if self._stopping or self._plan is None:
            command = self._stop.command(now_ns)
        else:
            velocity = self._plan.velocities[0]
            command = self._limiter.next(motion, motion.position + velocity * dt, velocity)
        self._motion = motion.then(command, dt)
        return command

    def finished(self, now_ns: int) -> bool:
        """Whether the robot has come to rest, with the task done or given up."""
        return self._stopping and self._stop.finished(now_ns)

    def _replan(self, now_ns: int) -> None:
        motion, goal, places = self._motion, self._goal(), self._context.places()
        over = self._tick * self._context.limits.dt >= self._settings.limit_s
        up, down = carry(motion.velocity, motion.acceleration, self._context.limits)
        # Done is where the arm would come to rest, not where it passes by.
        if goal is None or over or self.search.satisfied(motion.position + up - down, places, goal):
            plan = None
        else:
            plan = self.search.plan(motion.position, places, goal, self._plan)
        self._plan = plan
        if plan is None:
            self._stopping = True
            self._stop.start(now_ns, motion.position, motion.velocity, motion.acceleration)

    def _goal(self) -> Array | None:
        """(3,) base frame, m; None while the term was never received."""
        if self._settings.goal_term is None:
            return np.array(self._settings.goal)
        value = self._context.terms().get(self._settings.goal_term)
        return None if value is None else value[:3]
