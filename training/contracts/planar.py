"""What contracts of robots with two position-controlled axes share."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from policy_nodes.bundle.manifest import ObservationTerm
from policy_nodes.safety.config import JointLimit


class PlanarPosition(nn.Module):
    """Positions of the robot in a chunk of commands: (N, H, 2) -> (N, H, 3) in m, z = 0."""

    def forward(self, chunk: Tensor) -> Tensor:
        """The command is the position."""
        return torch.cat([chunk, torch.zeros_like(chunk[..., :1])], dim=-1)


def axis_position(axes: Sequence[str], low: float, high: float, max_age_s: float) -> ObservationTerm:
    """Measured positions of the axes (m)."""
    return ObservationTerm(
        name="axis_position",
        topic="/joint_states",
        message_type="sensor_msgs/msg/JointState",
        field="position",
        axes=list(axes),
        unit=["m"] * len(axes),
        minimum=[low] * len(axes),
        maximum=[high] * len(axes),
        max_age_s=max_age_s,
    )


def axis_limits(axes: Sequence[str], low: float, high: float, speed: float, dt: float) -> list[JointLimit]:
    """Limits that keep workspace and speed, and let the speed turn round within one period of ``dt`` seconds."""
    acceleration = 2.0 * speed / dt
    return [
        JointLimit(
            name=name,
            position_min=low,
            position_max=high,
            velocity=speed,
            acceleration=acceleration,
            jerk=2.0 * acceleration / dt,
        )
        for name in axes
    ]
