"""Harm in simulation: pure functions on the state that say what is wrong now, and a watch that keeps the first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

Harm = Callable[[Any], str]
"""Name of the harm that a world shows now, empty for none."""


def geoms_of(model: Any, belongs: Callable[[str, str], bool]) -> NDArray[np.bool_]:
    """Which geoms of a MuJoCo model ``belongs(body name, geom name)`` chooses, (ngeom,)."""
    names = [(model.body(int(model.geom_bodyid[g])).name, model.geom(g).name) for g in range(model.ngeom)]
    return np.array([belongs(body, geom) for body, geom in names])


def contact_force(model: Any, data: Any, first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Sum of the normal forces (N) between two sets of geoms, at the last physics step."""
    total, wrench = 0.0, np.zeros(6)
    for index in range(data.ncon):
        one, other = data.contact.geom[index]
        if (first[one] and second[other]) or (first[other] and second[one]):
            mujoco.mj_contactForce(model, data, index, wrench)
            total += float(wrench[0])
    return total


def falls(height: float, rest_height: float, velocity_z: float, clearance: float = 0.01, speed: float = 0.7) -> bool:
    """Whether an object is in a free fall that no gripper lowers it with.

    Args:
        height: of its centre (m).
        rest_height: of its centre on its support (m).
        velocity_z: upwards (m/s).
        clearance: height above the support from which it counts (m).
        speed: downward speed (m/s); 0.7 m/s is a fall of 25 mm.
    """
    return height > rest_height + clearance and velocity_z < -speed


class HarmWatch:
    """Keeps the first harm of an episode.

    Attributes:
        what: name of the harm, empty for none.
        at: time since enabling (s); NaN for none.

    Args:
        harm: of the task.
    """

    def __init__(self, harm: Harm) -> None:
        self._harm = harm
        self.reset()

    def reset(self) -> None:
        """Forget the episode."""
        self.what, self.at = "", float("nan")

    def look(self, world: Any, seconds: float) -> None:
        """Look at the true world once per control period."""
        if not self.what:
            self.what = self._harm(world)
            self.at = seconds if self.what else float("nan")
