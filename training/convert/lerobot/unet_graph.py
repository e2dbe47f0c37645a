"""The U-Net of LeRobot's Diffusion policy written as ONNX operators that inference engines run fast.

The arithmetic is :class:`diffusion.ConditionalUnet1d`'s, in another order: activations are (batch, steps, groups,
channels of a group); a convolution is one gathering of shifted rows and one matrix product; group normalisation is a
layer normalisation over the steps and channels of a group; what FiLM adds for a noise level is a row of a table, and
what it adds for an observation is computed once per chunk, because Mish works on each element by itself. Every small
operator costs microseconds, whatever it computes, and all of them are paid at every step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from training.convert.lerobot.diffusion import ConditionalUnet1d, ConvBlock, ResidualBlock
from training.export.builder import GraphBuilder


def mish(graph: GraphBuilder, x: str) -> str:
    """``x * tanh(softplus(x))``."""
    return graph.op("Mul", x, graph.op("Tanh", graph.op("Softplus", x)))


class Film:
    """The modulation of all residual blocks side by side: a row per noise level plus a row per observation.

    Args:
        unet: with its weights.
        timesteps: of the sampler, what the network is told.
    """

    table: NDArray[np.float32]

    def __init__(self, unet: ConditionalUnet1d, timesteps: Sequence[int]) -> None:
        self.blocks = [module for module in unet.modules() if isinstance(module, ResidualBlock)]
        layers: list[Any] = [block.cond_encoder[1] for block in self.blocks]
        embed: Any = unet.diffusion_step_encoder
        told = embed[3].out_features
        with torch.no_grad():
            levels = F.mish(embed(torch.tensor(timesteps, dtype=torch.float32)))
            rows = [levels @ layer.weight[:, :told].T + layer.bias for layer in layers]
            observed = torch.cat([layer.weight[:, told:] for layer in layers])
        self.table = torch.cat(rows, dim=1).numpy()
        """(levels, W)."""
        self._observed = observed.T.numpy()

    @property
    def width(self) -> int:
        """W."""
        return self.table.shape[1]

    def observed(self, graph: GraphBuilder, condition: str) -> str:
        """The part of an observation: (B, C) -> (B, W)."""
        return graph.op("MatMul", mish(graph, condition), graph.constant(self._observed))

    def parts(self, graph: GraphBuilder, film: str) -> dict[ResidualBlock, list[str]]:
        """Per block its scale and bias, or its bias alone, each (B, 1, groups, channels), of (B, W)."""
        sizes, shapes = [], []
        for block in self.blocks:
            norm: Any = block.conv1.block[1]
            sizes += [norm.num_channels] * (1 + block.scales)
            shapes += [(norm.num_groups, norm.num_channels // norm.num_groups)] * (1 + block.scales)
        pieces = graph.split(film, sizes, axis=1)
        shaped = iter([graph.reshape(piece, -1, 1, *shape) for piece, shape in zip(pieces, shapes, strict=True)])
        return {block: [next(shaped) for _ in range(1 + block.scales)] for block in self.blocks}


class UnetGraph:
    """One evaluation, appended to a graph.

    Args:
        graph: that it is appended to.
        film: per residual block, see :meth:`Film.parts`.
        groups: of the residual blocks' normalisations.
    """

    def __init__(self, graph: GraphBuilder, film: dict[ResidualBlock, list[str]], groups: int) -> None:
        self.graph, self.film, self.groups = graph, film, groups
        self.steps = 0

    def forward(self, unet: ConditionalUnet1d, x: str, horizon: int) -> str:
        """(B, horizon, A) -> (B, horizon, A)."""
        graph, self.steps = self.graph, horizon
        skips: list[str] = []
        x = graph.op("Unsqueeze", x, graph.integers(2))
        for stage in unet.down_modules:
            first, second, shrink = list(stage)  # type: ignore[call-overload]
            x = self._residual(self._residual(x, first), second)
            skips.append(x)
            x = self._convolve(x, shrink, self.groups) if isinstance(shrink, nn.Conv1d) else x
        middle: Any = unet.mid_modules
        for block in middle:
            x = self._residual(x, block)
        for stage in unet.up_modules:
            first, second, grow = list(stage)  # type: ignore[call-overload]
            x = graph.op("Concat", x, skips.pop(), axis=2)
            x = self._grow(self._residual(self._residual(x, first), second), grow)
        last: Any = unet.final_conv
        x = self._convolve(self._block(x, last[0]), last[1], 1)
        return graph.op("Squeeze", x, graph.integers(2))

    def _rows(self, x: str, channels: int, places: list[list[int]]) -> str:
        """(B, T, G, c) -> (B T', k C): per output step the input steps at its places, zeros where there is none."""
        graph, none = self.graph, self.steps
        if places != [[step] for step in range(none)]:
            inside = [[place if 0 <= place < none else none for place in row] for row in places]
            x = graph.op("Pad", x, graph.integers(0, 0, 0, 0, 0, 1, 0, 0))
            x = graph.op("Gather", x, graph.constant(inside, np.int64), axis=1)
        self.steps = len(places)
        return graph.reshape(x, -1, len(places[0]) * channels)

    def _product(self, rows: str, weight: Tensor, bias: Tensor, groups: int) -> str:
        """Matrix product and bias -> (B, T, G, c) of :attr:`steps`."""
        graph = self.graph
        y = graph.op("Gemm", rows, graph.constant(weight.numpy()), graph.constant(bias.numpy()))
        return graph.reshape(y, -1, self.steps, groups, weight.shape[1] // groups)

    def _convolve(self, x: str, layer: nn.Conv1d, groups: int) -> str:
        kernel, stride, padding = layer.kernel_size[0], layer.stride[0], int(layer.padding[0])
        count = (self.steps + 2 * padding - kernel) // stride + 1
        places = [[step * stride + k - padding for k in range(kernel)] for step in range(count)]
        weight = layer.weight.detach().permute(2, 1, 0).reshape(-1, layer.out_channels)
        assert layer.bias is not None
        return self._product(self._rows(x, layer.in_channels, places), weight, layer.bias.detach(), groups)

    def _grow(self, x: str, layer: nn.Module) -> str:
        """Transposed convolution (kernel 4, stride 2, padding 1): both outputs of an input step in one product."""
        if not isinstance(layer, nn.ConvTranspose1d):
            return x
        steps, w = self.steps, layer.weight.detach()  # (C, C', 4)
        rows = self._rows(x, layer.in_channels, [[step - 1, step, step + 1] for step in range(steps)])
        none = torch.zeros_like(w[..., 0])
        even, odd = torch.cat([w[..., 3], w[..., 1], none]), torch.cat([none, w[..., 2], w[..., 0]])
        assert layer.bias is not None
        graph, channels = self.graph, layer.out_channels
        weight, bias = torch.cat([even, odd], dim=1), layer.bias.detach().repeat(2)
        y = graph.op("Gemm", rows, graph.constant(weight.numpy()), graph.constant(bias.numpy()))
        self.steps = 2 * steps
        return graph.reshape(y, -1, self.steps, self.groups, channels // self.groups)

    def _block(self, x: str, block: ConvBlock) -> str:
        """Convolution, group normalisation, Mish."""
        graph = self.graph
        layer: Any = block.block[0]
        norm: Any = block.block[1]
        groups, size = norm.num_groups, norm.num_channels // norm.num_groups
        y = graph.op("Transpose", self._convolve(x, layer, groups), perm=[0, 2, 1, 3])
        ones = graph.constant(np.ones((self.steps, size)))
        y = graph.op("LayerNormalization", y, ones, axis=-2, epsilon=norm.eps)
        y = graph.op("Transpose", y, perm=[0, 2, 1, 3])
        weight, bias = (graph.constant(v.detach().numpy().reshape(groups, size)) for v in (norm.weight, norm.bias))
        return mish(graph, graph.op("Add", graph.op("Mul", y, weight), bias))

    def _residual(self, x: str, block: ResidualBlock) -> str:
        graph, steps = self.graph, self.steps
        hidden = self._block(x, block.conv1)
        *scale, bias = self.film[block]
        if scale:
            hidden = graph.op("Mul", hidden, scale[0])
        hidden = self._block(graph.op("Add", hidden, bias), block.conv2)
        self.steps = steps
        shortcut = block.residual_conv
        return graph.op(
            "Add", hidden, self._convolve(x, shortcut, self.groups) if isinstance(shortcut, nn.Conv1d) else x
        )
