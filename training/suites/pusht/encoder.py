"""Observation encoder of push-T: where the block's corners are, seen from the table and from the pusher."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.suites.pusht.planner import CORNERS
from training.suites.pusht.world import METRES


class PushTEncoder(nn.Module):
    """Features per time step: pusher, block position, cosine and sine of its yaw, its eight corners from the pusher,
    and the way of each corner to the goal's.

    A yaw enters as its cosine and sine, and as corners, so that no angle wraps.

    Args:
        history: time steps.
    """

    STATE, ENVIRONMENT = "observation.state", "observation.environment_state"
    corners: Tensor

    def __init__(self, history: int = 2) -> None:
        super().__init__()
        self.history = history
        self.size = history * (2 + 2 + 2 + 16 + 16)
        self.register_buffer("corners", torch.tensor(METRES * CORNERS, dtype=torch.float32), persistent=False)

    def forward(self, observation: dict[str, Tensor]) -> Tensor:
        """Encode raw observations.

        Args:
            observation: ``observation.state`` (B, history, 2) = pusher, m; ``observation.environment_state``
                (B, history, 14) = block and goal pose, each xyz in m and quat_xyzw.

        Returns:
            (B, size) features, not yet normalised.
        """
        pusher, environment = observation[self.STATE], observation[self.ENVIRONMENT]
        block, yaw = self._corners(environment[..., :7])
        goal, _ = self._corners(environment[..., 7:])
        features = [
            pusher, environment[..., :2], yaw,
            (block - pusher.unsqueeze(-2)).flatten(-2), (goal - block).flatten(-2),
        ]  # fmt: skip
        return torch.cat(features, dim=-1).flatten(1)

    def _corners(self, pose: Tensor) -> tuple[Tensor, Tensor]:
        """Corners (..., 8, 2) and (cos, sin) of the yaw (..., 2) of poses (..., 7) that only turn about z."""
        z, w = pose[..., 5:6], pose[..., 6:7]
        c, s = 1.0 - 2.0 * z * z, 2.0 * z * w
        x = c * self.corners[:, 0] - s * self.corners[:, 1]
        y = s * self.corners[:, 0] + c * self.corners[:, 1]
        return torch.stack([x, y], dim=-1) + pose[..., None, :2], torch.cat([c, s], dim=-1)
