"""LeRobot's normalisation modes as one form, ``y = (x - shift) / divisor * gain + bias``, and its inverse.

Source: the formulas of LeRobot's normalizer processor (0.4 to 0.6): MEAN_STD divides by ``std + eps`` but multiplies
by ``std`` on the way back; MIN_MAX and the quantile modes map their range to [-1, 1] and replace a zero range by eps.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

RANGES = {"MIN_MAX": ("min", "max"), "QUANTILES": ("q01", "q99"), "QUANTILE10": ("q10", "q90")}


class Affine(nn.Module):
    """Element-wise map with fixed statistics, each of the feature's shape or empty for the identity."""

    shift: Tensor
    divisor: Tensor
    factor: Tensor

    def __init__(self, mode: str, shift: Tensor, divisor: Tensor, factor: Tensor) -> None:
        super().__init__()
        self.mode = mode
        self.register_buffer("shift", shift)
        self.register_buffer("divisor", divisor)
        self.register_buffer("factor", factor)

    def forward(self, x: Tensor) -> Tensor:
        """Raw -> normalised, any leading dimensions."""
        if self.mode == "IDENTITY":
            return x
        if self.mode == "MEAN_STD":
            return (x - self.shift) / self.divisor
        return 2.0 * (x - self.shift) / self.divisor - 1.0

    def inverse(self, y: Tensor) -> Tensor:
        """Normalised -> raw, any leading dimensions."""
        if self.mode == "IDENTITY":
            return y
        if self.mode == "MEAN_STD":
            return y * self.factor + self.shift
        return (y + 1.0) / 2.0 * self.factor + self.shift


def affine(mode: str, statistics: Mapping[str, Tensor], eps: float) -> Affine:
    """The map of one feature.

    Args:
        mode: ``IDENTITY``, ``MEAN_STD``, ``MIN_MAX``, ``QUANTILES`` or ``QUANTILE10``.
        statistics: by LeRobot's names (mean, std, min, max, q01, ...), each of the feature's shape.
        eps: of the processor.

    Raises:
        KeyError: a statistic, or the mode, is not there; its name.
    """
    if mode == "IDENTITY":
        nothing = torch.zeros(0)
        return Affine(mode, nothing, nothing, nothing)
    if mode == "MEAN_STD":
        mean, std = statistics["mean"].float(), statistics["std"].float()
        return Affine(mode, mean, std + eps, std)
    low, high = (statistics[name].float() for name in RANGES[mode])
    width = high - low
    width = torch.where(width == 0, torch.tensor(eps), width)
    return Affine(mode, low, width, width)
