"""The trunk of a ResNet (He et al., arXiv 1512.03385) under torchvision's parameter names, in inference form.

torchvision is not needed: LeRobot's checkpoints hold all weights, also those of a pretrained backbone. Batch
normalisation uses the stored statistics, which is what LeRobot's frozen variant (ACT) and its evaluation mode
(Diffusion) both compute; with group normalisation there is one group per 16 channels, as LeRobot has it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from policy_nodes.errors import BundleError

DEPTHS: dict[str, tuple[int, int, int, int]] = {
    "resnet18": (2, 2, 2, 2),
    "resnet34": (3, 4, 6, 3),
    "resnet50": (3, 4, 6, 3),
    "resnet101": (3, 4, 23, 3),
    "resnet152": (3, 8, 36, 3),
}
STRIDE = 32
"""Pixels of the picture per cell of the feature map, each of five halvings rounded up."""
Norm = Callable[[int], nn.Module]


class StoredNorm(nn.Module):
    """Batch normalisation by stored statistics, under the parameter names of ``nn.BatchNorm2d``."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W), same shape."""
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=1e-5)


def group_norm(channels: int) -> nn.Module:
    """Group normalisation with groups of 16 channels."""
    return nn.GroupNorm(channels // 16, channels)


class Basic(nn.Module):
    """Two 3x3 convolutions with a shortcut (resnet18, resnet34)."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int, dilation: int, norm: Norm) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, dilation, dilation, bias=False)
        self.bn1 = norm(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = norm(width)
        self.downsample = _shortcut(inputs, width, stride, norm)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, width, ceil(H / stride), ceil(W / stride))."""
        hidden = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(hidden)) + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions with a shortcut (resnet50 and deeper); the 3x3 carries stride and dilation."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int, dilation: int, norm: Norm) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = norm(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, dilation, dilation, bias=False)
        self.bn2 = norm(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = norm(4 * width)
        self.downsample = _shortcut(inputs, 4 * width, stride, norm)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, 4 width, ceil(H / stride), ceil(W / stride))."""
        hidden = F.relu(self.bn1(self.conv1(x)))
        hidden = F.relu(self.bn2(self.conv2(hidden)))
        return F.relu(self.bn3(self.conv3(hidden)) + (x if self.downsample is None else self.downsample(x)))


def _shortcut(inputs: int, outputs: int, stride: int, norm: Norm) -> nn.Module | None:
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), norm(outputs))


def trunk(name: str, channels: int, norm: Norm, dilate_last: bool = False) -> tuple[dict[str, nn.Module], int]:
    """Modules from picture to feature map, in order, and the feature map's channels.

    Args:
        name: as torchvision calls it.
        channels: of the picture.
        norm: makes a normalisation.
        dilate_last: the last stage dilates instead of halving (only with bottlenecks, as in torchvision).

    Raises:
        BundleError: an unknown backbone, not three channels, or dilation where torchvision has none.
    """
    if name not in DEPTHS:
        raise BundleError(f"the vision backbone is '{name}'.", f"Keel builds {', '.join(DEPTHS)}.")
    if channels != 3:
        raise BundleError(
            f"a camera of the policy has {channels} channels.", "Keel converts policies with RGB cameras."
        )
    block: type[Basic] | type[Bottleneck] = Basic if name in ("resnet18", "resnet34") else Bottleneck
    if dilate_last and block is Basic:
        raise BundleError(
            f"torchvision has no '{name}' with a dilated last stage.", "use the weights' own config.json."
        )
    modules: dict[str, nn.Module] = {
        "conv1": nn.Conv2d(channels, 64, 7, 2, 3, bias=False),
        "bn1": norm(64),
        "relu": nn.ReLU(),
        "maxpool": nn.MaxPool2d(3, 2, 1),
    }
    inputs = 64
    for stage, depth in enumerate(DEPTHS[name]):
        width, stride, dilation = 64 << stage, 1 if stage == 0 else 2, 1
        if stage == 3 and dilate_last:
            stride, dilation = 1, 2
        blocks = []
        for index in range(depth):
            # The first block of a dilated stage keeps the dilation of the stage before it.
            blocks.append(block(inputs, width, stride, dilation if index else 1, norm))
            inputs, stride = width * block.expansion, 1
        modules[f"layer{stage + 1}"] = nn.Sequential(*blocks)
    return modules, inputs


def feature_map(height: int, width: int, dilate_last: bool = False) -> tuple[int, int]:
    """Height and width of the trunk's output."""
    stride = STRIDE // 2 if dilate_last else STRIDE
    return -(-height // stride), -(-width // stride)
