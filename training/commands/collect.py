"""Record expert demonstrations in simulation as a LeRobotDataset v3.

A scripted expert does the task from random starts; correlated noise on its commands and an occasional push of the
object show how to recover. Only successful episodes are kept. Nothing is left behind when it is interrupted.

With --dagger a trained policy drives first and the expert takes over at a random instant; only what the expert does
from there is recorded. It shows the policy the way out of what it gets itself into (arXiv 1011.0686, 1810.02890).

Examples:
    keel collect --output runs/mine/dataset
    keel collect --output runs/mine/dataset --episodes 500 --noise 0.02 --workers 2
    keel collect --output runs/mt10/dataset --task metaworld/mt10 --episodes 500
    keel collect --output runs/more/dataset --dagger runs/mine/mine.keel --include runs/mine/dataset --seed 50000
"""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

from policy_nodes.cli.progress import ProgressBar
from policy_nodes.errors import ConfigError, KeelError
from training.commands.resolved import resolved_config
from training.contracts.registry import task_contract
from training.contracts.task import TaskContract
from training.datasets.lerobot_v3.reader import Dataset
from training.datasets.lerobot_v3.schema import Feature
from training.datasets.lerobot_v3.writer import DatasetWriter
from training.datasets.task import TASK_FILE, recorded_task
from training.demonstrations.parallel import demonstrations
from training.demonstrations.takeover import driver

CONFIG_FILE = "meta/keel_collect.json"
MOST_FAILURES = 3
"""At most this many episodes are tried per episode to keep."""


class ExpertError(KeelError):
    """The scripted expert fails too often to make a dataset of it."""


@dataclass(frozen=True)
class Args:
    """Options of `keel collect`."""

    output: Path
    """Dataset directory to create."""
    task: str = "panda_pick_place"
    """Task to demonstrate, for example panda_pick_place, aloha_transfer, metaworld/reach-v3 or metaworld/mt10."""
    episodes: int = 300
    """Episodes to keep."""
    noise: float = 0.006
    """Standard deviation of the noise injected into the executed commands (rad or m); 0 switches it off."""
    seed: int = 0
    """Seed of the first episode."""
    variants: tuple[str, ...] = ()
    """Of a set of tasks, only these, for example reach-v3; all by default."""
    dagger: Path | None = None
    """Bundle of the same task that drives until the expert takes over."""
    include: tuple[Path, ...] = ()
    """Datasets of the same task whose episodes come first, beside the --episodes that are recorded now."""
    workers: int = 0
    """Processes; 0 uses every core."""
    overwrite: bool = False
    """Replace an existing dataset."""


def run(args: Args) -> int:
    """Collect and write the dataset; returns the exit code."""
    _check(args)
    contract = task_contract(args.task)
    if args.dagger is not None:
        driver(args.dagger, contract.name)
    features, fps = dataset_features(contract), round(contract.timing.control_rate_hz)
    earlier = [_earlier(path, args.task, features, fps) for path in args.include]
    writer = DatasetWriter(
        args.output,
        fps=fps,
        features=features,
        robot_type=contract.robot,
        extra_files={
            TASK_FILE: json.dumps({"task": args.task}).encode(),
            CONFIG_FILE: resolved_config("collect", args).encode(),
        },
        overwrite=args.overwrite,
    )
    seeds = chosen_seeds(contract, args)
    kept = tried = spared = 0
    with (
        writer,
        ProgressBar("collect", total=args.episodes) as bar,
        closing(demonstrations(args.task, seeds, args.noise, args.workers, args.dagger)) as recorded,
    ):
        for dataset in earlier:
            _copy(dataset, writer)
        for demonstration in recorded:
            if not demonstration.frames:
                spared += 1
                continue
            tried += 1
            if demonstration.success:
                writer.add_episode(demonstration.frames, task=demonstration.instruction)
                kept += 1
                bar.advance(success=f"{kept}/{tried}")
            if kept == args.episodes or (tried >= 20 and kept < tried / 2):
                break
        if kept < args.episodes and spared > tried:
            raise ExpertError(
                f"the policy needed no help in {spared} of {spared + tried} episodes; only {kept} were recorded.",
                "record fewer --episodes.",
            )
        if kept < args.episodes:
            raise ExpertError(
                f"the expert succeeds in only {kept} of {tried} episodes.",
                f"lower --noise (now {args.noise}) or check the simulator with `keel doctor`.",
            )
    alone = f"; nothing left to do in {spared} more" if args.dagger is not None else ""
    number = f"{writer.total_episodes} episodes, {writer.total_frames} frames"
    print(f"{number} in {args.output} (expert success {kept}/{tried}{alone})")
    return 0


def chosen_seeds(contract: TaskContract, args: Args) -> list[int]:
    """Seeds to try, of which a set of tasks takes the wanted ones.

    Raises:
        ConfigError: an unknown variant.
    """
    unknown = [name for name in args.variants if name not in contract.variants]
    if unknown:
        raise ConfigError(
            f"--variants: task '{contract.name}' has no {', '.join(unknown)}.",
            f"use {', '.join(contract.variants)}." if contract.variants else "drop it, the task is no set.",
        )
    number = MOST_FAILURES * args.episodes
    wanted = (seed for seed in count(args.seed) if not args.variants or contract.variant(seed) in args.variants)
    return list(islice(wanted, number))


def dataset_features(contract: TaskContract) -> dict[str, Feature]:
    """Features of a task's dataset: the contract's observations and the commanded joints."""
    features = {}
    for feature in contract.observations:
        joint_space = len(feature.terms) == 1
        names = tuple(axis if joint_space else f"{term.name}.{axis}" for term in feature.terms for axis in term.axes)
        features[feature.name] = Feature((feature.size,), names)
    features["action"] = Feature((len(contract.actions.joints),), tuple(contract.actions.joints))
    return features


def _earlier(path: Path, task: str, features: dict[str, Feature], fps: int) -> Dataset:
    """A dataset whose episodes can stand beside new ones."""
    dataset = Dataset.open(path, list(features))
    fix = "include datasets of `keel collect` for this task only."
    if (found := recorded_task(dataset)) != task:
        raise ConfigError(f"--include: '{path}' is of task '{found}', not '{task}'.", fix)
    different = [name for name, feature in features.items() if dataset.features[name] != feature]
    if different or dataset.fps != fps:
        raise ConfigError(f"--include: '{path}' differs in {', '.join(different) or 'its rate'}.", fix)
    return dataset


def _copy(dataset: Dataset, writer: DatasetWriter) -> None:
    for index in range(dataset.num_episodes):
        episode = dataset.episode(index)
        text = dataset.tasks[int(episode["task_index"].flat[0])]
        writer.add_episode({name: episode[name] for name in writer.features}, task=text)


def _check(args: Args) -> None:
    if args.episodes < 1:
        raise ConfigError(f"--episodes is {args.episodes}.", "keep at least one episode.")
    for name in ("noise", "seed", "workers"):
        if not getattr(args, name) >= 0:
            raise ConfigError(f"--{name} is {getattr(args, name)}.", "give 0 or more.")
