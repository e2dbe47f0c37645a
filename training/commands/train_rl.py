"""Train a policy by reinforcement learning (PPO of rsl_rl) in the batched simulator, resumably.

Writes checkpoints (model_N.pt), TensorBoard events, rsl_rl's log (train.log), config.json and sampled.npz, which holds
the random parameters of every world. Continue an interrupted run with --resume: networks, optimiser and learning rate
are restored, the worlds start new episodes.

Examples:
    keel train-rl --output runs/go1
    keel train-rl --task Go1-Velocity-Flat --output runs/go1 --iterations 1500 --ppo.num-envs 1024
    keel train-rl --output runs/go1 --iterations 2000 --resume
    keel train-rl --output runs/go1 --iterations 2000 --resume --set rewards.tracking_sigma=0.1
    keel train-rl --output runs/tuned --initial-policy examples/go1_velocity_flat/policy.onnx --ppo.init-std 0.2
    keel train-rl --output runs/motor --set 'actuator.kind="dc_motor"' bias.gravity=0.03 observation_delay=1
    keel train-rl --output runs/go1 --iterations 2200 --resume --algorithm h-infinity --disturber.max-force 25
    keel export-rl --run runs/go1 --output runs/go1/export
    tensorboard --logdir runs/go1
"""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from policy_nodes.cli.progress import ProgressBar
from policy_nodes.errors import ConfigError
from training.atomic import write_file
from training.commands.output import check_output
from training.commands.resolved import CONFIG_NAME, resolved_config
from training.rl.config import PpoConfig
from training.rl.h_infinity import HInfinityConfig
from training.rl.run import LOG_NAME, SAMPLED_NAME, RunConfig, checkpoints, earlier_configs, train


@dataclass(frozen=True)
class Args:
    """Options of `keel train-rl`."""

    output: Path
    """Directory for checkpoints and logs."""
    task: str = "Go1-Velocity-Flat"
    """Task to learn, as in `sim.vector.make`."""
    iterations: int = 1500
    """Iterations in all, those before --resume included."""
    seed: int = 1
    """Of worlds and networks."""
    resume: bool = False
    """Continue the run in --output."""
    initial_policy: Path | None = None
    """Begin with the actor of this `policy.onnx` of keel export-rl; lower --ppo.init-std with it (0.2, say)."""
    overwrite: bool = False
    """Delete an existing run in --output first."""
    threads: int = 1
    """Threads of the networks; the physics uses every core. More than one rarely helps a small network."""
    set: tuple[str, ...] = ()
    """Changes of the task's configuration, e.g. `rewards.tracking_sigma=0.1`."""
    algorithm: Literal["ppo", "h-infinity"] = "ppo"
    """PPO, or PPO against a learned disturber; the second may resume a run of the first."""
    ppo: PpoConfig = field(default_factory=PpoConfig)
    """Hyper-parameters."""
    disturber: HInfinityConfig = field(default_factory=HInfinityConfig)
    """Settings of the disturber, for h-infinity."""


def run(args: Args) -> int:
    """Train; returns the exit code.

    Raises:
        ConfigError: options contradict each other or the directory's content.
        UnknownTaskError: no such task.
    """
    _check(args)
    overrides(args.set)
    torch.set_num_threads(args.threads)
    done = 0
    if args.resume:
        done = checkpoints(args.output)[-1][0] + 1
        kept = args.output / f"config.until_{done}.json"
        # A resumption that trained nothing must not put its own configuration in the place of the one that did.
        if (args.output / CONFIG_NAME).exists() and not kept.exists():
            (args.output / CONFIG_NAME).replace(kept)
    elif args.output.exists():
        _forget_run(args.output)
    args.output.mkdir(parents=True, exist_ok=True)
    write_file(args.output / CONFIG_NAME, resolved_config("train-rl", args))
    total = max(args.iterations - done, 0) * args.ppo.steps * args.ppo.num_envs
    config = RunConfig(
        task=args.task,
        seed=args.seed,
        ppo=args.ppo,
        overrides=overrides(args.set),
        h_infinity=args.disturber if args.algorithm == "h-infinity" else None,
        initial_policy=args.initial_policy,
    )
    with ProgressBar("train-rl", total=total) as bar:
        checkpoint = train(
            config, args.output, args.iterations, resume=args.resume, on_step=lambda: bar.advance(args.ppo.num_envs)
        )
    print(f"trained '{args.task}' for {args.iterations} iterations; checkpoint {checkpoint}")
    print(f"next: keel export-rl --run {args.output} --output {args.output / 'export'}", file=sys.stderr)
    return 0


def overrides(changes: tuple[str, ...]) -> dict[str, Any]:
    """``path=value`` pairs, the values in JSON."""
    result = {}
    for change in changes:
        path, _, text = change.partition("=")
        try:
            result[path] = json.loads(text)
        except ValueError:
            raise ConfigError(f"--set {change} is unreadable.", "write NAME=VALUE with a number.") from None
    return result


def _check(args: Args) -> None:
    """Refuse before anything is read or written."""
    if args.threads < 1 or args.iterations < 1:
        raise ConfigError("--threads and --iterations must be at least 1.", "give a positive number.")
    if args.resume and args.overwrite:
        raise ConfigError("--resume and --overwrite contradict each other.", "give one of them.")
    if args.resume and args.initial_policy is not None:
        raise ConfigError("--resume and --initial-policy contradict each other.", "a resumed run has its own actor.")
    check_output(args.output)
    exists = bool(checkpoints(args.output)) if args.output.exists() else False
    if args.resume and not exists:
        raise ConfigError(f"nothing to resume in '{args.output}'.", "drop --resume to start a new run.")
    done = checkpoints(args.output)[-1][0] + 1 if args.resume else 0
    if args.resume and args.iterations <= done:
        raise ConfigError(
            f"the run in '{args.output}' already has {done} iterations.", "ask for more with --iterations."
        )
    if exists and not args.resume and not args.overwrite:
        raise ConfigError(
            f"'{args.output}' already holds a training run.",
            "use --resume to continue it or --overwrite to replace it.",
        )


def _forget_run(output: Path) -> None:
    """Delete what an earlier run wrote, and nothing else."""
    for _, path in checkpoints(output):
        path.unlink()
    for path in output.glob("events.out.tfevents.*"):
        path.unlink()
    for _, path in earlier_configs(output):
        path.unlink()
    for name in (LOG_NAME, SAMPLED_NAME):
        (output / name).unlink(missing_ok=True)
    shutil.rmtree(output / "git", ignore_errors=True)
