"""LeRobot's ACT policy as one deterministic graph: observation in, action chunk out.

Zhao et al., "Learning Fine-Grained Bimanual Manipulation with Low-Cost Hardware", arXiv 2304.13705: a transformer
encoder over a latent token, one token per observation feature and one per cell of each camera's feature map; a decoder
with learned queries, one per step of the chunk. At inference the latent is zero, so that the variational encoder's
weights are not needed. Parameter names are LeRobot's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.convert.lerobot.cameras import Size, Trunk, sine_positions
from training.convert.lerobot.diffusion import ENVIRONMENT, STATE
from training.convert.lerobot.resnet import StoredNorm, feature_map, trunk

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu, "gelu": F.gelu}


class Attention(nn.Module):
    """Multi-head attention with the parameters of ``nn.MultiheadAttention``, batch first."""

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * size, size))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * size))
        self.out_proj = nn.Linear(size, size)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """(B, Q, D), (B, K, D), (B, K, D) -> (B, Q, D)."""
        weights, biases = self.in_proj_weight.chunk(3), self.in_proj_bias.chunk(3)
        split = [
            F.linear(x, weight, bias).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for x, weight, bias in zip((query, key, value), weights, biases, strict=True)
        ]
        mixed = F.scaled_dot_product_attention(*split)
        result: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
        return result


class Layer(nn.Module):
    """One encoder layer, or one decoder layer where ``crosses``; normalised before or after as configured."""

    def __init__(self, config: dict[str, Any], crosses: bool) -> None:
        super().__init__()
        size, heads, inner = int(config["dim_model"]), int(config["n_heads"]), int(config["dim_feedforward"])
        self.pre_norm, self.crosses = bool(config["pre_norm"]), crosses
        self.activation = ACTIVATIONS[config["feedforward_activation"]]
        self.self_attn = Attention(size, heads)
        self.linear1, self.linear2 = nn.Linear(size, inner), nn.Linear(inner, size)
        self.norm1, self.norm2 = nn.LayerNorm(size), nn.LayerNorm(size)
        if crosses:
            self.multihead_attn = Attention(size, heads)
            self.norm3 = nn.LayerNorm(size)

    def forward(self, x: Tensor, position: Tensor, memory: Tensor | None = None, keys: Tensor | None = None) -> Tensor:
        """(B, S, D) tokens, (S, D) positions, (B, M, D) memory and its keys -> (B, S, D)."""

        def attend(y: Tensor) -> Tensor:
            located = y + position
            return self.self_attn(located, located, y)

        x = self._residual(x, self.norm1, attend)
        last = self.norm2
        if self.crosses:
            assert memory is not None and keys is not None
            x = self._residual(x, self.norm2, lambda y: self.multihead_attn(y + position, keys, memory))
            last = self.norm3
        return self._residual(x, last, lambda y: self.linear2(self.activation(self.linear1(y))))

    def _residual(self, x: Tensor, norm: nn.LayerNorm, block: Any) -> Tensor:
        result: Tensor = x + block(norm(x)) if self.pre_norm else norm(x + block(x))
        return result


class Stack(nn.Module):
    """Layers in a row with a last normalisation where LeRobot has one."""

    def __init__(self, config: dict[str, Any], count: int, crosses: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList([Layer(config, crosses) for _ in range(count)])
        normalised = crosses or bool(config["pre_norm"])
        self.norm: nn.Module = nn.LayerNorm(int(config["dim_model"])) if normalised else nn.Identity()

    def forward(self, x: Tensor, position: Tensor, memory: Tensor | None = None, keys: Tensor | None = None) -> Tensor:
        """As :class:`Layer`."""
        for layer in self.layers:
            x = layer(x, position, memory, keys)
        result: Tensor = self.norm(x)
        return result


class ActModel(nn.Module):
    """Inference half of ACT; state under ``model.`` in LeRobot's checkpoint.

    Args:
        channels: action size A.
        features: observation features with their sizes.
        cameras: cameras in LeRobot's order, with their sizes.
        config: ``config.json``.

    Raises:
        BundleError: a backbone that is not built here.
    """

    positions: Tensor

    def __init__(
        self, channels: int, features: dict[str, int], cameras: dict[str, Size], config: dict[str, Any]
    ) -> None:
        super().__init__()
        size = int(config["dim_model"])
        self.horizon, self.latent = int(config["chunk_size"]), int(config["latent_dim"])
        self.encoder = Stack(config, int(config["n_encoder_layers"]), crosses=False)
        self.decoder = Stack(config, int(config["n_decoder_layers"]), crosses=True)
        self.encoder_latent_input_proj = nn.Linear(self.latent, size)
        self.names = tuple(name for name in (STATE, ENVIRONMENT) if name in features)
        if STATE in features:
            self.encoder_robot_state_input_proj = nn.Linear(features[STATE], size)
        if ENVIRONMENT in features:
            self.encoder_env_state_input_proj = nn.Linear(features[ENVIRONMENT], size)
        self.cameras = tuple(cameras)
        cells = [torch.zeros(0, size)]
        if cameras:
            dilated = bool(config["replace_final_stride_with_dilation"])
            modules, depth = trunk(
                config["vision_backbone"], next(iter(cameras.values()))[0], StoredNorm, dilate_last=dilated
            )
            self.backbone = Trunk(modules)
            self.encoder_img_feat_input_proj = nn.Conv2d(depth, size, kernel_size=1)
            cells += [sine_positions(size, *feature_map(h, w, dilated)) for _, h, w in cameras.values()]
        self.register_buffer("positions", torch.cat(cells), persistent=False)
        self.encoder_1d_feature_pos_embed = nn.Embedding(1 + len(self.names), size)
        self.decoder_pos_embed = nn.Embedding(self.horizon, size)
        self.action_head = nn.Linear(size, channels)

    def forward(self, observation: dict[str, Tensor], noise: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Answer.

        Args:
            observation: normalised, each (B, 1, size), cameras (B, 1, C, H, W).
            noise: not used; ACT is deterministic at inference.

        Returns:
            Normalised actions (B, chunk, A), and the mean of the encoder's tokens (B, D).
        """
        projections = {
            STATE: getattr(self, "encoder_robot_state_input_proj", None),
            ENVIRONMENT: getattr(self, "encoder_env_state_input_proj", None),
        }
        newest = {name: observation[name][:, -1] for name in (*self.names, *self.cameras)}
        batch = newest[self.names[0]].shape[0]
        tokens = [self.encoder_latent_input_proj(newest[self.names[0]].new_zeros(batch, self.latent))]
        for name in self.names:
            project = projections[name]
            assert project is not None
            tokens.append(project(newest[name]))
        position = torch.cat((self.encoder_1d_feature_pos_embed.weight, self.positions))
        sequence = [torch.stack(tokens, dim=1)]
        for name in self.cameras:
            cells = self.encoder_img_feat_input_proj(self.backbone(newest[name]))
            sequence.append(cells.flatten(2).transpose(1, 2))
        memory = self.encoder(torch.cat(sequence, dim=1), position)
        queries = self.decoder_pos_embed.weight
        start = memory.new_zeros(batch, self.horizon, queries.shape[-1])
        decoded = self.decoder(start, queries, memory, memory + position)
        return self.action_head(decoded), memory.mean(dim=1)
