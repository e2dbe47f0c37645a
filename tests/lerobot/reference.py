"""Builds small LeRobot policies with random weights and asks LeRobot what they answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

try:
    from lerobot.configs import FeatureType, NormalizationMode, PolicyFeature  # 0.6
except ImportError:
    from lerobot.configs.types import FeatureType, NormalizationMode, PolicyFeature
from lerobot.policies.act.configuration_act import ACTConfig
from lerobot.policies.act.modeling_act import ACTPolicy
from lerobot.policies.diffusion.configuration_diffusion import DiffusionConfig
from lerobot.policies.diffusion.modeling_diffusion import DiffusionPolicy
from lerobot.policies.factory import make_pre_post_processors

from tests.training.convert.lerobot.seeded import seeded_state

STATE, ENVIRONMENT, ACTION = "observation.state", "observation.environment_state", "action"
SIZES = {STATE: 3, ENVIRONMENT: 2, ACTION: 2}
TOP, WRIST = "observation.images.top", "observation.images.wrist"
IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
TINY_DIFFUSION: dict[str, Any] = {
    "down_dims": (8, 16), "diffusion_step_embed_dim": 8, "kernel_size": 3, "horizon": 8, "n_action_steps": 4,
    "noise_scheduler_type": "DDIM", "num_inference_steps": 4,
}  # fmt: skip
TINY_ACT: dict[str, Any] = {
    "dim_model": 16, "n_heads": 2, "dim_feedforward": 24, "latent_dim": 4, "chunk_size": 6, "n_action_steps": 3,
    "n_encoder_layers": 2, "n_vae_encoder_layers": 1,
}  # fmt: skip


def modes(name: str) -> dict[str, NormalizationMode]:
    """The same mode for every kind of feature."""
    return dict.fromkeys(("STATE", "ENV", "VISUAL", "ACTION"), NormalizationMode[name])


def save(
    directory: Path, family: str, seed: int = 0, cameras: dict[str, tuple[int, int]] | None = None, **options: Any
) -> Any:
    """Write a checkpoint with random weights and statistics; returns the policy.

    With ``cameras`` (name to height and width) the weights are those of ``seeded``, the environment's state is left
    out, and their recipe is written as ``weights.json``.
    """
    torch.manual_seed(seed)
    kinds = {STATE: FeatureType.STATE, ENVIRONMENT: FeatureType.ENV, ACTION: FeatureType.ACTION}
    features = {name: PolicyFeature(kind, (SIZES[name],)) for name, kind in kinds.items()}
    inputs = {name: features[name] for name in (STATE, ENVIRONMENT)}
    if cameras:
        del inputs[ENVIRONMENT]
        inputs |= {name: PolicyFeature(FeatureType.VISUAL, (3, *size)) for name, size in cameras.items()}
        options = {"pretrained_backbone_weights": None} | options
    common = {"input_features": inputs, "output_features": {ACTION: features[ACTION]}, "device": "cpu"}
    if family == "act":
        policy: Any = ACTPolicy(ACTConfig(**common, **(TINY_ACT | options)))
        for parameter in policy.parameters():  # LeRobot starts attention biases at zero, which would hide their loss
            if parameter.dim() == 1:
                torch.nn.init.normal_(parameter, std=0.2)
    else:
        policy = DiffusionPolicy(DiffusionConfig(**common, **(TINY_DIFFUSION | options)))
    if cameras:
        reseed(policy, directory)
    pre, post = make_pre_post_processors(policy.config, dataset_stats=statistics(seed) | camera_statistics(cameras))
    policy.save_pretrained(directory)
    pre.save_pretrained(directory)
    post.save_pretrained(directory)
    return policy.eval()


def reseed(policy: Any, directory: Path) -> None:
    """Give a policy the weights that follow from its names and shapes, and write which those are."""
    state = policy.state_dict()
    kept = {name: value for name, value in state.items() if name.endswith(("pos_grid", "batches_tracked", "pos_enc"))}
    shapes = {name: list(value.shape) for name, value in state.items()}
    policy.load_state_dict(seeded_state(shapes, kept))
    directory.mkdir(parents=True, exist_ok=True)
    recipe = {"shapes": shapes, "kept": {name: value.tolist() for name, value in kept.items()}}
    (directory / "weights.json").write_text(json.dumps(recipe))


def camera_statistics(cameras: dict[str, tuple[int, int]] | None) -> dict[str, dict[str, torch.Tensor]]:
    """ImageNet's for the first camera, as LeRobot sets them by default, and a dataset's own for the others."""
    result = {}
    for index, name in enumerate(cameras or {}):
        values = IMAGENET if index == 0 else {"mean": [0.4, 0.5, 0.3], "std": [0.2, 0.15, 0.3]}
        values = values | {"min": [0.0, 0.1, 0.02], "max": [1.0, 0.9, 0.98]}
        values |= {"q01": [0.05, 0.12, 0.1], "q99": [0.9, 0.88, 0.8], "q10": [0.1] * 3, "q90": [0.7, 0.8, 0.75]}
        result[name] = {key: torch.tensor(value).reshape(3, 1, 1) for key, value in values.items()}
    return result


def statistics(seed: int) -> dict[str, dict[str, torch.Tensor]]:
    """Statistics of every feature, all that LeRobot's modes need."""
    generator = torch.Generator().manual_seed(seed + 1)
    result = {}
    for name, size in SIZES.items():
        mean, std = torch.randn(size, generator=generator), torch.rand(size, generator=generator) + 0.2
        spread = {"min": -2.5, "q01": -2.0, "q10": -1.2, "q90": 1.3, "q99": 2.2, "max": 2.6}
        result[name] = {"mean": mean, "std": std} | {key: mean + factor * std for key, factor in spread.items()}
    return result


def inputs(
    history: int, draws: int, horizon: int, samples: int = 5, cameras: dict[str, tuple[int, int]] | None = None
) -> dict[str, np.ndarray]:
    """Raw observation histories (samples, history, size), noise (samples, draws * horizon, A), and pictures (samples,
    history, height, width, 3) uint8 in place of the environment's state.
    """
    rng = np.random.default_rng(7)
    names = (STATE,) if cameras else (STATE, ENVIRONMENT)
    values = {name: rng.normal(0, 1.5, (samples, history, SIZES[name])) for name in names}
    values["noise"] = rng.standard_normal((samples, draws * horizon, SIZES[ACTION]))
    result = {name: value.astype(np.float32) for name, value in values.items()}
    for name, size in (cameras or {}).items():
        coarse = rng.integers(0, 256, (samples, history, -(-size[0] // 8), -(-size[1] // 8), 3), dtype=np.uint8)
        result[name] = coarse.repeat(8, axis=2).repeat(8, axis=3)[:, :, : size[0], : size[1]]
    return result


def answers(policy: Any, directory: Path, given: dict[str, np.ndarray], monkeypatch: Any = None) -> np.ndarray:
    """Raw actions (samples, n, A) as LeRobot's own processors and policy compute them."""
    pre, post = make_pre_post_processors(policy.config, pretrained_path=str(directory))
    normal = {}
    for name, value in given.items():
        if name == "noise":
            continue
        tensor = torch.from_numpy(value)
        if tensor.dtype == torch.uint8:  # as lerobot's preprocess_observation and its robots' loop do
            tensor = tensor.permute(0, 1, 4, 2, 3).to(torch.get_default_dtype()) / 255
        normal[name] = pre({name: tensor})[name]
    with torch.no_grad():
        if policy.config.type == "act":
            newest = {name: value[:, -1].contiguous() for name, value in normal.items()}
            actions = policy.predict_action_chunk(newest)
        else:
            draws = list(torch.from_numpy(given["noise"]).split(policy.config.horizon, dim=1))
            start = draws.pop(0)
            if monkeypatch is not None:
                import diffusers.schedulers.scheduling_ddpm as ddpm

                monkeypatch.setattr(ddpm, "randn_tensor", lambda *a, **k: draws.pop(0))
            pictures = [normal.pop(name) for name in policy.config.image_features]
            if pictures:
                normal["observation.images"] = torch.stack(pictures, dim=-4)
            actions = policy.diffusion.generate_actions(normal, noise=start)
            assert monkeypatch is None or not draws
    return post(actions).numpy()
