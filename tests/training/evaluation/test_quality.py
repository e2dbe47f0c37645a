import json

import pytest
import torch

from policy_nodes.bundle.load import load_bundle
from policy_nodes.errors import BundleError, ConfigError
from training.datasets.lerobot_v3.reader import Dataset
from training.evaluation.closed_loop import ClosedLoop
from training.evaluation.quality import (
    Cell,
    measure,
    measure_latency,
    pooled,
    quality_table,
    replaced_between,
    stepwise,
    together,
    variant_table,
    with_policy_options,
)
from training.imitation.build import load_policy


def cell(**changes):
    fields = {
        "label": "flow", "task": "t", "settings": {}, "episodes": 20, "successes": 19, "variants": {"a": (9, 10)},
        "first_seed": 5, "parameters": 2_000_000, "active_parameters": 500_000, "evaluations": 4,
        "flops_per_evaluation": 700_000, "flops": 3_000_000, "latency_ms": (1.5, 2.5), "steps_trained": 7,
    }  # fmt: skip
    return Cell(**{**fields, **changes})


@pytest.fixture
def trained(training_path):
    return load_policy(training_path)


def test_a_cell_survives_its_file(tmp_path):
    cell().save(tmp_path / "deep/cell.json")
    assert Cell.load(tmp_path / "deep/cell.json") == cell()
    assert json.loads((tmp_path / "deep/cell.json").read_text())["successes"] == 19


def test_other_options_keep_the_weights(trained):
    before = {name: value.clone() for name, value in trained.policy.state_dict().items()}
    changed = with_policy_options(trained, {"sampling_steps": 7})
    assert changed.policy.config.sampling_steps == changed.train.policy.sampling_steps == 7
    assert all(torch.equal(value, before[name]) for name, value in changed.policy.state_dict().items())


def test_measured_through_the_bundle_and_extended(trained, dataset_path, tmp_path, monkeypatch):
    monkeypatch.setattr("training.evaluation.quality.LATENCY_CALLS", 3)
    dataset, path = Dataset.open(dataset_path), tmp_path / "tiny.keel"
    object.__setattr__(trained.contract, "episode_s", 0.3)
    try:
        found = measure("tiny", trained, dataset, path, episodes=2, first_seed=9, settings={"steps": 2})
        stamp = (path / "policy.onnx").stat().st_mtime_ns
        more = measure("tiny", trained, dataset, path, episodes=3, first_seed=9, settings={"steps": 2}, known=found)
    finally:
        object.__setattr__(trained.contract, "episode_s", 12.0)
    assert (found.label, found.task, found.episodes, found.first_seed) == ("tiny", "panda_pick_place", 2, 9)
    assert found.successes == 0 and found.variants == {} and found.steps_trained == 20
    assert found.parameters == found.active_parameters > 0
    assert found.evaluations == 2 and found.flops > 2 * found.flops_per_evaluation > 0
    assert 0 < found.latency_ms[0] <= found.latency_ms[1]
    assert more.episodes == 3 and more.latency_ms == found.latency_ms
    assert (path / "policy.onnx").stat().st_mtime_ns == stamp  # the bundle is not exported twice


def test_the_steps_that_one_graph_can_run(trained):
    assert stepwise(trained, (1, 2, 50)) == (1, 2, 50)
    assert stepwise(with_policy_options(trained, {"sampler": "midpoint"}), (1, 2)) == ()


def test_a_curve_shares_one_step_graph(trained, dataset_path, tmp_path, monkeypatch):
    monkeypatch.setattr("training.evaluation.quality.LATENCY_CALLS", 3)
    dataset, path, offered = Dataset.open(dataset_path), tmp_path / "curve.keel", (1, 3)
    object.__setattr__(trained.contract, "episode_s", 0.3)
    try:
        cells = []
        for steps in (3, 1):
            policy = with_policy_options(trained, {"sampling_steps": steps})
            cells.append(measure("tiny", policy, dataset, path, episodes=1, first_seed=9, offered=offered))
    finally:
        object.__setattr__(trained.contract, "episode_s", 12.0)
    assert [found.evaluations for found in cells] == [3, 1]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["curve.keel"]
    bundle = load_bundle(path)
    assert bundle.manifest.policy.sampling_steps == 1
    assert [schedule.steps for schedule in bundle.manifest.policy.step_graph.schedules] == [1, 3]
    loop = ClosedLoop(bundle, trained.contract.make_world(), steps=3)
    assert loop.session.evaluations == 3
    with pytest.raises(BundleError, match=r"no schedule for 2 steps \(it has 1, 3\)"):
        ClosedLoop(bundle, trained.contract.make_world(), steps=2)


def test_episodes_of_the_same_row_add_up_and_training_seeds_are_pooled():
    more = cell(episodes=5, successes=1, variants={"a": (1, 2), "b": (0, 3)}, latency_ms=(2.5, 3.5))
    both = together([cell(), more])
    assert (both.successes, both.episodes) == (20, 25)
    assert both.variants == {"a": (10, 12), "b": (0, 3)} and both.latency_ms == (2.0, 3.0)
    rows = pooled([cell(), cell(label="moe"), cell(training_seed=1, successes=10)])
    assert [(row.label, row.successes, row.episodes, row.settings) for row in rows] == [
        ("flow", 29, 40, {"training seeds": 2}),
        ("moe", 19, 20, {}),
    ]
    assert len(pooled([cell(settings={"steps": 1}), cell(settings={"steps": 2})])) == 2


def test_tables_go_between_their_marks():
    text = "a\n<!-- quality: begin -->\nold\n<!-- quality: end -->\nb\n"
    expected = "a\n<!-- quality: begin -->\n\nnew\n\n<!-- quality: end -->\nb\n"
    assert replaced_between(text, "quality", "new") == expected
    assert replaced_between(expected, "quality", "new") == expected
    with pytest.raises(ConfigError, match="no marks '<!-- other: begin -->'"):
        replaced_between(text, "other", "new")


def test_latency_is_of_as_many_calls_as_asked(bundle_path):
    median, late = measure_latency(bundle_path, calls=5)
    assert 0 < median <= late


def test_tables():
    table = quality_table([cell(), cell(label="moe", settings={"sampler": "ddim", "steps": 3}, successes=20)])
    lines = table.splitlines()
    assert lines[2].startswith("| flow | 19/20 = 0.95 | 0.76 to 0.99 | 2000 k | 500 k | 4 | 0.70 | 3.0 | 1.50 ms |")
    assert lines[3].startswith("| moe, sampler ddim, steps 3 | 20/20 = 1.00 | 0.84 to 1.00 |")
    other = cell(label="moe", variants={"a": (1, 10), "b": (2, 2)})
    assert variant_table([cell(), other]).splitlines()[2:] == ["| a | 9/10 | 1/10 |", "| b | 0/0 | 2/2 |"]
    assert variant_table([cell(variants={})]) == ""
