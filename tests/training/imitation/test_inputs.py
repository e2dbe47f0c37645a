from dataclasses import replace

import numpy as np
import pytest

from training.contracts.registry import task_contract
from training.datasets.errors import DatasetError
from training.imitation.inputs import check_inputs

CONTRACT = task_contract("panda_pick_place")


def cut(dataset, lengths):
    """The dataset's first frames as episodes of other lengths."""
    lengths = np.array(lengths)
    return replace(dataset, episode_lengths=lengths, episode_starts=np.cumsum(lengths) - lengths)


def test_a_real_dataset_passes(dataset, small_config):
    check_inputs(dataset, CONTRACT, small_config)


def test_one_episode_cannot_be_split(dataset, small_config):
    one = cut(dataset, [50])
    with pytest.raises(DatasetError, match="one episode, which cannot be split") as caught:
        check_inputs(one, CONTRACT, small_config)
    assert "--config.validation-fraction 0" in caught.value.fix
    check_inputs(one, CONTRACT, replace(small_config, validation_fraction=0.0))


def test_fewer_frames_than_a_chunk(dataset, small_config):
    with pytest.raises(DatasetError, match="the longest of 3 episodes has 15 frames, a chunk 16"):
        check_inputs(cut(dataset, [5, 15, 2]), CONTRACT, small_config)
    check_inputs(cut(dataset, [5, 16, 2]), CONTRACT, small_config)


@pytest.mark.parametrize("name", ["action", "observation.state", "observation.environment_state"])
def test_a_feature_that_never_changes_is_named(dataset, small_config, name):
    frozen = {**dataset.arrays, name: np.repeat(dataset[name][:1], len(dataset), axis=0)}
    with pytest.raises(DatasetError, match=f"feature '{name}' never changes"):
        check_inputs(replace(dataset, arrays=frozen), CONTRACT, small_config)
    frozen[name] = frozen[name].copy()
    frozen[name][5, 0] += 0.01  # one element that moves once is enough
    check_inputs(replace(dataset, arrays=frozen), CONTRACT, small_config)
