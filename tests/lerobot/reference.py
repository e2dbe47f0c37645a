"""Builds small LeRobot policies with random weights and asks LeRobot what they answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from lerobot.configs.types import FeatureType, NormalizationMode, PolicyFeature
from lerobot.policies.act.configuration_act import ACTConfig
from lerobot.policies.act.modeling_act import ACTPolicy
from lerobot.policies.diffusion.configuration_diffusion import DiffusionConfig
from lerobot.policies.diffusion.modeling_diffusion import DiffusionPolicy
from lerobot.policies.factory import make_pre_post_processors

STATE, ENVIRONMENT, ACTION = "observation.state", "observation.environment_state", "action"
SIZES = {STATE: 3, ENVIRONMENT: 2, ACTION: 2}
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


def save(directory: Path, family: str, seed: int = 0, **options: Any) -> Any:
    """Write a checkpoint with random weights and statistics; returns the policy."""
    torch.manual_seed(seed)
    kinds = {STATE: FeatureType.STATE, ENVIRONMENT: FeatureType.ENV, ACTION: FeatureType.ACTION}
    features = {name: PolicyFeature(kind, (SIZES[name],)) for name, kind in kinds.items()}
    inputs = {name: features[name] for name in (STATE, ENVIRONMENT)}
    common = {"input_features": inputs, "output_features": {ACTION: features[ACTION]}, "device": "cpu"}
    if family == "act":
        policy: Any = ACTPolicy(ACTConfig(**common, **(TINY_ACT | options)))
        for parameter in policy.parameters():  # LeRobot starts attention biases at zero, which would hide their loss
            if parameter.dim() == 1:
                torch.nn.init.normal_(parameter, std=0.2)
    else:
        policy = DiffusionPolicy(DiffusionConfig(**common, **(TINY_DIFFUSION | options)))
    pre, post = make_pre_post_processors(policy.config, dataset_stats=statistics(seed))
    policy.save_pretrained(directory)
    pre.save_pretrained(directory)
    post.save_pretrained(directory)
    return policy.eval()


def statistics(seed: int) -> dict[str, dict[str, torch.Tensor]]:
    """Statistics of every feature, all that LeRobot's modes need."""
    generator = torch.Generator().manual_seed(seed + 1)
    result = {}
    for name, size in SIZES.items():
        mean, std = torch.randn(size, generator=generator), torch.rand(size, generator=generator) + 0.2
        spread = {"min": -2.5, "q01": -2.0, "q10": -1.2, "q90": 1.3, "q99": 2.2, "max": 2.6}
        result[name] = {"mean": mean, "std": std} | {key: mean + factor * std for key, factor in spread.items()}
    return result


def inputs(history: int, draws: int, horizon: int, samples: int = 5) -> dict[str, np.ndarray]:
    """Raw observation histories (samples, history, size) and noise (samples, draws * horizon, A)."""
    rng = np.random.default_rng(7)
    values = {name: rng.normal(0, 1.5, (samples, history, SIZES[name])) for name in (STATE, ENVIRONMENT)}
    values["noise"] = rng.standard_normal((samples, draws * horizon, SIZES[ACTION]))
    return {name: value.astype(np.float32) for name, value in values.items()}


def answers(policy: Any, directory: Path, given: dict[str, np.ndarray], monkeypatch: Any = None) -> np.ndarray:
    """Raw actions (samples, n, A) as LeRobot's own processors and policy compute them."""
    pre, post = make_pre_post_processors(policy.config, pretrained_path=str(directory))
    observation = {name: torch.from_numpy(given[name]) for name in (STATE, ENVIRONMENT)}
    normal = {name: pre({name: value})[name] for name, value in observation.items()}
    with torch.no_grad():
        if policy.config.type == "act":
            newest = {name: value[:, -1] for name, value in normal.items()}
            actions = policy.predict_action_chunk(newest)
        else:
            draws = list(torch.from_numpy(given["noise"]).split(policy.config.horizon, dim=1))
            start = draws.pop(0)
            if monkeypatch is not None:
                import diffusers.schedulers.scheduling_ddpm as ddpm

                monkeypatch.setattr(ddpm, "randn_tensor", lambda *a, **k: draws.pop(0))
            actions = policy.diffusion.generate_actions(normal, noise=start)
            assert monkeypatch is None or not draws
    return post(actions).numpy()
