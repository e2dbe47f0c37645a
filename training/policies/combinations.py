"""Which parts go together; what does not is refused before anything is built, with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policy_nodes.errors import ConfigError
from training.samplers.table import SAMPLERS, SamplerInfo

if TYPE_CHECKING:
    from training.policies.config import PolicyConfig

ATTENTION = ("transformer", "causal", "dit", "mode", "sdp")
"""Backbones that read the observation as tokens."""
REASONS = {
    "flow": "a flow is integrated in flow time, from 0 to 1",
    "shortcut": "a shortcut model takes equal steps of a size that it is told",
    "meanflow": "the network learned the average velocity of whole steps",
    "ddpm": "the network learned discrete variance-preserving steps",
    "edm": "the network learned a continuous noise level",
    "consistency": "a consistency function jumps to the end of the path, it has no slope to integrate",
}


def sampler_name(config: PolicyConfig) -> str:
    """The sampler, ``auto`` resolved."""
    return next(iter(SAMPLERS[config.family])) if config.sampler == "auto" else config.sampler


def sampler_info(config: PolicyConfig) -> SamplerInfo:
    """The sampler of a configuration."""
    return SAMPLERS[config.family][sampler_name(config)]


def noise_rows(config: PolicyConfig) -> int:
    """Rows of the noise input: the chunks that the sampler draws, one after the other."""
    return config.horizon * sampler_info(config).draws(config.sampling_steps)


def evaluations(config: PolicyConfig) -> int:
    """Network evaluations per chunk; guidance needs two at every point."""
    return sampler_info(config).evaluations(config.sampling_steps) * (1 if config.guidance == 1.0 else 2)


def check_combination(config: PolicyConfig) -> None:
    """Refuse parts that do not fit together.

    Raises:
        ConfigError: with the reason and what to use instead.
    """
    known = SAMPLERS[config.family]
    if config.sampler != "auto" and config.sampler not in known:
        raise ConfigError(
            f"objective {config.objective} cannot be sampled with {config.sampler}: {REASONS[config.family]}.",
            f"use --config.policy.sampler {' or '.join(known)}.",
        )
    _check_steps(config)
    _check_network(config)
    if config.family == "ddpm" and config.clip_sample and config.scaling != "minmax":
        raise ConfigError(
            "--config.policy.clip-sample clips to [-1, 1], but standard scaling goes beyond: samples would saturate.",
            "use --config.policy.action-scaling minmax, or --config.policy.no-clip-sample.",
        )
    if not 0.0 <= config.condition_dropout < 1.0:
        raise ConfigError(
            f"--config.policy.condition-dropout is {config.condition_dropout}.", "give a number in [0, 1)."
        )
    if config.guidance != 1.0 and config.condition_dropout == 0.0:
        raise ConfigError(
            f"--config.policy.guidance {config.guidance} needs a network that also learned without a goal.",
            "train with --config.policy.condition-dropout 0.1.",
        )
    if config.guidance != 1.0 and config.family == "consistency":
        raise ConfigError(
            "a consistency function cannot be guided after training: it maps noise to samples in one jump.",
            "guide the teacher and distil it, or use --config.policy.objective edm.",
        )


def _check_steps(config: PolicyConfig) -> None:
    steps = config.sampling_steps
    if config.family == "ddpm" and steps > config.diffusion.train_steps:
        raise ConfigError(
            f"{steps} sampling steps, but the network learns {config.diffusion.train_steps} levels.",
            "use at most --config.policy.diffusion.train-steps.",
        )
    if config.family == "shortcut" and (steps & (steps - 1) or steps > config.shortcut.base_steps):
        raise ConfigError(
            f"a shortcut model cannot take {steps} steps: {REASONS['shortcut']}.",
            f"use a power of two up to {config.shortcut.base_steps}.",
        )


def _check_network(config: PolicyConfig) -> None:
    if config.backbone in ATTENTION and config.width % config.heads:
        raise ConfigError(
            f"--config.policy.width {config.width} cannot be shared by {config.heads} heads.",
            "use a multiple of --config.policy.heads.",
        )
    if config.backbone == "unet" and (config.horizon % 2 ** (config.depth - 1) or config.width % 8):
        raise ConfigError(
            f"a U-Net of depth {config.depth} and width {config.width} does not fit {config.horizon} steps.",
            "use a horizon divisible by 2 ** (depth - 1), and a width divisible by 8.",
        )
    if config.conditioning == "concat" and config.backbone not in ("mlp", "unet"):
        raise ConfigError(
            f"--config.policy.conditioning concat: backbone {config.backbone} reads the condition as tokens.",
            "use film, or the unet or mlp backbone.",
        )
    if config.embedding == "moore" and config.experts.count > config.embedding_size:
        raise ConfigError(
            f"{config.experts.count} experts cannot be orthogonal in {config.embedding_size} dimensions.",
            "use at most as many --config.policy.experts.count as --config.policy.embedding-size.",
        )
    if config.objective == "meanflow" and config.backbone in ATTENTION:
        raise ConfigError(
            f"--config.policy.objective meanflow: backbone {config.backbone} attends, and PyTorch's attention on a CPU "
            "has no forward-mode derivative.",
            "use the mlp or unet backbone, or --config.policy.objective shortcut.",
        )
    if config.objective != "distillation" and config.teacher:
        raise ConfigError(
            f"--config.policy.teacher is given, but objective {config.objective} has none.",
            "use --config.policy.objective distillation.",
        )
