import numpy as np
import pytest
import torch

from training.contracts.registry import task_contract
from training.simulation import read_features

pytest.importorskip("gym_pusht")
CONTRACT = task_contract("pusht")


def test_the_world_publishes_every_term_within_its_range():
    world = CONTRACT.make_world()
    for seed in range(5):
        world.reset(seed)
        features = read_features(world, CONTRACT.observations)
        for feature in CONTRACT.observations:
            low = np.concatenate([term.minimum for term in feature.terms])
            high = np.concatenate([term.maximum for term in feature.terms])
            assert (features[feature.name] >= low).all() and (features[feature.name] <= high).all()


def test_encoder_and_position_fit_the_contract():
    values = {f.name: torch.zeros(2, f.history, f.size) for f in CONTRACT.observations}
    encoder = CONTRACT.make_encoder()
    assert encoder(values).shape == (2, encoder.size)
    chunk = torch.rand(2, 16, 2)
    position = CONTRACT.make_position()(chunk)
    torch.testing.assert_close(position[..., :2], chunk)
    assert (position[..., 2] == 0).all()


def test_ten_hertz_and_a_stop_that_the_limits_allow():
    assert CONTRACT.timing.control_rate_hz == 10.0 and CONTRACT.history["observation.state"] == (2, 1)
    assert all(joint.acceleration * 0.1 >= 2 * joint.velocity for joint in CONTRACT.safety.joints)
