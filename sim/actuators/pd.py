"""The position servo of a leg: a proportional-derivative law with an effort limit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class PdGains:
    """Gains of J servos.

    Attributes:
        stiffness: (J,) [N m/rad]; damping: (J,) [N m s/rad]; effort_limit: (J,) [N m].
    """

    stiffness: Floats
    damping: Floats
    effort_limit: Floats


def pd_torque(
    target: Floats, position: Floats, velocity: Floats, gains: PdGains, feedforward: Floats | float = 0.0
) -> Floats:
    """Torque (N, J) of ``stiffness (target - position) - damping velocity + feedforward``, cut at the effort limit.

    Args:
        target: (N, J) joint targets [rad]; position: (N, J) [rad]; velocity: (N, J) [rad/s].
        gains: of the servos.
        feedforward: torque added before the cut [N m].
    """
    torque = gains.stiffness * (target - position) - gains.damping * velocity + feedforward
    return np.clip(torque, -gains.effort_limit, gains.effort_limit)
