from dataclasses import replace

import numpy as np
import pytest
import torch

from policy_nodes.safety.governor import Governor
from training.contracts.registry import task_contract
from training.simulation import read_features
from training.suites.errors import SuiteError

pytest.importorskip("metaworld")
ONE, THREE = task_contract("metaworld/reach-v3"), task_contract("metaworld/mt3")


@pytest.mark.parametrize("contract", [ONE, THREE])
def test_the_world_publishes_every_term(contract):
    features = read_features(contract.make_world(), contract.observations)
    assert {name: value.shape for name, value in features.items()} == {
        feature.name: (feature.size,) for feature in contract.observations
    }
    for feature in contract.observations:
        low = np.concatenate([term.minimum for term in feature.terms])
        high = np.concatenate([term.maximum for term in feature.terms])
        assert (features[feature.name] > low).all() and (features[feature.name] < high).all()


def test_only_sets_have_a_task_identity():
    assert [feature.name for feature in ONE.observations] == ["observation.state", "observation.environment_state"]
    assert THREE.observations[-1].name == "observation.task_id" and THREE.observations[-1].size == 3
    assert len(THREE.variants) == 3 and [THREE.variant(seed) for seed in (0, 4)] == [
        "reach-v3",
        list(THREE.variants)[1],
    ]
    assert ONE.instruction == ONE.variants["reach-v3"]


def test_names_and_hashes():
    assert ONE.name == "metaworld/reach-v3"
    assert ONE.sha256 == task_contract("metaworld/push-v3").sha256 != THREE.sha256
    assert replace(ONE, episode_s=1.0).sha256 == ONE.sha256
    with pytest.raises(SuiteError, match="no task or set 'x'"):
        task_contract("metaworld/x")


def test_the_encoder_reads_the_contracts_features():
    for contract in (ONE, THREE):
        encoder = contract.make_encoder()
        values = {f.name: torch.zeros(2, f.history, f.size) for f in contract.observations}
        assert encoder(values).shape == (2, encoder.size)


def test_positions_for_the_failure_predictor():
    chunk = torch.randn(2, 16, 4)
    torch.testing.assert_close(ONE.make_position()(chunk), chunk[..., :3])


def test_the_limits_let_the_benchmarks_own_motions_pass():
    """Full speed back and forth, as MetaWorld's interface allows it."""
    governor = Governor(ONE.safety, ONE.actions.joints, [], 0.0125, 0.1, monitor_required=False)
    limits = {joint.name: joint for joint in governor._config.joints}
    assert limits["hand_x"].velocity * 0.0125 >= 0.01
    assert limits["hand_x"].acceleration * 0.0125 >= 2 * 0.01 / 0.0125
    assert limits["gripper"].velocity * 0.0125 >= 0.1
