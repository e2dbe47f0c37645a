import json

import pytest
import torch

from training.datasets.lerobot_v3.reader import Dataset
from training.evaluation.quality import (
    Cell,
    count_flops,
    measure,
    measure_latency,
    quality_table,
    variant_table,
    with_policy_options,
)
from training.imitation.build import load_policy


def cell(**changes):
    fields = {
        "label": "flow", "task": "t", "settings": {}, "episodes": 20, "successes": 19, "variants": {"a": (9, 10)},
        "first_seed": 5, "parameters": 2_000_000, "active_parameters": 500_000, "flops": 3_000_000,
        "latency_ms": (1.5, 2.5), "steps_trained": 7,
    }  # fmt: skip
    return Cell(**{**fields, **changes})


@pytest.fixture
def trained(training_path):
    return load_policy(training_path)


def test_a_cell_survives_its_file(tmp_path):
    cell().save(tmp_path / "deep/cell.json")
    assert Cell.load(tmp_path / "deep/cell.json") == cell()
    assert json.loads((tmp_path / "deep/cell.json").read_text())["successes"] == 19


def test_operations_grow_with_the_evaluations_of_the_network(trained):
    counted = [
        count_flops(with_policy_options(trained, {"sampling_steps": n}).policy, trained.contract) for n in (1, 2, 4)
    ]
    step = counted[1] - counted[0]
    assert step > 0 and counted[2] - counted[1] == 2 * step
    products = sum(p.numel() for name, p in trained.policy.denoiser.named_parameters() if name.endswith("weight"))
    assert 1.5 * products < step < 2.5 * products  # two operations per weight of a matrix product


def test_other_options_keep_the_weights(trained):
    before = {name: value.clone() for name, value in trained.policy.state_dict().items()}
    changed = with_policy_options(trained, {"sampling_steps": 7})
    assert changed.policy.config.sampling_steps == changed.train.policy.sampling_steps == 7
    assert all(torch.equal(value, before[name]) for name, value in changed.policy.state_dict().items())


def test_measured_through_the_bundle(trained, dataset_path, monkeypatch):
    monkeypatch.setattr("training.evaluation.quality.LATENCY_CALLS", 3)
    object.__setattr__(trained.contract, "episode_s", 0.3)
    try:
        found = measure("tiny", trained, Dataset.open(dataset_path), episodes=2, first_seed=9, settings={"steps": 2})
    finally:
        object.__setattr__(trained.contract, "episode_s", 12.0)
    assert (found.label, found.task, found.episodes, found.first_seed) == ("tiny", "panda_pick_place", 2, 9)
    assert found.successes == 0 and found.variants == {} and found.steps_trained == 20
    assert found.parameters == found.active_parameters > 0 and found.flops > 0
    assert 0 < found.latency_ms[0] <= found.latency_ms[1]


def test_latency_is_of_as_many_calls_as_asked(bundle_path):
    median, late = measure_latency(bundle_path, calls=5)
    assert 0 < median <= late


def test_tables():
    table = quality_table([cell(), cell(label="moe", settings={"sampler": "ddim", "steps": 3}, successes=20)])
    lines = table.splitlines()
    assert lines[2].startswith("| flow | 19/20 = 0.95 | 0.76 to 0.99 | 2.00 M | 0.50 M | 3.0 | 1.50 / 2.50 ms |")
    assert lines[3].startswith("| moe, sampler ddim, steps 3 | 20/20 = 1.00 | 0.84 to 1.00 |")
    other = cell(label="moe", variants={"a": (1, 10), "b": (2, 2)})
    assert variant_table([cell(), other]).splitlines()[2:] == ["| a | 9/10 | 1/10 |", "| b | 0/0 | 2/2 |"]
    assert variant_table([cell(variants={})]) == ""
