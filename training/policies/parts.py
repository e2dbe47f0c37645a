"""Makes objective and backbone by name; modules are imported only when they are chosen."""

from __future__ import annotations

from torch import nn

from training.objectives.consistency import Consistency
from training.objectives.diffusion import Diffusion
from training.objectives.edm import Edm
from training.objectives.flow import FlowMatching
from training.objectives.interface import Objective
from training.objectives.mean_flow import MeanFlow
from training.objectives.shortcut import Shortcut
from training.policies.condition import ConditionLayout
from training.policies.config import PolicyConfig


def make_objective(config: PolicyConfig) -> Objective:
    """The objective of a configuration."""
    match config.family:
        case "ddpm":
            prediction = config.objective.removeprefix("ddpm_")
            clip = 1.0 if config.clip_sample else None
            return Diffusion(config.diffusion, prediction, clip)  # type: ignore[arg-type]
        case "edm":
            return Edm(config.edm)
        case "consistency":
            return Consistency(config.edm, config.consistency)
        case "shortcut":
            return Shortcut(config.shortcut)
        case "meanflow":
            return MeanFlow()
        case _:
            return FlowMatching(config.time_density)


def make_backbone(config: PolicyConfig, action_dim: int, layout: ConditionLayout) -> nn.Module:
    """The denoiser of a configuration, for chunks of ``action_dim`` joints."""
    if config.backbone == "transformer":
        from training.policies.backbones.transformer import Transformer

        return Transformer(config, action_dim, layout)
    if config.backbone == "causal":
        from training.policies.backbones.causal import CausalDecoder

        return CausalDecoder(config, action_dim, layout)
    if config.backbone == "dit":
        from training.policies.backbones.dit import DiT

        return DiT(config, action_dim, layout)
    if config.backbone == "unet":
        from training.policies.backbones.unet import ConditionalUnet

        return ConditionalUnet(config, action_dim, layout.size)
    if config.backbone == "mode":
        from training.policies.backbones.mode import MoDE

        return MoDE(config, action_dim, layout)
    if config.backbone == "sdp":
        from training.policies.backbones.sdp import SparseTransformer

        return SparseTransformer(config, action_dim, layout)
    if config.conditioning == "concat":
        from training.policies.backbones.concat_mlp import ConcatMLP

        return ConcatMLP(config, action_dim, layout.size)
    from training.policies.residual_mlp import ResidualMLP

    return ResidualMLP(
        config.horizon, action_dim, layout.size, config.width, config.depth, config.expansion, config.time_octaves
    )
