"""Contract of the two-arm transfer: its signals, its encoder, its demonstrations, and a policy of it end to end."""

import numpy as np
import pytest
import torch

from policy_nodes.nodes.simulators import SIMULATORS
from sim.robots import aloha
from sim.robots.aloha_arm import forward
from training.contracts.registry import task_contract
from training.demonstrations.rollout import demonstrate
from training.policies.bimanual_encoder import BimanualEncoder


@pytest.fixture(scope="module")
def contract():
    return task_contract("aloha_transfer")


@pytest.fixture(scope="module")
def encoder(contract):
    return contract.make_encoder()


def observation(joints=aloha.HOME, cube=(0.1, 0.0, 0.02), yaw=0.0):
    pose = [*cube, 0.0, 0.0, np.sin(yaw / 2), np.cos(yaw / 2)]
    return {
        BimanualEncoder.STATE: torch.tensor(np.tile(joints, (1, 2, 1)), dtype=torch.float32),
        BimanualEncoder.ENVIRONMENT: torch.tensor(np.tile(pose, (1, 2, 1)), dtype=torch.float32),
    }


def test_fourteen_joints_in_and_out_with_the_grippers_absolute(contract):
    joints = contract.observations[0].terms[0]
    assert tuple(joints.axes) == aloha.JOINT_NAMES == tuple(contract.actions.joints)
    assert [joints.unit[i] for i in (5, 6, 13)] == ["rad", "m", "m"]
    assert contract.relative == [i not in (6, 13) for i in range(14)]
    assert contract.observations[1].terms[0].frame_id == "world"
    assert SIMULATORS["aloha_transfer"] == contract.simulator
    assert [limit.name for limit in contract.safety.joints] == list(aloha.JOINT_NAMES)
    assert [term.name for term in contract.actions.terms] == ["left_arm", "left_gripper", "right_arm", "right_gripper"]


def test_the_point_of_the_failure_predictor_is_midway_between_the_tools(contract):
    chunk = torch.tensor(np.tile(aloha.HOME, (1, 3, 1)), dtype=torch.float32)
    left, right = forward("left", aloha.HOME[:6]).position, forward("right", aloha.HOME[7:13]).position
    point = contract.make_position()(chunk)
    assert point.shape == (1, 3, 3)
    np.testing.assert_allclose(point[0, 0].numpy(), (left + right) / 2, atol=1e-6)


def test_features_by_hand(encoder):
    features = encoder(observation(yaw=0.3))
    assert features.shape == (1, encoder.size) and encoder.size == 2 * (14 + 3 + 2 + 2 * 14)
    step = features[0, : encoder.size // 2].numpy()
    np.testing.assert_allclose(step[:14], aloha.HOME, atol=1e-6)
    np.testing.assert_allclose(step[14:17], [0.1, 0.0, 0.02], atol=1e-6)
    np.testing.assert_allclose(step[17:19], [np.cos(1.2), np.sin(1.2)], atol=1e-5)
    np.testing.assert_allclose(step[19:22], forward("left", aloha.HOME[:6]).position, atol=1e-5)
    # At home the left gripper looks along +x, 0.1 rad up: what is ahead of it is ahead in its own frame.
    pitch = forward("left", aloha.HOME[:6]).pitch
    way = np.array([0.1, 0.0, 0.02]) - forward("left", aloha.HOME[:6]).position
    ahead = way[0] * np.cos(pitch) - way[2] * np.sin(pitch)
    np.testing.assert_allclose(step[28:30], [ahead, way[1]], atol=1e-5)


def test_a_cube_turned_by_a_quarter_looks_the_same_but_for_the_side_it_shows(encoder):
    one, other = encoder(observation(yaw=0.2)), encoder(observation(yaw=0.2 + np.pi / 2))
    torch.testing.assert_close(one[0, 17:19], other[0, 17:19], atol=1e-5, rtol=0.0)
    assert (encoder(observation(yaw=0.4)) - one).abs().max() > 0.05


def test_a_demonstration_succeeds_and_fills_every_feature(contract):
    shown = demonstrate("aloha_transfer", seed=3, noise=0.0)
    assert shown.success and shown.instruction == contract.instruction
    for feature in contract.observations:
        frames = shown.frames[feature.name]
        low = np.concatenate([term.minimum for term in feature.terms])
        high = np.concatenate([term.maximum for term in feature.terms])
        assert (frames >= low).all() and (frames <= high).all(), feature.name
    speeds = np.abs(np.diff(shown.frames["action"], axis=0)) * 50.0
    assert (speeds <= aloha.VELOCITY_LIMITS).all()
