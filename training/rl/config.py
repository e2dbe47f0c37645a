"""Settings of a PPO run, and their form as rsl_rl's nested dictionary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class PpoConfig:
    """PPO as in rsl_rl (Schulman et al. 2017, arXiv 1707.06347; Rudin et al. 2021, arXiv 2109.11978) for two cores.

    legged_gym uses 4096 worlds x 24 steps and networks of 512-256-128 on a GPU. On a CPU the physics costs more than
    the network, so fewer worlds, more updates per sample and mirrored samples bring the same gait from far fewer steps.

    Attributes:
        num_envs: parallel worlds.
        steps: control steps per world and iteration.
        epochs: passes over each batch.
        mini_batches: parts of each batch.
        learning_rate: first value; adapted to keep the divergence near ``desired_kl``.
        entropy: weight of the entropy bonus.
        gamma: discount; lam: of generalised advantage estimation.
        hidden: widths of actor and critic.
        init_std: of the actions.
        symmetry: add mirrored samples, where the task knows its mirror image.
        critic_warm_up: iterations in which a run that begins with a trained actor trains its new critic alone.
        save_every: iterations between checkpoints.
    """

    num_envs: int = 512
    steps: int = 24
    epochs: int = 5
    mini_batches: int = 4
    learning_rate: float = 1e-3
    desired_kl: float = 0.01
    entropy: float = 0.004
    clip: float = 0.2
    gamma: float = 0.99
    lam: float = 0.95
    max_grad_norm: float = 1.0
    hidden: tuple[int, ...] = (128, 128, 64)
    activation: str = "elu"
    init_std: float = 0.8
    symmetry: bool = True
    critic_warm_up: int = 30
    save_every: int = 50


def rsl_rl_config(config: PpoConfig, seed: int, symmetry: bool, critic: str = "critic") -> dict[str, Any]:
    """What ``rsl_rl.runners.OnPolicyRunner`` takes.

    Args:
        config: settings.
        seed: of the run.
        symmetry: whether the task can be mirrored.
        critic: observation group of the critic.
    """
    model = {
        "class_name": "MLPModel",
        "hidden_dims": list(config.hidden),
        "activation": config.activation,
        "obs_normalization": False,
    }
    mirror = {"data_augmentation_func": "training.rl.symmetry:augment", "use_data_augmentation": True}
    return {
        "seed": seed,
        "num_steps_per_env": config.steps,
        "save_interval": config.save_every,
        "obs_groups": {"actor": ["policy"], "critic": [critic]},
        "actor": {
            **model,
            "distribution_cfg": {"class_name": "GaussianDistribution", "init_std": config.init_std, "std_type": "log"},
        },
        "critic": dict(model),
        "algorithm": {
            "class_name": "PPO",
            "num_learning_epochs": config.epochs,
            "num_mini_batches": config.mini_batches,
            "clip_param": config.clip,
            "gamma": config.gamma,
            "lam": config.lam,
            "value_loss_coef": 1.0,
            "entropy_coef": config.entropy,
            "learning_rate": config.learning_rate,
            "max_grad_norm": config.max_grad_norm,
            "schedule": "adaptive",
            "desired_kl": config.desired_kl,
            "rnd_cfg": None,
            "symmetry_cfg": mirror if symmetry and config.symmetry else None,
        },
    }
