"""A tiny chain, made once for all tests of training: three demonstrations, a barely trained policy, its bundle."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
import torch

from training.commands import collect, export, train
from training.datasets.lerobot_v3.reader import Dataset
from training.imitation.config import TrainConfig
from training.policies.flow_policy import FlowPolicyConfig

SMALL_POLICY = FlowPolicyConfig(embedding_size=8, width=16, depth=1, sampling_steps=2)
SMALL_CONFIG = TrainConfig(
    policy=SMALL_POLICY,
    steps=12,
    batch_size=16,
    warmup_steps=3,
    checkpoint_every=6,
    log_every=4,
    validation_fraction=0.3,
)


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Networks this small are slower on several threads, far slower on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def small_config():
    return SMALL_CONFIG


@pytest.fixture(scope="session")
def dataset_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("chain") / "dataset"
    assert collect.run(collect.Args(path, episodes=3, workers=1)) == 0
    return path


@pytest.fixture(scope="session")
def dataset(dataset_path):
    return Dataset.open(dataset_path)


@pytest.fixture(scope="session")
def training_path(dataset_path):
    path = dataset_path.parent / "train"
    assert train.run(train.Args(dataset_path, path, config=replace(SMALL_CONFIG, steps=20))) == 0
    return path


@pytest.fixture(scope="session")
def bundle_path(dataset_path, training_path):
    path = dataset_path.parent / "tiny.keel"
    assert export.run(export.Args(training_path, dataset_path, path, samples=5)) == 0
    return path


@pytest.fixture
def bundle_copy(bundle_path, tmp_path):
    """A bundle that the test may change."""
    return shutil.copytree(bundle_path, tmp_path / "tiny.keel")
