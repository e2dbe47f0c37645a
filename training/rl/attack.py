"""The honest worst-case test of a walking policy: a new disturber, trained against it while it stays as it is.

Long et al. 2024 (arXiv 2404.14405) compare policies under disturbers that none of them was trained with.

Example::

    python -m training.rl.attack runs/go1/model_900.pt 25
"""

from __future__ import annotations

import contextlib
import io
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rsl_rl.runners import OnPolicyRunner

from sim.vector import make
from training.rl.config import PpoConfig, rsl_rl_config
from training.rl.disturbed_env import DisturbedEnv
from training.rl.h_infinity import HInfinityConfig
from training.rl.run import H_INFINITY

QUIET = -7.0
"""Logarithm of the frozen policy's action noise: it acts with its mean."""


@dataclass(frozen=True)
class AttackConfig:
    """How hard to attack.

    Attributes:
        max_force: of the disturber [N]; iterations: of its training.
        window: last iterations that are measured.
        task: what is attacked; overrides: fields of its configuration.
        ppo: number of worlds and of steps, and the networks' widths, which must be those of the checkpoint.
    """

    max_force: float = 25.0
    iterations: int = 40
    window: int = 8
    task: str = "Go1-Velocity-Flat"
    overrides: dict[str, Any] = field(default_factory=dict)
    ppo: PpoConfig = field(default_factory=lambda: PpoConfig(num_envs=384, symmetry=False))
    seed: int = 21


def attack(checkpoint: Path, config: AttackConfig) -> dict[str, float]:
    """Train a disturber against a frozen actor.

    Returns:
        Mean cost per step and falls per minute and robot at the start and at the end, mean force at the end [N].
    """
    torch.manual_seed(config.seed)
    np.random.seed(config.seed)  # noqa: NPY002 - libraries under rsl_rl may draw from the global generator
    overrides = {"pushes": None, **config.overrides, "external_forces": True}
    env = DisturbedEnv(make(config.task, config.ppo.num_envs, seed=config.seed, **overrides), config.ppo.gamma)
    settings = rsl_rl_config(config.ppo, config.seed, symmetry=False)
    adversary = HInfinityConfig(eta=0.0, max_force=config.max_force, train_actor=False, learning_rate=1e-3)
    settings["algorithm"] |= {"class_name": H_INFINITY, "h_infinity": asdict(adversary)}
    costs: list[float] = []
    falls: list[int] = []
    forces: list[float] = []
    with contextlib.redirect_stdout(io.StringIO()):
        runner = OnPolicyRunner(env, settings, log_dir=None, device="cpu")  # type: ignore[arg-type]
        actor = runner.alg.get_policy()
        actor.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True)["actor_state_dict"])
        actor.distribution.log_std_param.data.fill_(QUIET)
        step, update = env.step, runner.alg.update
        fallen = 0

        def counted(actions: torch.Tensor) -> Any:
            nonlocal fallen
            result = step(actions)
            fallen += int(env.env.reset_terminated.sum())
            return result

        def recorded() -> dict[str, float]:
            nonlocal fallen
            losses: dict[str, float] = update()
            costs.append(losses["h_cost"])
            forces.append(losses["h_force"])
            falls.append(fallen)
            fallen = 0
            return losses

        env.step, runner.alg.update = counted, recorded  # type: ignore[assignment,method-assign]
        runner.learn(config.iterations)
    minutes = config.ppo.steps * config.ppo.num_envs * env.env.step_dt / 60.0
    env.close()
    first, last = slice(0, config.window), slice(-config.window, None)
    return {
        "cost_first": float(np.mean(costs[first])),
        "cost_last": float(np.mean(costs[last])),
        "falls_per_minute_first": float(np.mean(falls[first])) / minutes,
        "falls_per_minute_last": float(np.mean(falls[last])) / minutes,
        "force_last": float(np.mean(forces[last])),
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    force = float(sys.argv[2]) if len(sys.argv) > 2 else AttackConfig.max_force
    for key, value in attack(Path(sys.argv[1]), AttackConfig(max_force=force)).items():
        print(f"{key}: {value:.4f}")
