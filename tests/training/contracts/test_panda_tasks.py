"""Contracts of the lift and insertion tasks: what their policies see, and that expert and world fit them."""

import numpy as np
import pytest
import torch

from policy_nodes.nodes.simulators import SIMULATORS
from training.contracts.registry import task_contract
from training.demonstrations.rollout import demonstrate
from training.policies.insertion_encoder import InsertionEncoder


def test_lifting_reads_what_picking_and_placing_reads():
    assert task_contract("panda_lift").sha256 == task_contract("panda_pick_place").sha256


def test_insertion_feels_a_wrench_in_the_base_frame():
    terms = {term.name: term for feature in task_contract("panda_insertion").observations for term in feature.terms}
    assert set(terms) == {"joint_position", "peg_pose", "socket_pose", "gripper_force"}
    force = terms["gripper_force"]
    assert (force.message_type, force.field) == ("geometry_msgs/msg/WrenchStamped", "force")
    assert force.topic == "/force_torque_sensor_broadcaster/wrench" and force.frame_id == "panda_link0"
    assert force.unit == ["N"] * 3 and force.minimum == [-500.0] * 3


@pytest.mark.parametrize("name", ["panda_lift", "panda_insertion"])
def test_formulas_speak_of_signals_that_the_task_has(name):
    contract = task_contract(name)
    terms = {term.name for feature in contract.observations for term in feature.terms}
    formulas = " ".join(item.formula for item in contract.safety.temporal_logic)
    assert "cube_pose" not in formulas or "cube_pose" in terms
    assert "panda_joint4" in formulas
    assert SIMULATORS[name] == contract.simulator


@pytest.mark.parametrize(("name", "seconds"), [("panda_lift", 6.0), ("panda_insertion", 10.0)])
def test_a_demonstration_succeeds_and_fills_every_feature(name, seconds):
    contract = task_contract(name)
    shown = demonstrate(name, seed=3, noise=0.0, max_seconds=seconds)
    assert shown.success and shown.instruction == contract.instruction
    for feature in contract.observations:
        frames = shown.frames[feature.name]
        low = np.concatenate([term.minimum for term in feature.terms])
        high = np.concatenate([term.maximum for term in feature.terms])
        assert (frames >= low).all() and (frames <= high).all(), feature.name
    if name == "panda_insertion":
        force = shown.frames["observation.force"]
        assert np.abs(force[:20]).max() == 0.0  # nothing touched yet
        carried = np.median(force[np.abs(force[:, 2]) > 0.5, 2])
        assert carried == pytest.approx(-0.1 * 9.81, abs=0.2)  # the peg's weight


@pytest.fixture(scope="module")
def encoder():
    return task_contract("panda_insertion").make_encoder()


def observation(peg_yaw, socket_yaw, force=(0.0, 0.0, 0.0)):
    state = torch.zeros(1, 2, 8)
    environment = torch.zeros(1, 2, 14)
    for start, yaw in ((3, peg_yaw), (10, socket_yaw)):
        environment[..., start + 2], environment[..., start + 3] = np.sin(yaw / 2), np.cos(yaw / 2)
    felt = torch.tensor(force).expand(1, 2, 3)
    return {InsertionEncoder.STATE: state, InsertionEncoder.ENVIRONMENT: environment, InsertionEncoder.FORCE: felt}


def test_quarter_turns_of_peg_and_socket_look_the_same(encoder):
    features = encoder(observation(0.1, 0.3))
    assert features.shape == (1, encoder.size)
    for peg, socket in ((0.1 + np.pi / 2, 0.3), (0.1, 0.3 - np.pi / 2)):
        torch.testing.assert_close(encoder(observation(peg, socket)), features, atol=1e-5, rtol=0.0)
    assert (encoder(observation(0.1, 0.4)) - features).abs().max() > 0.05


def test_relative_yaw_and_force_by_hand(encoder):
    last = encoder(observation(0.1, 0.3, (0.0, 5.0, -50.0)))[0, -7:]
    expected = [np.cos(1.2), np.sin(1.2), np.cos(-0.8), np.sin(-0.8), 0.0, np.tanh(0.5), np.tanh(-5.0)]
    np.testing.assert_allclose(last.numpy(), expected, atol=1e-5)
