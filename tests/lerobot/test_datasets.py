"""Datasets exchanged with the real lerobot package, both ways."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("lerobot", reason="needs the environment of `make test-lerobot`")

from lerobot.datasets.lerobot_dataset import LeRobotDataset

from training.datasets import Dataset, DatasetWriter, Feature
from training.datasets.lerobot_v3.windows import ChunkSampler

pytestmark = pytest.mark.lerobot
STATE, ACTION = "observation.state", "action"
LENGTHS = (7, 4, 11)


def frames(length, seed):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=(length, size)).astype(np.float32) for name, size in ((STATE, 3), (ACTION, 2))}


def test_lerobot_reads_what_we_write(tmp_path):
    features = {STATE: Feature((3,)), ACTION: Feature((2,))}
    with DatasetWriter(tmp_path / "d", fps=10, features=features, robot_type="arm") as writer:
        for index, length in enumerate(LENGTHS):
            writer.add_episode(frames(length, index), f"task {index % 2}")
        root = writer.finalize()
    ours = Dataset.open(root)
    window = {STATE: [-0.1, 0.0], ACTION: [0.0, 0.1, 0.2, 0.3]}
    theirs = LeRobotDataset("local/d", root=root, delta_timestamps=window)
    assert len(theirs) == len(ours) == sum(LENGTHS) and theirs.fps == 10
    batch = ChunkSampler(ours, {STATE: (2, 1)}, ACTION, 4, validation_fraction=0.0, seed=0).gather(np.arange(len(ours)))
    for index in range(len(ours)):
        item = theirs[index]
        np.testing.assert_array_equal(item[STATE].numpy(), batch.observations[STATE][index])
        np.testing.assert_array_equal(item[ACTION].numpy(), batch.actions[index])
        np.testing.assert_array_equal(item["action_is_pad"].numpy(), batch.action_is_pad[index])
        assert item["task"] == ours.tasks[int(ours["task_index"][index, 0])]


def test_we_read_what_lerobot_writes(tmp_path):
    shapes = {name: {"dtype": "float32", "shape": (size,), "names": None} for name, size in ((STATE, 3), (ACTION, 2))}
    theirs = LeRobotDataset.create("local/d", 10, shapes, root=tmp_path / "d", use_videos=False)
    for index, length in enumerate(LENGTHS):
        content = frames(length, index)
        for row in range(length):
            theirs.add_frame({STATE: content[STATE][row], ACTION: content[ACTION][row], "task": "go"})
        theirs.save_episode()
    theirs.finalize()
    ours = Dataset.open(tmp_path / "d")
    assert ours.fps == 10 and ours.num_episodes == 3 and list(ours.tasks.values()) == ["go"]
    for index, length in enumerate(LENGTHS):
        np.testing.assert_array_equal(ours.episode(index)[STATE], frames(length, index)[STATE])
    stored = np.concatenate([frames(length, index)[ACTION] for index, length in enumerate(LENGTHS)])
    np.testing.assert_allclose(ours.require_stats(ACTION)["mean"], stored.mean(0), atol=1e-6)
