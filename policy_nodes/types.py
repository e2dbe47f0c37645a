"""The few values that flow through the runtime: observation -> chunk -> arbitration -> command.

All stamps are integer nanoseconds of one monotonic-in-practice clock (the ROS clock of the node that owns them).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]


@dataclass(frozen=True)
class JointSample:
    """Measured joint state in contract order.

    Attributes:
        stamp_ns: time of measurement.
        position: (n,) rad, or m for prismatic joints.
        velocity: (n,) rad/s or m/s.
        effort: (n,) N m or N, None from a driver that does not measure it.
    """

    stamp_ns: int
    position: FloatArray
    velocity: FloatArray
    effort: FloatArray | None = None


@dataclass(frozen=True)
class ActionChunk:
    """A planned sequence of joint commands.

    Attributes:
        stamp_ns: time of the observation that the chunk answers; sample ``k`` is meant for ``stamp_ns + k * step_ns``.
        step_ns: spacing of the samples.
        values: (T, A) commands in contract order and units.
        sequence: counts the chunks of one policy process; a repeated or lower number is a duplicate or reordered chunk.
    """

    stamp_ns: int
    step_ns: int
    values: FloatArray
    sequence: int = 0

    @property
    def end_ns(self) -> int:
        """First instant at which the chunk says nothing any more: one step after its last sample."""
        return self.stamp_ns + self.step_ns * int(self.values.shape[0])

    def at(self, now_ns: int) -> FloatArray | None:
        """Command meant for ``now_ns``, linearly interpolated between samples: (A,), or None outside the chunk.

        The last sample is held for one step; before ``stamp_ns`` and from ``end_ns`` on there is no command.
        """
        if now_ns < self.stamp_ns or now_ns >= self.end_ns:
            return None
        phase = (now_ns - self.stamp_ns) / self.step_ns
        low = int(phase)
        high = min(low + 1, self.values.shape[0] - 1)
        weight = phase - low
        return (1.0 - weight) * self.values[low] + weight * self.values[high]


@dataclass(frozen=True)
class Alarm:
    """Verdict of a failure predictor for one policy call.

    Attributes:
        stamp_ns: time of the observation that was judged.
        active: the calibrated threshold is exceeded.
        scores: normalised scores by name; 1.0 is the threshold.
        latency_s: from the stamp to the verdict; None where nobody measured it.
    """

    stamp_ns: int
    active: bool
    scores: dict[str, float] = field(default_factory=dict)
    latency_s: float | None = None
