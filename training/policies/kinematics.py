"""Forward kinematics of a serial arm as a differentiable, exportable module.

Product of fixed transforms and revolute joints (Lynch & Park, *Modern Robotics*, 2017, ch. 4), unrolled.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from sim.robots.kinematics import ChainLink


class ForwardKinematics(nn.Module):
    """Pose of the tool in the base frame for revolute joints.

    Args:
        before: per joint, the fixed transform (4, 4) from the previous joint's moving frame to this joint's.
        axes: per joint, the unit rotation axis (3,) in the joint's frame.
        tool: fixed transform (4, 4) from the last joint's moving frame to the tool.
    """

    rotation_before: Tensor
    translation_before: Tensor
    skew: Tensor
    tool_rotation: Tensor
    tool_translation: Tensor

    def __init__(self, before: Sequence[np.ndarray], axes: Sequence[np.ndarray], tool: np.ndarray) -> None:
        super().__init__()
        transforms = np.stack([np.asarray(b, dtype=np.float64) for b in before])
        skew = np.stack([_skew(np.asarray(axis, dtype=np.float64)) for axis in axes])
        for name, value in (
            ("rotation_before", transforms[:, :3, :3]),
            ("translation_before", transforms[:, :3, 3]),
            ("skew", skew),
            ("tool_rotation", np.asarray(tool)[:3, :3]),
            ("tool_translation", np.asarray(tool)[:3, 3]),
        ):
            self.register_buffer(name, torch.as_tensor(value, dtype=torch.float32), persistent=False)
        self.joints = len(axes)

    @classmethod
    def from_chain(cls, chain: Sequence[ChainLink]) -> ForwardKinematics:
        """Build from a simulator's kinematic chain; fixed links are merged into the joints that follow them.

        Raises:
            ValueError: the chain has a prismatic joint or no joint.
        """
        before: list[np.ndarray] = []
        axes: list[np.ndarray] = []
        pending = np.eye(4)
        for link in chain:
            pending = pending @ link.fixed
            if link.kind == "fixed":
                continue
            if link.kind != "revolute":
                raise ValueError(f"joint '{link.name}' is {link.kind}; only revolute joints are supported")
            before.append(pending)
            axes.append(link.axis)
            pending = np.eye(4)
        if not axes:
            raise ValueError("the chain has no joint")
        return cls(before, axes, pending)

    def forward(self, joint_position: Tensor) -> tuple[Tensor, Tensor]:
        """Tool pose.

        Args:
            joint_position: (..., n) joint angles in rad.

        Returns:
            position (..., 3) in m and rotation matrix (..., 3, 3), both in the base frame.
        """
        position: Tensor | None = None
        rotation: Tensor | None = None
        identity = torch.eye(3, dtype=joint_position.dtype)
        for i in range(self.joints):
            q = joint_position[..., i, None, None]
            turn = identity + torch.sin(q) * self.skew[i] + (1.0 - torch.cos(q)) * (self.skew[i] @ self.skew[i])
            if rotation is None or position is None:
                position = self.translation_before[i].expand(*joint_position.shape[:-1], 3)
                rotation = self.rotation_before[i] @ turn
            else:
                position = position + (rotation @ self.translation_before[i].unsqueeze(-1)).squeeze(-1)
                rotation = rotation @ (self.rotation_before[i] @ turn)
        assert position is not None and rotation is not None
        position = position + (rotation @ self.tool_translation.unsqueeze(-1)).squeeze(-1)
        return position, rotation @ self.tool_rotation


def _skew(axis: np.ndarray) -> np.ndarray:
    """Cross-product matrix of a 3-vector."""
    x, y, z = axis / np.linalg.norm(axis)
    return np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
