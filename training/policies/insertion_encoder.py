"""Observation encoder of the insertion task: what the tabletop encoder sees, the socket's yaw, and the felt force."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.policies.encoders import TabletopEncoder, planar_yaw_features
from training.policies.kinematics import ForwardKinematics

FORCE_SCALE_N = 10.0
"""Forces enter as ``tanh(force / scale)``: touching is seen finely, and how hard a hard contact is hardly matters."""


class InsertionEncoder(nn.Module):
    """Features for putting a square peg into a square hole.

    Args:
        kinematics: forward kinematics of the arm.
        joints: number of joint positions in ``observation.state``.
        history: time steps of every feature.
    """

    STATE, ENVIRONMENT = TabletopEncoder.STATE, TabletopEncoder.ENVIRONMENT
    FORCE = "observation.force"

    def __init__(self, kinematics: ForwardKinematics, joints: int = 8, history: int = 2) -> None:
        super().__init__()
        self.table = TabletopEncoder(kinematics, joints, history, symmetry=4)
        self.size = self.table.size + history * (4 + 3)

    def forward(self, observation: dict[str, Tensor]) -> Tensor:
        """Encode raw observations.

        Args:
            observation: ``observation.state`` (B, history, joints) in rad and m, ``observation.environment_state``
                (B, history, 14) = pose of the peg and of the socket, ``observation.force`` (B, history, 3) in N, all
                in the robot's base frame.

        Returns:
            (B, size) features, not yet normalised: the tabletop encoder's, then per time step the socket's yaw and
            the peg's yaw relative to it, both modulo a quarter turn as (cos 4 yaw, sin 4 yaw), and the force.
        """
        environment = observation[self.ENVIRONMENT]
        peg_cos, peg_sin = _heading(environment[..., 3:7])
        hole_cos, hole_sin = _heading(environment[..., 10:14])
        relative_cos, relative_sin = peg_cos * hole_cos + peg_sin * hole_sin, peg_sin * hole_cos - peg_cos * hole_sin
        force = torch.tanh(observation[self.FORCE] / FORCE_SCALE_N)
        yaws = [planar_yaw_features(hole_cos, hole_sin, 4), planar_yaw_features(relative_cos, relative_sin, 4)]
        return torch.cat([self.table(observation), torch.cat([*yaws, force], dim=-1).flatten(1)], dim=-1)


def _heading(quat_xyzw: Tensor) -> tuple[Tensor, Tensor]:
    """Cosine and sine (...,) of the yaw of upright bodies, up to a common factor."""
    x, y, z, w = quat_xyzw.unbind(-1)
    return 1.0 - 2.0 * (y * y + z * z), 2.0 * (w * z + x * y)
