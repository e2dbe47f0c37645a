"""The wiping surface as a task: hold the demanded force for the length of a stroke, whatever the surface does."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.tasks.insertion.world import FORCE_TOPIC
from sim.tasks.wiping.surface import SurfaceConfig, WipingSurface, force_error
from training.suites.errors import SuiteError

TOOL = "tool_z"
FRAME = "surface"
"""Frame of the felt force: z points away from the surface."""
RATE_HZ = 50.0
STROKE_S, SETTLE_S = 4.0, 1.0
GOOD_N, HARM_N = 1.0, 20.0
"""Root mean square of the force error that counts as wiped well, and the force that damages the surface."""
SURFACE = SurfaceConfig(rate_hz=RATE_HZ, shift_probability=0.015, spread=0.3)
"""Height and stiffness differ between strokes, and the surface moves by 6 mm about three times in one."""


class WipingWorld:
    """One stroke of 4 s.

    Attributes:
        joint_names: the commanded axis.
        control_dt: period of ``step`` (s).
        surface: the model.
        forces: contact force after every step (N).

    Args:
        config: of the surface.
    """

    joint_names: tuple[str, ...] = (TOOL,)
    control_dt = 1.0 / RATE_HZ

    def __init__(self, config: SurfaceConfig = SURFACE) -> None:
        self.surface = WipingSurface(config)
        self.reset(0)

    def reset(self, seed: int | None = None) -> None:
        """Start a stroke; without a seed that of seed 0."""
        self.surface.reset(seed or 0)
        self.forces: list[float] = []
        self._velocity = 0.0

    @property
    def over(self) -> bool:
        """The stroke has ended."""
        return len(self.forces) >= round(STROKE_S * RATE_HZ)

    def step(self, command: ArrayLike) -> None:
        """Advance one control period towards a commanded height (1,) in m.

        Raises:
            SuiteError: wrong shape or not finite.
        """
        target = np.asarray(command, dtype=np.float64)
        if target.shape != (1,) or not np.isfinite(target).all():
            raise SuiteError(f"the command {target} is not one finite number.", f"send {TOOL} in m.")
        before = self.surface.z
        self.surface.step(float(target[0]))
        self._velocity = (self.surface.z - before) / self.control_dt
        if not self.over:
            self.forces.append(self.surface.force)

    def joint_state(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Height (m), velocity (m/s) and effort (zero: not measured) of the tool, each (1,)."""
        return np.array([self.surface.z]), np.array([self._velocity]), np.zeros(1)

    def object_poses(self) -> dict[str, NDArray[np.float64]]:
        """Nothing is seen."""
        return {}

    def wrenches(self) -> dict[str, NDArray[np.float64]]:
        """Force [N] and torque [N m] (6,) on the tool by topic."""
        return {FORCE_TOPIC: np.array([0.0, 0.0, self.surface.force, 0.0, 0.0, 0.0])}

    def force_error(self) -> float:
        """Root mean square of the force error (N) once the tool has come into contact; infinite before."""
        counted = self.forces[round(SETTLE_S * RATE_HZ) :]
        return force_error(np.array(counted), self.surface.config.demanded) if counted else float("inf")

    def success(self) -> bool:
        """The stroke is over, and the force was held."""
        return self.over and not self.failed()

    def failed(self) -> bool:
        """The surface is damaged, or the stroke is over and the force was not held."""
        return max(self.forces, default=0.0) > HARM_N or (self.over and self.force_error() > GOOD_N)
