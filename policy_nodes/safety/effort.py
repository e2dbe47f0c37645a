"""Effort: is the robot loaded beyond what it may be, and what may an effort command be.

The measurement is watched for every robot: a joint that needs more effort than its limit is in contact or overloaded.
Commands in effort (torque-controlled arms, legged robots) stay inside limit and rate, as with libfranka (1000 N m/s),
and follow ros2_control's joint limiter near position and velocity limits: the side that pushes further out is closed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from policy_nodes.safety.config import JointLimit
from policy_nodes.safety.limits import Array
from policy_nodes.safety.reasons import Reason
from policy_nodes.safety.watch import Fault
from policy_nodes.types import FloatArray


class EffortWatch:
    """Finds a measured effort that stays beyond its limit.

    Args:
        joints: limits in command order; joints without one are not judged.
        debounce: consecutive samples that make a fault.
    """

    def __init__(self, joints: Sequence[JointLimit], debounce: int) -> None:
        self._names = [joint.name for joint in joints]
        self._limit = np.array([np.inf if joint.effort is None else joint.effort for joint in joints])
        self._debounce = debounce
        self._run = np.zeros(len(joints), dtype=np.int64)
        self._fault: Fault | None = None
        self.judges = bool(np.isfinite(self._limit).any())
        """Whether any joint has a limit."""

    def sample(self, effort: FloatArray | None) -> None:
        """Take a measured effort (n,), N m or N; None or another length, from a driver without effort, says nothing."""
        if effort is None or not self.judges or np.shape(effort) != self._limit.shape:
            return
        # Not finite counts as beyond: a torque sensor that fails must not look like a light load.
        beyond = ~(np.abs(effort) <= self._limit) & np.isfinite(self._limit)
        self._run = np.where(beyond, self._run + 1, 0)
        worst = int(self._run.argmax())
        self._fault = None
        if self._run[worst] >= self._debounce:
            text = f"'{self._names[worst]}': {effort[worst]:.3g}, allowed {self._limit[worst]:.3g}"
            self._fault = Fault(Reason.EFFORT_EXCEEDED, text)

    def fault(self) -> Fault | None:
        """EFFORT_EXCEEDED while the newest samples are beyond the limit."""
        return self._fault


class EffortLimiter:
    """Keeps effort commands inside limit and rate, and off the side that pushes into a violated limit.

    Args:
        joints: limits in command order.
        dt: control period, s.
    """

    def __init__(self, joints: Sequence[JointLimit], dt: float) -> None:
        def column(values: list[float | None]) -> Array:
            return np.array([np.inf if value is None else value for value in values])

        self._limit = column([joint.effort for joint in joints])
        self._step = column([joint.effort_rate for joint in joints]) * dt
        self._low = np.array([joint.position_min for joint in joints])
        self._high = np.array([joint.position_max for joint in joints])
        self._velocity = np.array([joint.velocity for joint in joints])

    def next(self, previous: Array, wanted: Array, position: Array, velocity: Array) -> Array:
        """Effort command (n,) nearest to ``wanted``.

        Args:
            previous: effort commanded last (n,), N m or N.
            wanted: (n,) by the policy.
            position: measured (n,); ``velocity``: likewise.

        Raises:
            ValueError: ``wanted`` is not n finite numbers.
        """
        if np.shape(wanted) != self._limit.shape or not np.isfinite(wanted).all():
            raise ValueError(f"wanted effort of shape {np.shape(wanted)} is not {self._limit.size} finite numbers")
        no_up = (position >= self._high) | (velocity >= self._velocity)
        no_down = (position <= self._low) | (velocity <= -self._velocity)
        upper = np.where(no_up, 0.0, self._limit)
        lower = np.where(no_down, 0.0, -self._limit)
        inside = np.minimum(np.maximum(wanted, lower), upper)
        found: Array = np.minimum(np.maximum(inside, previous - self._step), previous + self._step)
        return found
