"""How LeRobot's policies look at pictures: preparation, ACT's tokens with their positions, Diffusion's keypoints.

Positions: the two-dimensional sine encoding of DETR (Carion et al., arXiv 2005.12872). Keypoints: spatial soft-argmax
(Finn et al., arXiv 1509.06113). Parameter names are LeRobot's.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from policy_nodes.errors import BundleError
from training.convert.lerobot.normalization import Affine
from training.convert.lerobot.resnet import StoredNorm, feature_map, group_norm, trunk

Size = tuple[int, int, int]
"""Channels, height, width, as LeRobot stores a picture's shape."""


class Pixels(nn.Module):
    """(B, history, H, W, C) uint8 -> (B, history, C, H, W) float as LeRobot's loop and preprocessor leave it.

    Args:
        name: of the feature.
        size: of the picture.
        normalize: of the feature, with statistics (C, 1, 1); takes values 0..1.

    Raises:
        BundleError: statistics of another shape.
    """

    def __init__(self, name: str, size: Size, normalize: Affine) -> None:
        super().__init__()
        shape = tuple(normalize.shift.shape)
        if normalize.mode != "IDENTITY" and shape != (size[0], 1, 1):
            raise BundleError(
                f"the statistics of camera '{name}' have shape {list(shape)}, not {[size[0], 1, 1]}.",
                "recompute the dataset's statistics with LeRobot 0.4 or newer.",
            )
        self.normalize = normalize

    def forward(self, pixels: Tensor) -> Tensor:
        """Prepare."""
        result: Tensor = self.normalize(pixels.permute(0, 1, 4, 2, 3).to(self.normalize.shift.dtype) / 255.0)
        return result


class Trunk(nn.ModuleDict):
    """ACT's backbone: the named modules in order, batch normalisation by stored statistics."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, D, H', W')."""
        for module in self.values():
            x = module(x)
        return x


def sine_positions(size: int, height: int, width: int) -> Tensor:
    """(height * width, size) encoding: first half for the row, second half for the column, sines and cosines in turn.

    Cells count from one and are scaled to 2 pi at the last, with DETR's small constant in the denominator.
    """
    half = size // 2
    frequency = 10000 ** (2 * (torch.arange(half, dtype=torch.float32) // 2) / half)

    def encode(count: int) -> Tensor:
        place = torch.arange(1, count + 1, dtype=torch.float32)
        angle = (place / (place[-1] + 1e-6) * (2 * math.pi))[:, None] / frequency
        return torch.stack((angle[:, 0::2].sin(), angle[:, 1::2].cos()), dim=-1).flatten(1)

    rows = encode(height)[:, None].expand(height, width, half)
    columns = encode(width)[None].expand(height, width, half)
    return torch.cat((rows, columns), dim=-1).reshape(height * width, size)


class Keypoints(nn.Module):
    """Spatial soft-argmax: (B, D, H, W) -> (B, 2 K), expected x and y of each of K maps, each -1..1."""

    pos_grid: Tensor

    def __init__(self, channels: int, height: int, width: int, keypoints: int) -> None:
        super().__init__()
        self.nets = nn.Conv2d(channels, keypoints, 1)
        y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
        self.register_buffer("pos_grid", torch.stack((x.flatten(), y.flatten()), dim=1))

    def forward(self, features: Tensor) -> Tensor:
        """Locate."""
        attention = F.softmax(self.nets(features).flatten(2), dim=-1)
        return (attention @ self.pos_grid).flatten(1)


class RgbEncoder(nn.Module):
    """Diffusion's encoder of one picture: resize, centre crop, trunk, keypoints, one layer.

    Args:
        config: ``config.json``.
        size: of the picture.

    Raises:
        BundleError: a backbone that is not built here, or a crop larger than the picture.
    """

    rows: Tensor
    columns: Tensor

    def __init__(self, config: dict[str, Any], size: Size) -> None:
        super().__init__()
        channels, height, width = size
        self.resizes = config.get("resize_shape") is not None
        if self.resizes:
            resized = [int(length) for length in config["resize_shape"]]
            self.register_buffer("rows", resize_matrix(height, resized[0]), persistent=False)
            self.register_buffer("columns", resize_matrix(width, resized[1]).T.contiguous(), persistent=False)
            height, width = resized
        crop = config.get("crop_shape")
        self.crop = (slice(0, height), slice(0, width))
        if crop is not None:
            if crop[0] > height or crop[1] > width:
                raise BundleError(
                    f"the policy crops {list(crop)} out of pictures of {[height, width]}.", "correct crop_shape."
                )
            self.crop = (centre(height, int(crop[0])), centre(width, int(crop[1])))
            height, width = int(crop[0]), int(crop[1])
        norm = group_norm if config["use_group_norm"] else StoredNorm
        modules, features = trunk(config["vision_backbone"], channels, norm)
        self.backbone = nn.Sequential(*modules.values())
        keypoints = int(config["spatial_softmax_num_keypoints"])
        self.pool = Keypoints(features, *feature_map(height, width), keypoints)
        self.out = nn.Linear(2 * keypoints, 2 * keypoints)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) normalised -> (B, 2 K)."""
        if self.resizes:
            x = self.rows @ x @ self.columns
        x = x[:, :, self.crop[0], self.crop[1]]
        return F.relu(self.out(self.pool(self.backbone(x))))


def centre(length: int, wanted: int) -> slice:
    """The middle ``wanted`` of ``length`` pixels; halves go to the even start, as torchvision rounds."""
    start = round((length - wanted) / 2)
    return slice(start, start + wanted)


def resize_matrix(length: int, wanted: int) -> Tensor:
    """(wanted, length): antialiased bilinear interpolation along one side, which is linear and separable."""
    unit = torch.eye(length)[None, None]  # float32, because PyTorch rounds the weights so
    resized = F.interpolate(unit, size=(wanted, length), mode="bilinear", antialias=True, align_corners=False)
    return resized[0, 0]
