"""Train a policy on a LeRobotDataset v3, resumably.

Writes checkpoints (raw and averaged weights), metrics.jsonl, TensorBoard logs and config.json. Interrupt it at any time
and continue from the last checkpoint with --resume: on a CPU, with the same --threads, the resumed run is the same, bit
for bit, as one that was never interrupted.

Examples:
    keel train --dataset runs/mine/dataset --output runs/mine/train
    keel train --dataset runs/mine/dataset --output runs/mine/train --config.steps 20000 --config.policy.width 512
    keel train --dataset runs/mine/dataset --output runs/mine/train --resume
    tensorboard --logdir runs/mine/train/tensorboard
    keel train --dataset runs/new/dataset --output runs/new/train --grow-from runs/old/train   (sdp: one more task)
    accelerate launch --num_processes 2 -m policy_nodes.cli train --dataset runs/mine/dataset --output runs/mine/train
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from policy_nodes.cli.progress import ProgressBar
from policy_nodes.errors import ConfigError
from training.atomic import write_file
from training.commands.output import check_output
from training.commands.resolved import CONFIG_NAME, resolved_config
from training.contracts.registry import task_contract
from training.contracts.task import TaskContract
from training.datasets.hindsight import Hindsight
from training.datasets.lerobot_v3.reader import Dataset
from training.datasets.task import recorded_task
from training.imitation.build import TrainedPolicy, build_policy, build_sampler, load_policy
from training.imitation.checkpoint import LAST
from training.imitation.config import TrainConfig
from training.imitation.divergence import DUMP_NAME
from training.imitation.inputs import check_inputs
from training.imitation.metrics import METRICS_NAME, TENSORBOARD_NAME
from training.imitation.processes import Processes
from training.imitation.trainer import Trainer
from training.policies.growth import grow, grown_config


@dataclass(frozen=True)
class Args:
    """Options of `keel train`."""

    dataset: Path
    """LeRobotDataset v3 directory."""
    output: Path
    """Directory for checkpoints and logs."""
    task: str = ""
    """Task whose contract the dataset follows; empty reads it from the dataset."""
    resume: bool = False
    """Continue an interrupted run in --output."""
    overwrite: bool = False
    """Delete an existing run in --output first."""
    grow_from: Path | None = None
    """Training output of an `sdp` policy that gets one more task; what it knows stays as it is, bit for bit. All
    --config.policy options are that policy's."""
    threads: int = 0
    """CPU threads; 0 uses up to four cores, more do not help a network of this size. Results depend on the number."""
    config: TrainConfig = field(default_factory=TrainConfig)
    """Hyper-parameters."""


def run(args: Args) -> int:
    """Train; returns the exit code."""
    processes = Processes(args.config.device, args.config.precision)
    _check(args)
    processes.wait()  # before the first one changes what the others check
    if args.grow_from is not None:
        args = replace(args, config=replace(args.config, policy=grown_config(load_policy(args.grow_from).train.policy)))
    torch.set_num_threads(args.threads or min(4, os.cpu_count() or 1))
    dataset = Dataset.open(args.dataset)
    contract = task_contract(args.task or recorded_task(dataset))
    torch.manual_seed(args.config.seed)
    sampler = build_sampler(dataset, contract, args.config)
    check_inputs(dataset, contract, args.config)
    if args.grow_from is None:
        policy = build_policy(contract, args.config.policy, with_teacher=True)
    else:
        policy = grow(_same_task(load_policy(args.grow_from), contract).policy)
    metadata: dict[str, Any] = {
        "task": contract.name,
        "contract_sha256": contract.sha256,
        "dataset": {"sha256": dataset.sha256(), "episodes": dataset.num_episodes},
    }
    share = args.config.hindsight
    hindsight = Hindsight(contract, sampler, share) if share > 0.0 else None
    trainer = Trainer(policy, sampler, args.config, args.output, metadata, processes, hindsight)
    if args.resume:
        trainer.resume()
    else:
        if args.grow_from is None:
            trainer.fit_statistics()
        if processes.first:
            _forget_run(args.output)
    if not processes.first:
        trainer.run()
        processes.close()
        return 0
    write_file(args.output / CONFIG_NAME, resolved_config("train", args))
    parameters = sum(p.numel() for p in policy.parameters())
    print(f"{len(dataset)} frames, {dataset.num_episodes} episodes, {parameters / 1e6:.2f} M parameters")
    with ProgressBar("train", total=args.config.steps) as bar:
        bar.advance(trainer.step)
        validation = trainer.run(lambda step, loss: bar.advance(loss=loss))
    processes.close()
    quality = "no validation episodes" if validation is None else f"validation loss {validation:.4f}"
    print(f"trained to step {trainer.step}, {quality}; checkpoint in {args.output / 'checkpoints' / LAST}")
    return 0


def _same_task(trained: TrainedPolicy, contract: TaskContract) -> TrainedPolicy:
    if trained.contract.name != contract.name:
        raise ConfigError(
            f"--grow-from: the policy was trained on '{trained.contract.name}', the dataset is of '{contract.name}'.",
            "collect the new task's episodes with the same --task and --variants.",
        )
    return trained


def _check(args: Args) -> None:
    """Refuse before anything is read or written."""
    if args.threads < 0:
        raise ConfigError(f"--threads is {args.threads}.", "give 0 (up to four cores) or more.")
    if args.resume and args.overwrite:
        raise ConfigError("--resume and --overwrite contradict each other.", "give one of them.")
    exists = (args.output / "checkpoints" / LAST).exists()
    if args.resume and not exists:
        raise ConfigError(f"nothing to resume in '{args.output}'.", "drop --resume to start a new run.")
    if exists and not args.resume and not args.overwrite:
        raise ConfigError(
            f"'{args.output}' already holds a training run.",
            "use --resume to continue it or --overwrite to replace it.",
        )
    check_output(args.output)


def _forget_run(output: Path) -> None:
    """Delete an earlier run, or what is left of one that ended before its first checkpoint."""
    for name in ("checkpoints", TENSORBOARD_NAME, DUMP_NAME):
        shutil.rmtree(output / name, ignore_errors=True)
    (output / METRICS_NAME).unlink(missing_ok=True)
