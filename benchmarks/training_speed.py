"""Training steps per second: Keel's trainer against LeRobot's loop and a plain DataLoader, same network, same data.

All rows train the same flow-matching network with the same optimiser on the same dataset, taking turns in one run; what
differs is how a batch is read and the loop around it. The LeRobot row is its dataset behind its DataLoader settings and
its own ``update_policy``; it needs the environment of `make test-lerobot` and is left out where lerobot is absent. The
plain row is a map-style ``torch.utils.data.Dataset`` over the same arrays.

    python benchmarks/training_speed.py
    PYTHONPATH=. .venv-lerobot/bin/python benchmarks/training_speed.py --batch 64 --rounds 5
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from training.contracts.registry import task_contract
from training.contracts.task import TaskContract
from training.datasets.lerobot_v3.reader import Dataset
from training.datasets.lerobot_v3.schema import Feature
from training.datasets.lerobot_v3.windows import ChunkSampler
from training.datasets.lerobot_v3.writer import DatasetWriter
from training.imitation.build import build_policy, build_sampler
from training.imitation.config import TrainConfig
from training.imitation.trainer import Trainer, to_tensors

TASK = "metaworld/reach-v3"
LENGTH = 100


def write(root: Path, contract: TaskContract, frames: int) -> Path:
    """Random walks in the shapes of a task."""
    rng = np.random.default_rng(0)
    features = {f.name: Feature((f.size,)) for f in contract.observations}
    features["action"] = Feature((len(contract.actions.joints),), tuple(contract.actions.joints))
    rate = round(contract.timing.control_rate_hz)
    with DatasetWriter(root, fps=rate, features=features, robot_type="benchmark") as writer:
        for _ in range(frames // LENGTH):
            walks = {n: 0.1 * rng.standard_normal((LENGTH, *f.shape)).cumsum(0) for n, f in features.items()}
            writer.add_episode({name: walk.astype(np.float32) for name, walk in walks.items()}, "walk")
        return writer.finalize()


@dataclass
class Timing:
    """Seconds of one turn: whole, and of that for reading batches."""

    steps: int
    total: float
    reading: float


Turn = Callable[[int], Timing]


def keel_turn(trainer: Trainer) -> Turn:
    """Keel's own ``Trainer._update``, with the time that its gathering takes."""
    sampler, spent = trainer.sampler, [0.0]
    gather = sampler.gather

    def timed(index: Any) -> Any:
        began = time.perf_counter()
        batch = gather(index)
        spent[0] += time.perf_counter() - began
        return batch

    sampler.gather = timed  # type: ignore[method-assign]

    def turn(steps: int) -> Timing:
        spent[0], began = 0.0, time.perf_counter()
        for _ in range(steps):
            trainer._update()
        return Timing(steps, time.perf_counter() - began, spent[0])

    return turn


def loader_turn(loader: DataLoader, update: Callable[[Any], None]) -> Turn:
    """A loop over a DataLoader that starts anew when it is exhausted."""

    def endless() -> Iterator[Any]:
        while True:
            yield from loader

    batches = endless()

    def turn(steps: int) -> Timing:
        reading, began = 0.0, time.perf_counter()
        for _ in range(steps):
            asked = time.perf_counter()
            batch = next(batches)
            reading += time.perf_counter() - asked
            update(batch)
        return Timing(steps, time.perf_counter() - began, reading)

    return turn


class Items(TorchDataset):
    """Windows one by one, as a map-style dataset gives them."""

    def __init__(self, sampler: ChunkSampler) -> None:
        self.sampler, self.frames = sampler, sampler.frames("train")

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, item: int) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        observation, action, is_pad = to_tensors(self.sampler.gather(self.frames[item : item + 1]))
        return {name: value[0] for name, value in observation.items()}, action[0], is_pad[0]


class LeRobotPolicy(nn.Module):
    """The network behind LeRobot's ``forward(batch) -> (loss, outputs)``."""

    def __init__(self, policy: Any, features: list[str]) -> None:
        super().__init__()
        self.policy, self.features = policy, features

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Any]]:
        """Loss of a batch of LeRobot's DataLoader."""
        observation = {name: batch[name] for name in self.features}
        return self.policy.loss(observation, batch["action"], batch["action_is_pad"]), {}


def lerobot_turn(root: Path, contract: TaskContract, config: TrainConfig, workers: int) -> Turn:
    """LeRobot's dataset, DataLoader settings and ``update_policy``; ImportError where it is not installed."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    from accelerate import Accelerator
    from lerobot.datasets.lerobot_dataset import LeRobotDataset
    from lerobot.scripts.lerobot_train import update_policy
    from lerobot.utils.logging_utils import AverageMeter, MetricsTracker

    step = 1.0 / round(contract.timing.control_rate_hz)
    window = {name: [-k * s * step for k in range(n - 1, -1, -1)] for name, (n, s) in contract.history.items()}
    window["action"] = [k * step for k in range(contract.actions.horizon)]
    dataset = LeRobotDataset("local/benchmark", root=root, delta_timestamps=window)
    loader = DataLoader(
        dataset, batch_size=config.batch_size, shuffle=True, num_workers=workers, drop_last=False,
        prefetch_factor=2 if workers else None, persistent_workers=workers > 0,
    )  # fmt: skip
    policy = fitted(root, contract, config)
    module = LeRobotPolicy(policy, list(contract.history))
    accelerator = Accelerator(cpu=True)
    optimizer = torch.optim.AdamW(policy.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    module, optimizer = accelerator.prepare(module, optimizer)
    names = {name: AverageMeter(name, ":.3f") for name in ("loss", "grad_norm", "lr", "update_s", "dataloading_s")}
    tracker = MetricsTracker(config.batch_size, len(dataset), dataset.num_episodes, names, initial_step=0)

    def update(batch: Any) -> None:
        module.train()
        update_policy(tracker, module, batch, optimizer, config.gradient_clip, accelerator)

    return loader_turn(loader, update)


def fitted(root: Path, contract: TaskContract, config: TrainConfig) -> Any:
    """The network with statistics of the dataset."""
    dataset = Dataset.open(root)
    sampler = build_sampler(dataset, contract, config)
    torch.manual_seed(0)
    policy = build_policy(contract, config.policy)
    with torch.no_grad():
        policy.fit_statistics(*to_tensors(sampler.gather(sampler.frames("train"))))
    return policy


def plain_turn(root: Path, contract: TaskContract, config: TrainConfig, workers: int) -> Turn:
    """A plain PyTorch loop."""
    policy = fitted(root, contract, config)
    items = Items(build_sampler(Dataset.open(root), contract, config))
    loader = DataLoader(
        items, batch_size=config.batch_size, shuffle=True, num_workers=workers, persistent_workers=workers > 0
    )
    optimizer = torch.optim.AdamW(policy.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)

    def update(batch: Any) -> None:
        loss = policy.loss(*batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(policy.parameters(), config.gradient_clip)
        optimizer.step()

    return loader_turn(loader, update)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--steps", type=int, default=10, help="steps per turn")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=0, help="processes of both DataLoaders")
    args = parser.parse_args()
    torch.set_num_threads(1)
    contract, config = task_contract(TASK), TrainConfig(batch_size=args.batch, validation_fraction=0.01)
    with tempfile.TemporaryDirectory() as directory:
        root = write(Path(directory) / "dataset", contract, args.frames)
        dataset = Dataset.open(root)
        trainer = Trainer(
            fitted(root, contract, config), build_sampler(dataset, contract, config), config, Path(directory), {}
        )
        turns: dict[str, Turn] = {
            "keel": keel_turn(trainer),
            "plain DataLoader": plain_turn(root, contract, config, args.workers),
        }
        try:
            turns["lerobot"] = lerobot_turn(root, contract, config, args.workers)
        except ImportError as error:
            print(f"no LeRobot row: {error}; see `make test-lerobot`")
        found: dict[str, list[Timing]] = {name: [] for name in turns}
        for turn in turns.values():
            turn(2)
        for number in range(args.rounds):
            for name, turn in turns.items():
                found[name].append(turn(args.steps))
            print(f"round {number + 1} of {args.rounds}", file=sys.stderr)
    report(found, args.batch, args.workers)


def report(found: dict[str, list[Timing]], batch: int, workers: int) -> None:
    """Medians and ratios."""
    print(f"batch {batch}, {workers} loader processes, 1 compute thread, medians of {len(found['keel'])} turns")
    print("| trainer | steps/s | reading, share of the step | Keel is faster by |\n|---|---|---|---|")
    ours = statistics.median(t.steps / t.total for t in found["keel"])
    for name, turns in found.items():
        rate = statistics.median(t.steps / t.total for t in turns)
        share = statistics.median(t.reading / t.total for t in turns)
        print(f"| {name} | {rate:.2f} | {share:.1%} | {ours / rate:.2f} |")


if __name__ == "__main__":
    main()
