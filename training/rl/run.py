"""A PPO run of rsl_rl on a batched task: build, resume, learn, save."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rsl_rl.runners import OnPolicyRunner

from policy_nodes.errors import ConfigError
from sim.isaacgym.adapters.rsl_rl import RslRlEnv
from sim.vector import make
from training.rl.config import PpoConfig, rsl_rl_config
from training.rl.disturbed_env import DisturbedEnv
from training.rl.h_infinity import HInfinityConfig
from training.rl.warm_start import critic_only, load_actor_weights

LOG_NAME = "train.log"
SAMPLED_NAME = "sampled.npz"
"""What the randomisation drew for each world of a run: one array per quantity, first axis the worlds."""
H_INFINITY = "training.rl.h_infinity:HInfinityPPO"


@dataclass(frozen=True)
class RunConfig:
    """What is trained, and how.

    Attributes:
        task: name known to ``sim.vector.make``.
        seed: of worlds and network.
        ppo: hyper-parameters.
        overrides: fields of the task's configuration.
        h_infinity: settings of a disturber to train against; None for plain PPO.
        initial_policy: file of ``keel export-rl`` that a new run begins with; None begins at random.
    """

    task: str = "Go1-Velocity-Flat"
    seed: int = 1
    ppo: PpoConfig = field(default_factory=PpoConfig)
    overrides: dict[str, Any] = field(default_factory=dict)
    h_infinity: HInfinityConfig | None = None
    initial_policy: Path | None = None


def _environment(config: RunConfig, on_step: Callable[[], None] | None) -> RslRlEnv:
    """The task as rsl_rl sees it, calling back after every control step of the batch.

    Raises:
        ConfigError: H-infinity training of something that does not walk.
    """
    if config.h_infinity is None:
        env = RslRlEnv(make(config.task, config.ppo.num_envs, seed=config.seed, **config.overrides))
    elif "-Velocity-" in config.task:
        overrides = {**config.overrides, "external_forces": True}
        env = DisturbedEnv(make(config.task, config.ppo.num_envs, seed=config.seed, **overrides), config.ppo.gamma)
    else:
        raise ConfigError(f"'{config.task}' has no trunk to push.", "h-infinity trains velocity tasks.")
    if on_step is not None:
        env.step = _counted(env.step, on_step)  # type: ignore[assignment,method-assign]
    return env


def _counted(step: Callable[[torch.Tensor], Any], on_step: Callable[[], None]) -> Callable[[torch.Tensor], Any]:
    def counted(actions: torch.Tensor) -> Any:
        result = step(actions)
        on_step()
        return result

    return counted


def checkpoints(directory: Path) -> list[tuple[int, Path]]:
    """Checkpoints of a run as (iteration, path), oldest first."""
    found = [(re.fullmatch(r"model_(\d+)\.pt", path.name), path) for path in directory.glob("model_*.pt")]
    return sorted((int(match.group(1)), path) for match, path in found if match)


def earlier_configs(directory: Path) -> list[tuple[int, Path]]:
    """Configurations that a resumption replaced, as (iteration up to which it held, path), oldest first."""
    found = [(re.fullmatch(r"config\.until_(\d+)\.json", path.name), path) for path in directory.glob("config.until_*")]
    return sorted((int(match.group(1)), path) for match, path in found if match)


def latest_checkpoint(directory: Path) -> Path:
    """The newest checkpoint of a run.

    Raises:
        ConfigError: there is none.
    """
    known = checkpoints(directory)
    if not known:
        raise ConfigError(f"there is no checkpoint in '{directory}'.", "train first: keel train-rl --output DIR")
    return known[-1][1]


def train(
    config: RunConfig,
    output: Path,
    iterations: int,
    *,
    resume: bool = False,
    on_step: Callable[[], None] | None = None,
) -> Path:
    """Learn until ``iterations`` iterations are done in all; rsl_rl's own log goes to ``train.log``.

    A resumed run continues with the networks, the optimiser and its learning rate; the worlds start new episodes.

    Args:
        config: what to train.
        output: directory for checkpoints (``model_N.pt``) and TensorBoard events.
        iterations: total, including those of a run that is resumed.
        resume: continue from the newest checkpoint in ``output``.
        on_step: called after every control step of the batch.

    Returns:
        The last checkpoint.

    Raises:
        ConfigError: nothing to resume, nothing left to do, or an initial policy that does not fit.
    """
    torch.manual_seed(config.seed)
    np.random.seed(config.seed)  # noqa: NPY002 - libraries under rsl_rl may draw from the global generator
    env = _environment(config, on_step)
    output.mkdir(parents=True, exist_ok=True)
    # Tasks without privileged terms have one group for both.
    critic = "critic" if "critic" in env.env.observation_groups else "policy"
    settings = rsl_rl_config(config.ppo, config.seed, hasattr(env.env.task, "mirrors"), critic)
    sampled = getattr(env.env.task, "sampled", {})
    if sampled:
        np.savez_compressed(output / SAMPLED_NAME, **sampled)
    if config.h_infinity is not None:
        settings["algorithm"] |= {"class_name": H_INFINITY, "h_infinity": asdict(config.h_infinity)}
    try:
        with (output / LOG_NAME).open("a", encoding="utf-8") as log, contextlib.redirect_stdout(log):
            runner = OnPolicyRunner(env, settings, log_dir=str(output), device="cpu")  # type: ignore[arg-type]
            if resume:
                runner.load(str(latest_checkpoint(output)))
                runner.current_learning_iteration += 1
            elif config.initial_policy is not None:
                load_actor_weights(runner.alg, config.initial_policy)
            left = iterations - runner.current_learning_iteration
            if left <= 0:
                raise ConfigError(
                    f"the run in '{output}' already has {runner.current_learning_iteration} iterations.",
                    "ask for more with --iterations.",
                )
            judged = 0 if resume or config.initial_policy is None else min(config.ppo.critic_warm_up, left)
            try:
                if judged:
                    with critic_only(runner.alg):
                        runner.learn(judged, init_at_random_ep_len=True)
                    runner.current_learning_iteration += 1
                if left > judged:
                    runner.learn(left - judged, init_at_random_ep_len=True)
            except KeyboardInterrupt:
                runner.save(str(output / f"model_{runner.current_learning_iteration}.pt"))
                raise
    finally:
        env.close()
    return latest_checkpoint(output)
