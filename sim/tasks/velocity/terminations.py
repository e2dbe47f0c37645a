"""When an episode ends for a reason of its own; running out of time is the engine's business."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.tasks.velocity.config import TerminationConfig
from sim.tasks.velocity.state import Floats, LeggedState


def base_touches(base_force: Floats, threshold: float) -> NDArray[np.bool_]:
    """(N,) the trunk touches something with more than ``threshold`` newtons."""
    return base_force > threshold


def tipped_over(gravity: Floats, limit: float) -> NDArray[np.bool_]:
    """(N,) the trunk is tilted by more than ``limit`` radians, from the projected gravity (N, 3)."""
    return -gravity[:, 2] < np.cos(limit)


def too_low(height: Floats, limit: float) -> NDArray[np.bool_]:
    """(N,) the trunk is closer to the ground than ``limit`` metres."""
    return height < limit


def has_fallen(state: LeggedState, config: TerminationConfig) -> NDArray[np.bool_]:
    """(N,) any of the reasons above."""
    fallen = base_touches(state.base_force, config.base_force)
    fallen |= tipped_over(state.gravity, config.tilt)
    return fallen | too_low(state.height, config.height)
