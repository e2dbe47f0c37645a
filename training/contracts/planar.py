"""What contracts of robots with two position-controlled axes share."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from policy_nodes.bundle.manifest import ActionSpec, ActionTerm, ObservationTerm
from policy_nodes.safety.config import JointLimit, SafetyConfig


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


def axis_actions(
    name: str,
    axes: Sequence[str],
    low: float,
    high: float,
    dt: float,
    gains: tuple[float, float] = (0.0, 0.0),
    horizon: int = 16,
    execution_horizon: int = 8,
) -> ActionSpec:
    """Position targets (m) of the axes in chunks.

    Args:
        name: of the action term.
        axes: in order.
        low: smallest target; high: largest.
        dt: control period (s).
        gains: stiffness and damping of the axes' servos; zero for a kinematic target.
        horizon: steps of a chunk.
        execution_horizon: of them, those that are executed.
    """
    size = len(axes)
    term = ActionTerm(
        name=name,
        joints=list(axes),
        mode="position",
        unit=["m"] * size,
        offset=[0.0] * size,
        stiffness=[gains[0]] * size,
        damping=[gains[1]] * size,
        minimum=[low] * size,
        maximum=[high] * size,
    )
    return ActionSpec(
        terms=[term],
        command_topic="/forward_position_controller/commands",
        command_type="std_msgs/msg/Float64MultiArray",
        horizon=horizon,
        execution_horizon=execution_horizon,
        step_s=dt,
    )


def axis_safety(limits: list[JointLimit], max_age_s: float, margin: float) -> SafetyConfig:
    """Workspace and speed of axes whose targets may jump as far as the workspace is wide.

    Args:
        limits: from :func:`axis_limits`, equal for all axes.
        max_age_s: of joint states.
        margin: how far outside the workspace a measurement is still plausible (m).
    """
    reach = 2.0 * (limits[0].position_max - limits[0].position_min)
    return SafetyConfig(
        joints=limits,
        joint_state_timeout_s=max_age_s,
        position_tolerance=margin,
        joint_jump_slack=0.1,
        max_command_distance=reach,
        max_tracking_error=reach,
        limit_jerk_in_motion=False,
    )
