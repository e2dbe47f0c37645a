"""Read speed of state data: Keel's reader against LeRobot's, on the same files, the same items, in one run.

Needs the environment of `make test-lerobot`:
    PYTHONPATH=. .venv-lerobot/bin/python benchmarks/dataset.py
Both readers give two observation steps and a chunk of 16 actions for randomly drawn frames; the values are compared
before anything is timed. LeRobot's items are read one by one, as its DataLoader workers do; Keel gathers batches.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from training.datasets import Dataset, DatasetWriter, Feature
from training.datasets.lerobot_v3.windows import ChunkSampler

STATE, ACTION, FPS, HORIZON = "observation.state", "action", 50, 16


def write(root: Path, frames: int) -> Path:
    rng = np.random.default_rng(0)
    features = {STATE: Feature((16,)), ACTION: Feature((8,))}
    with DatasetWriter(root, fps=FPS, features=features, robot_type="arm") as writer:
        for _ in range(frames // 200):
            episode = {name: rng.normal(size=(200, feature.shape[0])) for name, feature in features.items()}
            writer.add_episode({name: value.astype(np.float32) for name, value in episode.items()}, "reach")
        return writer.finalize()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=15_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--items", type=int, default=256, help="items per round")
    args = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    import lerobot
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    with tempfile.TemporaryDirectory() as directory:
        root = write(Path(directory) / "d", args.frames)
        window = {STATE: [-1 / FPS, 0.0], ACTION: [step / FPS for step in range(HORIZON)]}
        theirs = LeRobotDataset("local/d", root=root, delta_timestamps=window)
        dataset = Dataset.open(root)
        ours = ChunkSampler(dataset, {STATE: (2, 1)}, ACTION, HORIZON, validation_fraction=0.0, seed=0)
        rng = np.random.default_rng(1)
        for index in rng.integers(len(dataset), size=20):
            item, batch = theirs[int(index)], ours.gather(np.array([index]))
            np.testing.assert_array_equal(item[STATE].numpy(), batch.observations[STATE][0])
            np.testing.assert_array_equal(item[ACTION].numpy(), batch.actions[0])
        seconds: dict[str, list[float]] = {"lerobot": [], "keel": []}
        for _ in range(args.rounds):
            index = rng.integers(len(dataset), size=args.items)
            started = time.perf_counter()
            for one in index:
                theirs[int(one)]
            seconds["lerobot"].append((time.perf_counter() - started) / args.items)
            started = time.perf_counter()
            for _ in range(20):
                ours.gather(index)
            seconds["keel"].append((time.perf_counter() - started) / args.items / 20)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    load = os.getloadavg()[0]
    print(f"{len(dataset)} frames, {args.rounds} x {args.items} items, load {load:.1f}, lerobot {lerobot.__version__}")
    print(f"lerobot {median['lerobot'] * 1e6:9.1f} us/item\nkeel    {median['keel'] * 1e6:9.2f} us/item")
    print(f"ratio   {median['lerobot'] / median['keel']:9.0f}")


if __name__ == "__main__":
    main()
