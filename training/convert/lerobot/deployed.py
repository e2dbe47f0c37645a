"""A LeRobot policy with its processors folded in: raw observation history and noise in, raw action chunk out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from policy_nodes.errors import BundleError
from training.convert.lerobot.act import ACTIVATIONS, ActModel
from training.convert.lerobot.cameras import Pixels, Size
from training.convert.lerobot.checkpoint import Feature, LeRobotCheckpoint
from training.convert.lerobot.diffusion import DiffusionModel
from training.convert.lerobot.normalization import Affine
from training.convert.lerobot.schedule import schedule

COUNTER = ".num_batches_tracked"


@dataclass(frozen=True)
class Shape:
    """What the contract must agree with.

    Attributes:
        history: observation steps; horizon: steps of the chunk from the newest observation on.
        execution_horizon: steps LeRobot executes before it asks again.
        noise_rows: rows of the noise input, 0 for a deterministic policy.
        sampler: name; steps: network evaluations.
    """

    history: int
    horizon: int
    execution_horizon: int
    noise_rows: int
    sampler: str
    steps: int


class DeployedPolicy(nn.Module):
    """Normalisation, network, sampler, inverse normalisation.

    Args:
        normalize: by observation feature or camera; maps raw values to the model's.
        unnormalize: of the actions.
        model: works in normalised units.
    """

    def __init__(self, normalize: Mapping[str, nn.Module], unnormalize: Affine, model: nn.Module) -> None:
        super().__init__()
        self.names = tuple(normalize)
        self.normalizers = nn.ModuleList(normalize.values())
        self.unnormalize, self.model = unnormalize, model

    def forward(self, observation: dict[str, Tensor], noise: Tensor | None) -> tuple[Tensor, Tensor]:
        """Observations (B, history, size), cameras (B, history, H, W, C) uint8, noise (B, rows, A) -> chunk
        (B, horizon, A), embedding (B, E).
        """
        actions, embedding = self.model(self._normal(observation), noise)
        return self.unnormalize.inverse(actions), embedding

    def condition(self, observation: dict[str, Tensor]) -> Tensor:
        """(B, E) conditioning vector of a Diffusion policy, which is also its embedding."""
        model: Any = self.model
        return model.condition(self._normal(observation))  # type: ignore[no-any-return]

    def _normal(self, observation: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: map_(observation[name]) for name, map_ in zip(self.names, self.normalizers, strict=True)}


def build(checkpoint: LeRobotCheckpoint, sampler: str | None, steps: int | None) -> tuple[DeployedPolicy, Shape]:
    """The policy with the checkpoint's weights.

    Args:
        checkpoint: read from disk.
        sampler: ``DDPM`` or ``DDIM`` instead of the checkpoint's, None for its own.
        steps: network evaluations instead of the checkpoint's.

    Raises:
        BundleError: an architecture option that is not built here, or weights that do not fit.
    """
    flat = {feature.name: feature.shape[0] for feature in checkpoint.inputs if feature.kind != "VISUAL"}
    if not flat:
        raise BundleError("the policy observes nothing but pictures.", "convert one that observes observation.state.")
    cameras = {feature.name: _picture(feature) for feature in checkpoint.inputs if feature.kind == "VISUAL"}
    model, shape = (
        _act(checkpoint, flat, cameras)
        if checkpoint.family == "act"
        else _diffusion(checkpoint, flat, cameras, sampler, steps)
    )
    _load(model, checkpoint)
    normalize: dict[str, nn.Module] = {name: checkpoint.normalize[name] for name in flat}
    normalize |= {name: Pixels(name, size, checkpoint.normalize[name]) for name, size in cameras.items()}
    policy = DeployedPolicy(normalize, checkpoint.unnormalize, model)
    return policy.eval().requires_grad_(False), shape


def _picture(feature: Feature) -> Size:
    if len(feature.shape) != 3 or min(feature.shape) < 1:
        raise BundleError(
            f"camera '{feature.name}' has the shape {list(feature.shape)}.", "LeRobot stores [channels, height, width]."
        )
    return feature.shape[0], feature.shape[1], feature.shape[2]


def _act(checkpoint: LeRobotCheckpoint, sizes: dict[str, int], cameras: dict[str, Size]) -> tuple[nn.Module, Shape]:
    config = checkpoint.config
    if config["feedforward_activation"] not in ACTIVATIONS:
        raise BundleError(
            f"the activation is '{config['feedforward_activation']}'.", f"Keel builds {' and '.join(ACTIVATIONS)}."
        )
    if config.get("temporal_ensemble_coeff") is not None:
        raise BundleError(
            "the checkpoint ensembles over time; a bundle describes chunks.",
            "set temporal_ensemble_coeff to null and n_action_steps to what shall be executed.",
        )
    model = ActModel(checkpoint.action.shape[0], sizes, cameras, config)
    return model, Shape(1, model.horizon, int(config["n_action_steps"]), 0, "deterministic", 1)


def _diffusion(
    checkpoint: LeRobotCheckpoint,
    sizes: dict[str, int],
    cameras: dict[str, Size],
    sampler: str | None,
    steps: int | None,
) -> tuple[nn.Module, Shape]:
    config = checkpoint.config
    kind = sampler or str(config["noise_scheduler_type"])
    count = steps or int(config["num_inference_steps"] or config["num_train_timesteps"])
    model = DiffusionModel(checkpoint.action.shape[0], sizes, cameras, config, schedule(config, kind, count))
    history = int(config["n_obs_steps"])
    horizon = int(config["horizon"]) - history + 1
    execution = min(int(config["n_action_steps"]), horizon)
    return model, Shape(history, horizon, execution, model.noise_rows, kind.lower(), count)


def _load(model: nn.Module, checkpoint: LeRobotCheckpoint) -> None:
    prefix = "model." if checkpoint.family == "act" else "diffusion."
    weights = {key.removeprefix(prefix): value for key, value in checkpoint.weights().items() if key.startswith(prefix)}
    # Neither the variational encoder nor the counters of batch normalisation have a part in inference.
    weights = {k: v for k, v in weights.items() if not k.startswith("vae_encoder") and not k.endswith(COUNTER)}
    try:
        missing, unexpected = model.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        raise BundleError(
            f"the weights do not fit the configuration: {str(error).splitlines()[-1].strip()}",
            "use the config.json that was saved with them.",
        ) from None
    if missing or unexpected:
        name, what = (missing[0], "lack") if missing else (unexpected[0], "also hold")
        raise BundleError(
            f"the weights {what} '{name}' ({len(missing)} missing, {len(unexpected)} unknown).",
            "use a checkpoint saved by LeRobot 0.4 to 0.6.",
        )
    if any(not torch.isfinite(value).all() for value in weights.values()):
        raise BundleError("a weight is not finite.", "take an earlier checkpoint of the run.")
