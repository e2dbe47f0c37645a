from dataclasses import replace

import numpy as np
import pytest

from policy_nodes.bundle.load import load_bundle
from policy_nodes.errors import BundleError, ContractError
from policy_nodes.inference.policy import PolicySession
from policy_nodes.safety.config import load_safety_config
from training.export import bundle as export
from training.export.bundle import export_bundle
from training.export.parity import TOLERANCE
from training.imitation.build import load_policy


@pytest.fixture
def trained(training_path):
    return load_policy(training_path)


def test_manifest_says_what_the_graph_is(bundle_path, trained, small_config):
    manifest = load_bundle(bundle_path).manifest
    assert (manifest.name, manifest.robot, manifest.task) == ("tiny", "franka_emika_panda", "panda_pick_place")
    assert manifest.observations == trained.contract.observations and manifest.actions == trained.contract.actions
    policy = manifest.policy
    assert (policy.family, policy.sampler, policy.sampling_steps) == ("flow_matching", "euler", 2)
    assert policy.parameters == sum(p.numel() for p in trained.policy.parameters())
    assert [(t.name, t.role) for t in policy.outputs] == [("action", "action"), ("embedding", "embedding")]
    assert manifest.timing == trained.contract.timing
    assert sorted(manifest.files) == ["parity.npz", "policy.onnx", "safety.yaml"]


def test_parity_is_recorded_and_within_tolerance(bundle_path):
    parity = load_bundle(bundle_path).manifest.parity
    assert parity.samples == 5 and parity.tolerance == TOLERANCE == 1e-5
    assert set(parity.max_abs_error) == {"action", "embedding"}
    assert all(0 <= error <= 1e-5 for error in parity.max_abs_error.values())


def test_the_robots_code_runs_it(bundle_path, trained, dataset):
    bundle = load_bundle(bundle_path)
    session = PolicySession(bundle)
    session.warm_up()
    rows = slice(10, 12)
    observation = {name: dataset[name][rows] for name in ("observation.state", "observation.environment_state")}
    output = session.sample(observation, rng=np.random.default_rng(0), batch=3)
    assert output.chunk.shape == (3, 16, 8)
    limits = load_safety_config(bundle.file("safety.yaml"))
    assert limits.joints == trained.contract.safety.joints


def test_another_dataset_is_refused(trained, dataset, tmp_path):
    other = replace(dataset, fps=25)
    with pytest.raises(BundleError, match="not the dataset that this policy was trained on"):
        export_bundle(trained, other, tmp_path / "x.keel", name="x")
    assert not list(tmp_path.iterdir())


def test_missing_statistics_are_refused(trained, dataset, tmp_path):
    trained.policy.action_normalizer.mean[3, 2] = float("nan")
    with pytest.raises(ContractError, match="feature 'action' has no statistics"):
        export_bundle(trained, dataset, tmp_path / "x.keel", name="x")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [2e-5, float("nan")])
def test_a_graph_that_answers_otherwise_is_not_written(trained, dataset, bundle_path, tmp_path, monkeypatch, error):
    graph = (bundle_path / "policy.onnx").read_bytes()
    monkeypatch.setattr(export, "export_graph", lambda *args: graph)
    monkeypatch.setattr(export, "graph_errors", lambda *args: {"action": 1e-6, "embedding": error})
    with pytest.raises(BundleError, match="output 'embedding' of the exported graph differs"):
        export_bundle(trained, dataset, tmp_path / "x.keel", name="x")
    assert not list(tmp_path.iterdir())
