"""Observation encoder of two arms and one object: where both tools are, and where the object is from each of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from training.policies.encoders import TabletopEncoder, planar_yaw_features
from training.policies.kinematics import ForwardKinematics


class BimanualEncoder(nn.Module):
    """Features for handing an object over.

    Per time step: joint positions; per arm the tool's position, two columns of its orientation, and the object's
    position and orientation seen from the tool; the object's position, and its yaw with the symmetry removed.

    Args:
        arms: forward kinematics of each arm to its tool, all in the frame of the object poses.
        rows: first joint of each arm in ``observation.state``.
        joints: number of joint positions in ``observation.state``.
        history: time steps of both features.
        symmetry: rotational symmetry of the object about the vertical, 4 for a cube.
    """

    STATE, ENVIRONMENT = TabletopEncoder.STATE, TabletopEncoder.ENVIRONMENT

    def __init__(
        self, arms: Sequence[ForwardKinematics], rows: Sequence[int], joints: int, history: int = 2, symmetry: int = 4
    ) -> None:
        super().__init__()
        self.arms, self.symmetry = nn.ModuleList(arms), symmetry
        self.rows = [slice(first, first + arm.joints) for first, arm in zip(rows, arms, strict=True)]
        self.size = history * (joints + len(arms) * (3 + 6 + 3 + 2) + 3 + 2)

    def forward(self, observation: dict[str, Tensor]) -> Tensor:
        """Encode raw observations.

        Args:
            observation: ``observation.state`` (B, history, joints) in rad and m, ``observation.environment_state``
                (B, history, 7) = pose of the object, xyz in m and quat_xyzw, in the frame of the arms.

        Returns:
            (B, size) features, not yet normalised.
        """
        state, environment = observation[self.STATE], observation[self.ENVIRONMENT]
        place, (x, y, z, w) = environment[..., :3], environment[..., 3:7].unbind(-1)
        cos, sin = 1.0 - 2.0 * (y * y + z * z), 2.0 * (w * z + x * y)
        side = torch.stack([cos, sin], dim=-1)
        features = [state, place, planar_yaw_features(cos, sin, self.symmetry)]
        for arm, joints in zip(self.arms, self.rows, strict=True):
            tool, rotation = arm(state[..., joints])
            # The way to the object in the gripper's own axes is what grasping depends on.
            seen = (rotation.transpose(-1, -2) @ (place - tool).unsqueeze(-1)).squeeze(-1)
            across = rotation[..., :2, 1]
            relative = torch.stack(
                [(across * side).sum(-1), across[..., 0] * side[..., 1] - across[..., 1] * side[..., 0]], dim=-1
            )
            features += [tool, rotation[..., :, 0], rotation[..., :, 1], seen, relative]
        return torch.cat(features, dim=-1).flatten(1)
