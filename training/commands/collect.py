"""Record expert demonstrations in simulation as a LeRobotDataset v3.

A scripted expert does the task from random starts; correlated noise on its commands and an occasional push of the
object show how to recover. Only successful episodes are kept. Nothing is left behind when it is interrupted.

Examples:
    keel collect --output runs/mine/dataset
    keel collect --output runs/mine/dataset --episodes 500 --noise 0.02 --workers 2
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from policy_nodes.cli.progress import ProgressBar
from policy_nodes.errors import KeelError
from training.contracts.registry import task_contract
from training.contracts.task import TaskContract
from training.datasets.lerobot_v3.schema import Feature
from training.datasets.lerobot_v3.writer import DatasetWriter
from training.demonstrations.rollout import Demonstration, demonstrate


@dataclass(frozen=True)
class Args:
    """Options of `keel collect`."""

    output: Path
    """Dataset directory to create."""
    task: str = "panda_pick_place"
    """Task to demonstrate."""
    episodes: int = 400
    """Episodes to keep."""
    noise: float = 0.006
    """Standard deviation of the noise injected into the executed commands (rad); 0 switches it off."""
    seed: int = 0
    """Seed of the first episode."""
    workers: int = 0
    """Processes; 0 uses every core."""
    overwrite: bool = False
    """Replace an existing dataset."""


def run(args: Args) -> int:
    """Collect and write the dataset; returns the exit code."""
    contract = task_contract(args.task)
    kept = tried = 0
    writer = DatasetWriter(
        args.output,
        fps=round(contract.timing.control_rate_hz),
        features=dataset_features(contract),
        robot_type=contract.robot,
        extra_files={"meta/keel_task.json": json.dumps({"task": args.task}).encode()},
        overwrite=args.overwrite,
    )
    with writer, ProgressBar("collect", total=args.episodes) as bar:
        for demonstration in _demonstrations(args):
            tried += 1
            if demonstration.success:
                writer.add_episode(demonstration.frames, task=contract.instruction)
                kept += 1
                bar.advance(success=f"{kept}/{tried}")
            elif tried >= 20 and kept < tried / 2:
                raise KeelError(
                    f"the expert succeeds in only {kept} of {tried} episodes.",
                    f"lower --noise (now {args.noise}) or check the simulator with `keel doctor`.",
                )
            if kept == args.episodes:
                break
        writer.finalize()
    print(f"{kept} episodes, {writer.total_frames} frames in {args.output} (expert success {kept}/{tried})")
    return 0


def dataset_features(contract: TaskContract) -> dict[str, Feature]:
    """Features of a task's dataset: the contract's observations and the commanded joints."""
    features = {}
    for feature in contract.observations:
        joint_space = len(feature.terms) == 1
        names = tuple(axis if joint_space else f"{term.name}.{axis}" for term in feature.terms for axis in term.axes)
        features[feature.name] = Feature((feature.size,), names)
    features["action"] = Feature((len(contract.actions.joints),), tuple(contract.actions.joints))
    return features


def _demonstrations(args: Args) -> Iterator[Demonstration]:
    """Demonstrations in the order of their seeds, whatever the number of workers."""
    record = partial(demonstrate, args.task, noise=args.noise)
    seeds = range(args.seed, args.seed + 3 * args.episodes)
    workers = args.workers or os.cpu_count() or 1
    if workers == 1:
        yield from map(record, seeds)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(
        workers, mp_context=context, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)
    )
    try:
        # In blocks, so that few episodes are simulated beyond those that are needed.
        for first in range(0, len(seeds), 8 * workers):
            yield from pool.map(record, seeds[first : first + 8 * workers], chunksize=2)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
