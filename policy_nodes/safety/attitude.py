"""Fall detection for legged robots: how far the trunk is tilted, from the direction of gravity in its frame.

Unitree's deployments stop at 1.0 rad, rl_sar at 75 degrees; a robot that tilts further cannot be caught by a stop.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from policy_nodes.safety.attitude_config import AttitudeConfig
from policy_nodes.safety.limits import Array
from policy_nodes.safety.reasons import Reason
from policy_nodes.safety.watch import Fault


def tilt(gravity: Array) -> float:
    """Angle between the trunk's up axis and the vertical, rad, of the direction of gravity (3,) in its frame."""
    return float(np.arccos(np.clip(-gravity[2] / max(float(np.linalg.norm(gravity)), 1e-9), -1.0, 1.0)))


class AttitudeWatch:
    """Judges the trunk's attitude.

    Args:
        config: the section, or None to judge nothing.
    """

    def __init__(self, config: AttitudeConfig | None) -> None:
        self._config = config

    def fault(self, values: Mapping[str, Array], enabling: bool = False) -> Fault | None:
        """FALLEN beyond the limit in use; nothing before the term was received, which is a fault of its own.

        Args:
            values: last good value by observation term.
            enabling: judge by ``enable_tilt``.
        """
        config = self._config
        if config is None or config.term not in values:
            return None
        angle, limit = tilt(values[config.term]), config.enable_tilt if enabling else config.max_tilt
        return Fault(Reason.FALLEN, f"tilted by {angle:.2f} rad, allowed {limit:.2f}") if angle > limit else None
