"""The endless stream: each frame once per epoch, shapes never change, and a saved place is found again."""

import json

import numpy as np
import pytest

from training.datasets import Dataset, DatasetError
from training.datasets.lerobot_v3.stream import BatchStream
from training.datasets.lerobot_v3.windows import ChunkSampler


@pytest.fixture
def sampler(root):
    return ChunkSampler(Dataset.open(root), {"observation.state": (2, 1)}, "action", 4)


def take(stream, batches):
    return [next(stream).index.tolist() for _ in range(batches)]


def test_a_batch_larger_than_the_dataset_goes_round_more_than_once(sampler):
    """17 frames, batches of 40: two whole epochs and six frames of the third."""
    index = next(BatchStream(sampler, 40)).index
    counts = np.bincount(index, minlength=17)
    assert len(index) == 40 and counts.sum() == 40 and set(counts.tolist()) <= {2, 3} and (counts == 3).sum() == 6


def test_epochs_are_shuffled_anew_and_counted(sampler):
    stream = BatchStream(sampler, 17, seed=3)
    first, second = take(stream, 2)
    assert sorted(first) == sorted(second) == list(range(17)) and first != second
    assert stream.epoch == 1
    assert take(BatchStream(sampler, 17, seed=3), 1) == [first] != take(BatchStream(sampler, 17, seed=4), 1)


def test_the_state_is_plain_json_and_resumes_in_the_middle_of_a_straddling_epoch(sampler):
    stream = BatchStream(sampler, 5, seed=1)
    take(stream, 4)  # 20 frames: three into the second epoch
    state = json.loads(json.dumps(stream.state_dict()))
    assert (state["epoch"], state["cursor"], state["frames"]) == (1, 3, 17)
    following = take(stream, 8)
    other = BatchStream(sampler, 5, seed=99)
    other.load_state_dict(state)
    assert take(other, 8) == following and other.epoch == stream.epoch


def test_a_state_taken_at_the_very_end_of_an_epoch(sampler):
    stream = BatchStream(sampler, 17, seed=2)
    take(stream, 1)
    other = BatchStream(sampler, 17)
    other.load_state_dict(stream.state_dict())
    assert take(other, 2) == take(stream, 2)


def test_the_batch_size_may_change_on_resumption(sampler):
    stream = BatchStream(sampler, 3, seed=5)
    take(stream, 2)
    state = stream.state_dict()
    rest = [index for batch in take(stream, 3) for index in batch]
    wider = BatchStream(sampler, 9)
    wider.load_state_dict(state)
    assert take(wider, 1)[0] == rest


def test_a_split_without_frames_and_no_batch_are_refused(sampler):
    with pytest.raises(DatasetError, match="batches of 4 from 0 validation frames"):
        BatchStream(sampler, 4, split="validation")
    with pytest.raises(DatasetError, match="batches of 0 from 17 train frames"):
        BatchStream(sampler, 0)
