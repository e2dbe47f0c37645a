"""Wiping as a task: what is felt, what counts as wiped, and that its dataset and contract fit each other."""

import dataclasses

import numpy as np
import pytest
import torch

from policy_nodes.nodes.simulators import FeelingRobot, load_simulator
from sim.tasks.insertion.world import FORCE_TOPIC
from training.contracts.registry import task_contract
from training.demonstrations.rollout import demonstrate
from training.evaluation.closed_loop import read_term
from training.imitation.build import build_policy
from training.policies.config import PolicyConfig
from training.suites.errors import SuiteError
from training.suites.wiping.expert import WipingExpert
from training.suites.wiping.world import SURFACE, WipingWorld

STILL = dataclasses.replace(SURFACE, shift_probability=0.0, spread=0.0)


def stroke(world, act, seed=0):
    world.reset(seed)
    while not world.over:
        assert not world.success()
        world.step(act(world))
    return world


def test_the_force_is_felt_along_z_and_its_error_counted_after_the_contact_has_settled():
    world = stroke(WipingWorld(STILL), lambda w: [w.surface.height - 0.012])  # 500 N/m * 12 mm = 6 N
    assert world.wrenches()[FORCE_TOPIC] == pytest.approx([0, 0, 6.0, 0, 0, 0])
    assert world.force_error() == pytest.approx(1.0, abs=1e-6)
    assert len(world.forces) == 200
    world.step([1.0])
    assert len(world.forces) == 200 and world.wrenches()[FORCE_TOPIC][2] == 0.0  # the stroke is over, the tool moves


@pytest.mark.parametrize(("depth", "done"), [(0.0119, True), (0.0121, False), (0.0081, True), (0.0079, False)])
def test_wiped_means_within_a_newton(depth, done):
    world = stroke(WipingWorld(STILL), lambda w: [w.surface.height - depth])
    assert (world.success(), world.failed()) == (done, not done)


def test_pressing_too_hard_fails_at_once():
    world = WipingWorld(STILL)
    world.reset(0)
    for _ in range(5):
        world.step([world.surface.height - 0.05])
    assert world.failed() and not world.over


def test_strokes_differ_in_height_and_stiffness_and_repeat_with_their_seed():
    worlds = [WipingWorld() for _ in range(300)]
    for seed, world in enumerate(worlds):
        world.reset(seed)
    logs = np.log([world.surface.stiffness / 500.0 for world in worlds])
    assert logs.std() == pytest.approx(0.3, rel=0.15) and abs(logs.mean()) < 0.06
    again = WipingWorld()
    again.reset(7)
    assert (again.surface.height, again.surface.stiffness) == (worlds[7].surface.height, worlds[7].surface.stiffness)
    assert again.wrenches()[FORCE_TOPIC][2] == pytest.approx(2.5)


def test_a_command_that_is_none_is_refused():
    for command in ([np.nan], [0.0, 0.0], 0.0):
        with pytest.raises(SuiteError, match="not one finite number"):
            WipingWorld().step(command)


def test_the_expert_wipes_while_a_still_hand_does_not():
    expert, world, good = WipingExpert(), WipingWorld(), {"expert": 0, "still": 0}
    for seed in range(30):
        expert.reset(world, seed)
        good["expert"] += stroke(world, expert.act, seed).success()
        good["still"] += stroke(world, lambda w: [w.surface.z], seed).success()
    assert good["expert"] >= 28 and good["still"] <= 4


def test_labels_stay_the_law_while_the_execution_is_perturbed():
    shown = demonstrate("wiping", seed=3, noise=0.001)
    quiet = demonstrate("wiping", seed=3, noise=0.0)
    force, height = shown.frames["observation.force"][:, 2], shown.frames["observation.state"][:, 0]
    assert not np.allclose(force, quiet.frames["observation.force"][:, 2])
    np.testing.assert_allclose(shown.frames["action"][:, 0], height + 0.6 * (force - 5.0) / 500.0, atol=1e-6)
    assert shown.success and len(force) == 210


def test_the_contract_reads_the_world_and_encodes_force_and_movement():
    contract, world = task_contract("wiping"), WipingWorld(STILL)
    world.step([world.surface.height - 0.01])
    values = {term.name: read_term(world, term) for feature in contract.observations for term in feature.terms}
    assert values["tool_force"][2] == pytest.approx(world.surface.force)
    assert values["axis_position"] == pytest.approx([world.surface.z])
    observation = {
        "observation.state": torch.tensor([[[0.01], [0.013]]]),
        "observation.force": torch.tensor([[[0.0, 9.0, 4.0], [0.0, 9.0, 6.0]]]),
    }
    features = contract.make_encoder()(observation)
    torch.testing.assert_close(features, torch.tensor([[4.0, 0.0, 6.0, 0.003]]))
    assert contract.make_position()(torch.full((1, 2, 1), 0.02)).tolist() == [[[0.0, 0.0, pytest.approx(0.02)]] * 2]


def test_the_simulator_node_finds_a_robot_that_feels():
    robot = load_simulator("training.suites.live:wiping", seed=1)
    assert isinstance(robot, FeelingRobot) and robot.frame_id == "surface"
    assert robot.wrenches()[FORCE_TOPIC][2] == pytest.approx(2.5)
    robot.advance(np.array([0.0]), 0.02)
    assert robot.joint_names == ("tool_z",) and not robot.success()


def test_an_ordinary_policy_can_be_built_for_it():
    contract = task_contract("wiping")
    policy = build_policy(contract, PolicyConfig(horizon=24, width=16))
    observation = {"observation.state": torch.full((1, 2, 1), 0.01), "observation.force": torch.zeros(1, 2, 3)}
    assert policy.to_relative(observation, torch.full((1, 24, 1), 0.03))[0, 5, 0] == pytest.approx(0.02)
