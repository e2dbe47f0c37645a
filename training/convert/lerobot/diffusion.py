"""LeRobot's Diffusion policy as one deterministic graph: observation history and noise in, action chunk out.

Chi et al., "Diffusion Policy", arXiv 2303.04137, in LeRobot's parametrisation: a 1-D convolutional U-Net with FiLM
conditioning (arXiv 1709.07871) on the flattened observation history, pictures as keypoints, and the diffusion step.
Parameter names are LeRobot's, so that its ``model.safetensors`` loads as it is.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from policy_nodes.errors import BundleError
from training.convert.lerobot.cameras import RgbEncoder, Size
from training.convert.lerobot.schedule import Schedule

STATE = "observation.state"
ENVIRONMENT = "observation.environment_state"


class StepEmbedding(nn.Module):
    """(B,) step -> (B, size): sines then cosines of geometrically spaced frequencies."""

    frequencies: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        half = size // 2
        spacing = math.log(10000) / (half - 1)
        self.register_buffer("frequencies", torch.exp(torch.arange(half) * -spacing), persistent=False)

    def forward(self, step: Tensor) -> Tensor:
        """Embed."""
        angle = step[:, None] * self.frequencies
        return torch.cat((angle.sin(), angle.cos()), dim=-1)


class ConvBlock(nn.Module):
    """Convolution, group normalisation, Mish on (B, C, T)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, groups: int) -> None:
        super().__init__()
        convolution = nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2)
        self.block = nn.Sequential(convolution, nn.GroupNorm(groups, outputs), nn.Mish())

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, T) -> (B, outputs, T)."""
        result: Tensor = self.block(x)
        return result


class ResidualBlock(nn.Module):
    """Two convolution blocks with FiLM between them and a shortcut."""

    def __init__(self, inputs: int, outputs: int, condition: int, config: dict[str, Any]) -> None:
        super().__init__()
        kernel, groups = int(config["kernel_size"]), int(config["n_groups"])
        self.scales = bool(config["use_film_scale_modulation"])
        self.conv1 = ConvBlock(inputs, outputs, kernel, groups)
        self.cond_encoder = nn.Sequential(nn.Mish(), nn.Linear(condition, outputs * (2 if self.scales else 1)))
        self.conv2 = ConvBlock(outputs, outputs, kernel, groups)
        self.residual_conv = nn.Conv1d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """(B, inputs, T) and (B, condition) -> (B, outputs, T)."""
        hidden = self.conv1(x)
        film = self.cond_encoder(condition)[..., None]
        if self.scales:
            scale, bias = film.chunk(2, dim=1)
            hidden = scale * hidden + bias
        else:
            hidden = hidden + film
        result: Tensor = self.conv2(hidden) + self.residual_conv(x)
        return result


class ConditionalUnet1d(nn.Module):
    """Denoiser (B, T, A), step (B,), condition (B, C) -> (B, T, A).

    Args:
        channels: A.
        condition: C.
        config: the checkpoint's ``config.json``.
    """

    def __init__(self, channels: int, condition: int, config: dict[str, Any]) -> None:
        super().__init__()
        size = int(config["diffusion_step_embed_dim"])
        widths = [int(width) for width in config["down_dims"]]
        self.diffusion_step_encoder = nn.Sequential(
            StepEmbedding(size), nn.Linear(size, 4 * size), nn.Mish(), nn.Linear(4 * size, size)
        )
        total = size + condition

        def block(inputs: int, outputs: int) -> ResidualBlock:
            return ResidualBlock(inputs, outputs, total, config)

        pairs = list(zip([channels, *widths[:-1]], widths, strict=True))
        self.down_modules = nn.ModuleList()
        for index, (inputs, outputs) in enumerate(pairs):
            deepest = index == len(pairs) - 1
            shrink = nn.Identity() if deepest else nn.Conv1d(outputs, outputs, 3, 2, 1)
            self.down_modules.append(nn.ModuleList([block(inputs, outputs), block(outputs, outputs), shrink]))
        self.mid_modules = nn.ModuleList([block(widths[-1], widths[-1]), block(widths[-1], widths[-1])])
        self.up_modules = nn.ModuleList()
        for outputs, inputs in reversed(pairs[1:]):
            grow = nn.ConvTranspose1d(outputs, outputs, 4, 2, 1)
            self.up_modules.append(nn.ModuleList([block(2 * inputs, outputs), block(outputs, outputs), grow]))
        # LeRobot gives the last block its default of eight groups whatever n_groups says.
        last = ConvBlock(widths[0], widths[0], int(config["kernel_size"]), 8)
        self.final_conv = nn.Sequential(last, nn.Conv1d(widths[0], channels, 1))

    def forward(self, x: Tensor, step: Tensor, condition: Tensor) -> Tensor:
        """One evaluation."""
        condition = torch.cat((self.diffusion_step_encoder(step), condition), dim=-1)
        hidden = x.transpose(1, 2)
        skips = []
        for stage in self.down_modules:
            blocks = list(stage)  # type: ignore[call-overload]
            hidden = blocks[1](blocks[0](hidden, condition), condition)
            skips.append(hidden)
            hidden = blocks[2](hidden)
        for module in self.mid_modules:
            hidden = module(hidden, condition)
        for stage in self.up_modules:
            blocks = list(stage)  # type: ignore[call-overload]
            hidden = torch.cat((hidden, skips.pop()), dim=1)
            hidden = blocks[2](blocks[1](blocks[0](hidden, condition), condition))
        result: Tensor = self.final_conv(hidden)
        return result.transpose(1, 2)


class DiffusionModel(nn.Module):
    """Sampler around the U-Net; state under ``diffusion.`` in LeRobot's checkpoint.

    Args:
        channels: action size A.
        features: observation features with their sizes.
        cameras: cameras in LeRobot's order, with their sizes.
        config: ``config.json``.
        plan: the sampler's steps.

    Raises:
        BundleError: a backbone that is not built here.
    """

    def __init__(
        self,
        channels: int,
        features: dict[str, int],
        cameras: dict[str, Size],
        config: dict[str, Any],
        plan: Schedule,
    ) -> None:
        super().__init__()
        self.horizon, self.history = int(config["horizon"]), int(config["n_obs_steps"])
        # LeRobot concatenates the robot's state, the cameras, the environment's state, whatever their stored order.
        self.before = tuple(name for name in features if name == STATE)
        self.after = tuple(name for name in features if name != STATE)
        self.cameras, self.plan = tuple(cameras), plan
        encoded = 0
        if cameras:
            sizes = list(cameras.values())
            if len(set(sizes)) != 1:
                raise BundleError(f"the cameras have the sizes {sizes}.", "LeRobot's Diffusion takes one size for all.")
            self.separate = bool(config["use_separate_rgb_encoder_per_camera"])
            encoders = [RgbEncoder(config, size) for size in (sizes if self.separate else sizes[:1])]
            self.rgb_encoder: nn.Module = nn.ModuleList(encoders) if self.separate else encoders[0]
            encoded = len(sizes) * encoders[0].out.out_features
        self.condition_size = self.history * (sum(features.values()) + encoded)
        self.unet = ConditionalUnet1d(channels, self.condition_size, config)

    @property
    def noise_rows(self) -> int:
        """Rows of the noise input: one horizon per draw."""
        return self.plan.draws * self.horizon

    def condition(self, observation: dict[str, Tensor]) -> Tensor:
        """(B, history * (sizes + keypoints)) of normalised observations and cameras, see :meth:`forward`."""
        parts = [observation[name] for name in self.before]
        for index, name in enumerate(self.cameras):
            encode = self.rgb_encoder.get_submodule(str(index)) if self.separate else self.rgb_encoder
            parts.append(encode(observation[name].flatten(0, 1)).unflatten(0, (-1, self.history)))
        parts += [observation[name] for name in self.after]
        return torch.cat(parts, dim=-1).flatten(1)

    def forward(self, observation: dict[str, Tensor], noise: Tensor) -> tuple[Tensor, Tensor]:
        """Sample.

        Args:
            observation: normalised, each (B, history, size), cameras (B, history, C, H, W).
            noise: (B, noise_rows, A) standard normal.

        Returns:
            Normalised actions (B, horizon - history + 1, A) from the newest observation on, and the conditioning
            vector (B, history * (sizes + keypoints)).
        """
        condition = self.condition(observation)
        draws = list(noise.split(self.horizon, dim=1))
        sample = draws.pop(0)
        for step in self.plan.steps:
            time = sample.new_full((sample.shape[0],), float(step.timestep))
            output = self.unet(sample, time, condition)
            if self.plan.predicts_noise:
                epsilon, data = output, (sample - step.noise * output) / step.signal
            else:
                epsilon, data = (sample - step.signal * output) / step.noise, output
            if self.plan.clip is not None:
                data = data.clamp(-self.plan.clip, self.plan.clip)
            sample = step.data_gain * data + step.sample_gain * sample + step.output_gain * epsilon
            if step.sigma > 0:
                sample = sample + step.sigma * draws.pop(0)
        return sample[:, self.history - 1 :], condition
