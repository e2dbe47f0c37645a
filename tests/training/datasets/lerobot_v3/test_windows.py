import json

import numpy as np
import pytest

from tests.training.datasets.lerobot_v3.conftest import write
from training.datasets import BatchStream, ChunkSampler, Dataset, DatasetError
from training.datasets.lerobot_v3.windows import split_episodes

HISTORY = {"observation.state": (3, 2), "next.reward": (1, 1)}


@pytest.fixture
def dataset(root):
    return Dataset.open(root)


def test_windows_are_clamped_inside_the_episode(dataset):
    sampler = ChunkSampler(dataset, HISTORY, "action", 4)
    batch = sampler.gather(np.array([6, 15]))  # episode 1 frame 1 (of 3), episode 2 frame 7 (of 9)
    np.testing.assert_array_equal(batch.observations["observation.state"][:, :, 0], [[100, 100, 101], [203, 205, 207]])
    np.testing.assert_array_equal(batch.observations["next.reward"][:, :, 0], [[0.5], [3.5]])
    np.testing.assert_array_equal(batch.actions[:, :, 0], [[-101, -102, -102, -102], [-207, -208, -208, -208]])
    np.testing.assert_array_equal(batch.action_is_pad, [[False, False, True, True]] * 2)


def test_vectorised_gather_equals_a_naive_loop(dataset):
    sampler = ChunkSampler(dataset, {"observation.state": (4, 3)}, "action", 6)
    batch = sampler.gather(np.arange(len(dataset)))
    for index in range(len(dataset)):
        episode = int(dataset["episode_index"][index, 0])
        first = int(dataset.episode_starts[episode])
        last = first + int(dataset.episode_lengths[episode]) - 1
        history = [max(index - 3 * lag, first) for lag in (3, 2, 1, 0)]
        ahead = [min(index + k, last) for k in range(6)]
        np.testing.assert_array_equal(
            batch.observations["observation.state"][index], dataset["observation.state"][history]
        )
        np.testing.assert_array_equal(batch.actions[index], dataset["action"][ahead])
        assert batch.action_is_pad[index].tolist() == [index + k > last for k in range(6)]


def test_split_is_by_episode_disjoint_and_seeded():
    train, validation = split_episodes(50, 0.1, seed=3)
    assert len(validation) == 5 and sorted([*train, *validation]) == list(range(50))
    assert split_episodes(50, 0.1, seed=3)[1].tolist() == validation.tolist()
    assert split_episodes(50, 0.1, seed=4)[1].tolist() != validation.tolist()
    assert len(split_episodes(2, 0.01, 0)[1]) == 1 and len(split_episodes(2, 0.99, 0)[0]) == 1
    assert len(split_episodes(3, 0.0, 0)[1]) == 0
    with pytest.raises(DatasetError):
        split_episodes(1, 0.1, 0)


def test_epoch_covers_each_split_once(dataset):
    sampler = ChunkSampler(dataset, HISTORY, "action", 4, validation_fraction=0.34, seed=1)
    episode = int(sampler.validation_episodes[0])
    seen = np.concatenate([b.index for b in sampler.epoch(4, "validation")])
    np.testing.assert_array_equal(dataset["episode_index"][seen, 0], episode)
    train = np.concatenate([b.index for b in sampler.epoch(4, rng=np.random.default_rng(0))])
    assert sorted([*train, *seen]) == list(range(17)) and sorted(train) != train.tolist()


def test_stream_sees_every_frame_once_per_epoch(dataset):
    stream = BatchStream(ChunkSampler(dataset, HISTORY, "action", 4), 4, seed=5)
    seen = np.concatenate([next(stream).index for _ in range(17)])  # 68 frames = 4 epochs
    assert seen.shape == (68,)
    for epoch in range(4):
        assert sorted(seen[17 * epoch : 17 * (epoch + 1)]) == list(range(17))
    assert stream.epoch == 3


@pytest.mark.parametrize("steps", [0, 3, 4, 5, 9])
def test_stream_resumes_exactly(dataset, steps):
    sampler = ChunkSampler(dataset, HISTORY, "action", 4)
    stream, resumed = BatchStream(sampler, 4, seed=5), BatchStream(sampler, 4, seed=99)
    for _ in range(steps):
        next(stream)
    resumed.load_state_dict(json.loads(json.dumps(stream.state_dict())))
    for _ in range(12):
        np.testing.assert_array_equal(next(stream).index, next(resumed).index)
    assert stream.epoch == resumed.epoch


def test_resuming_on_another_dataset_is_refused(dataset, tmp_path):
    other = Dataset.open(write(tmp_path / "other", (4, 4)))
    state = BatchStream(ChunkSampler(other, HISTORY, "action", 4), 4).state_dict()
    with pytest.raises(DatasetError, match="counts 8 training frames, the dataset has 17"):
        BatchStream(ChunkSampler(dataset, HISTORY, "action", 4), 4).load_state_dict(state)


def test_bad_requests(dataset):
    with pytest.raises(DatasetError, match="'speed' is not in the dataset"):
        ChunkSampler(dataset, {"speed": (1, 1)}, "action", 4)
    with pytest.raises(DatasetError, match="not positive"):
        ChunkSampler(dataset, HISTORY, "action", 0)
    with pytest.raises(DatasetError, match="0 validation frames"):
        BatchStream(ChunkSampler(dataset, HISTORY, "action", 4), 4, split="validation")
