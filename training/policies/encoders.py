"""Observation encoders: raw observation history -> geometric features, inside the exported graph.

A raw pose is a poor network input: quaternions cover a rotation twice, and a cube looks the same after a quarter turn.
The encoder turns raw joint positions and object poses into features in which equal situations are equal.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.policies.kinematics import ForwardKinematics


def planar_yaw_features(cos_yaw: Tensor, sin_yaw: Tensor, symmetry: int) -> Tensor:
    """``(cos(n yaw), sin(n yaw))`` by repeated angle doubling, for an object with ``n``-fold symmetry (n a power of 2).

    Args:
        cos_yaw: (...,) cosine.
        sin_yaw: (...,) sine; the pair need not be normalised.
        symmetry: 1, 2, 4, 8, ...

    Returns:
        (..., 2), unit norm.
    """
    norm = torch.sqrt(cos_yaw.square() + sin_yaw.square()).clamp(min=1e-9)
    c, s = cos_yaw / norm, sin_yaw / norm
    while symmetry > 1:
        c, s = c.square() - s.square(), 2.0 * c * s
        symmetry //= 2
    return torch.stack([c, s], dim=-1)


class TabletopEncoder(nn.Module):
    """Features for moving one object to a goal on a table with one arm and a gripper.

    Per time step: joint positions, tool position and orientation (forward kinematics), object and goal position, the
    vectors tool -> object, object -> goal, tool -> goal, the object's yaw with its symmetry removed, and the yaw of
    the object relative to the gripper.

    Args:
        kinematics: forward kinematics of the arm's ``kinematics.joints`` first joints.
        joints: number of joint positions in ``observation.state``.
        history: time steps of both features.
        symmetry: rotational symmetry of the object about the vertical, 4 for a cube.
    """

    STATE, ENVIRONMENT = "observation.state", "observation.environment_state"

    def __init__(self, kinematics: ForwardKinematics, joints: int = 8, history: int = 2, symmetry: int = 4) -> None:
        super().__init__()
        self.kinematics, self.joints, self.history, self.symmetry = kinematics, joints, history, symmetry
        self.size = history * (joints + 3 + 6 + 3 + 3 + 9 + 4)

    def forward(self, observation: dict[str, Tensor]) -> Tensor:
        """Encode raw observations.

        Args:
            observation: ``observation.state`` (B, history, joints) in rad and m, ``observation.environment_state``
                (B, history, 14) = object and goal pose, each xyz in m and quat_xyzw, in the robot's base frame.

        Returns:
            (B, size) features, not yet normalised.
        """
        state, environment = observation[self.STATE], observation[self.ENVIRONMENT]
        tool, rotation = self.kinematics(state[..., : self.kinematics.joints])
        cube, goal = environment[..., 0:3], environment[..., 7:10]
        x, y, z, w = environment[..., 3], environment[..., 4], environment[..., 5], environment[..., 6]
        cos_cube, sin_cube = 1.0 - 2.0 * (y * y + z * z), 2.0 * (w * z + x * y)
        cos_tool, sin_tool = rotation[..., 0, 0], rotation[..., 1, 0]
        relative_cos = cos_cube * cos_tool + sin_cube * sin_tool
        relative_sin = sin_cube * cos_tool - cos_cube * sin_tool
        features = [
            state, tool, rotation[..., :, 0], rotation[..., :, 1], cube, goal, cube - tool, goal - cube, goal - tool,
            planar_yaw_features(cos_cube, sin_cube, self.symmetry),
            planar_yaw_features(relative_cos, relative_sin, self.symmetry),
        ]  # fmt: skip
        return torch.cat(features, dim=-1).flatten(1)
