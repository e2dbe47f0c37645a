"""Train a flow-matching policy on a LeRobotDataset v3, resumably.

Writes checkpoints (raw and averaged weights), metrics.jsonl and TensorBoard logs. Interrupt it at any time and continue
with --resume: on a CPU the resumed run is the same, bit for bit, as one that was never interrupted.

Examples:
    keel train --dataset runs/mine/dataset --output runs/mine/train
    keel train --dataset runs/mine/dataset --output runs/mine/train --config.steps 20000 --config.policy.width 512
    keel train --dataset runs/mine/dataset --output runs/mine/train --resume
    tensorboard --logdir runs/mine/train/tensorboard
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from policy_nodes.cli.progress import ProgressBar
from policy_nodes.errors import ConfigError
from training.contracts.registry import task_contract
from training.datasets.lerobot_v3.reader import Dataset
from training.datasets.lerobot_v3.windows import ChunkSampler
from training.imitation.build import build_policy, build_sampler
from training.imitation.checkpoint import LAST
from training.imitation.config import TrainConfig
from training.imitation.trainer import Trainer


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
    threads: int = 0
    """CPU threads; 0 uses every core."""
    config: TrainConfig = field(default_factory=TrainConfig)
    """Hyper-parameters."""


def run(args: Args) -> int:
    """Train; returns the exit code."""
    if args.threads > 0:
        torch.set_num_threads(args.threads)
    dataset = Dataset.open(args.dataset)
    task = args.task or dataset_task(dataset)
    contract = task_contract(task)
    _prepare_output(args)
    torch.manual_seed(args.config.seed)
    sampler: ChunkSampler = build_sampler(dataset, contract, args.config)
    policy = build_policy(contract, args.config.policy)
    metadata: dict[str, Any] = {"task": task, "dataset": {"sha256": dataset.sha256(), "episodes": dataset.num_episodes}}
    trainer = Trainer(policy, sampler, args.config, args.output, metadata)
    if args.resume:
        trainer.resume()
    else:
        trainer.fit_statistics()
    parameters = sum(p.numel() for p in policy.parameters())
    print(f"{len(dataset)} frames, {dataset.num_episodes} episodes, {parameters / 1e6:.2f} M parameters")
    with ProgressBar("train", total=args.config.steps) as bar:
        bar.advance(trainer.step)
        validation = trainer.run(lambda step, loss: bar.advance(loss=loss))
    print(
        f"trained to step {trainer.step}, validation loss {validation:.4f}; "
        f"checkpoint in {args.output / 'checkpoints' / LAST}"
    )
    return 0


def dataset_task(dataset: Dataset) -> str:
    """Task recorded in the dataset by `keel collect`.

    Raises:
        ConfigError: the dataset does not say.
    """
    path = dataset.root / "meta" / "keel_task.json"
    try:
        return str(json.loads(path.read_text())["task"])
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"the dataset '{dataset.root}' does not name its task.", "pass --task.") from error


def _prepare_output(args: Args) -> None:
    exists = (args.output / "checkpoints" / LAST).exists()
    if args.resume and not exists:
        raise ConfigError(f"nothing to resume in '{args.output}'.", "drop --resume to start a new run.")
    if exists and not args.resume and not args.overwrite:
        raise ConfigError(
            f"'{args.output}' already holds a training run.",
            "use --resume to continue it or --overwrite to replace it.",
        )
    if args.overwrite and not args.resume:
        for name in ("checkpoints", "tensorboard"):
            shutil.rmtree(args.output / name, ignore_errors=True)
        (args.output / "metrics.jsonl").unlink(missing_ok=True)
