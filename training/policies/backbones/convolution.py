"""One-dimensional convolutions that can also be computed as one matrix product over shifted slices.

ONNX Runtime is slower on Conv1d than on the same arithmetic as MatMul. The rewrite is exact up to rounding.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Conv1d(nn.Conv1d):
    """``Conv1d`` on (B, C, T) with symmetric zero padding; ``as_matmul`` changes how, not what, it computes."""

    as_matmul = False

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) -> (B, C', T')."""
        if not self.as_matmul:
            return super().forward(x)
        kernel, stride, pad = self.kernel_size[0], self.stride[0], int(self.padding[0])
        length = (x.shape[-1] + 2 * pad - kernel) // stride + 1
        padded = nn.functional.pad(x, (pad, pad))
        slices = [padded[:, :, k : k + (length - 1) * stride + 1 : stride] for k in range(kernel)]
        columns = torch.cat(slices, dim=1).transpose(1, 2)  # (B, T', kernel * C)
        weight = self.weight.permute(2, 1, 0).reshape(-1, self.out_channels)
        assert self.bias is not None
        return (columns @ weight + self.bias).transpose(1, 2)


class Upsample(nn.ConvTranspose1d):
    """Transposed convolution (kernel 4, stride 2, padding 1), which doubles the length."""

    as_matmul = False

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 4, 2, 1)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(B, C, T) -> (B, C, 2 T)."""
        if not self.as_matmul:
            return super().forward(x)
        # Even outputs see this input and the one before, odd ones this and the next.
        before = nn.functional.pad(x, (1, 0))[:, :, :-1]
        after = nn.functional.pad(x, (0, 1))[:, :, 1:]
        w = self.weight  # (C, C', 4)
        even = torch.cat([x, before], dim=1).transpose(1, 2) @ torch.cat([w[..., 1], w[..., 3]])
        odd = torch.cat([x, after], dim=1).transpose(1, 2) @ torch.cat([w[..., 2], w[..., 0]])
        assert self.bias is not None
        return (torch.stack([even, odd], dim=2).flatten(1, 2) + self.bias).transpose(1, 2)


def use_matmul(module: nn.Module, enabled: bool = True) -> None:
    """Switch every convolution of a module between the two ways."""
    for part in module.modules():
        if isinstance(part, Conv1d | Upsample):
            part.as_matmul = enabled
