"""The shipped gait through contract, planner and governor on the simulated Go1, with everything that goes wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from policy_nodes.bundle.load import load_bundle
from sim.tasks.velocity.simulated_robot import SimulatedGo1
from training.contracts.go1_velocity import make_bundle, safety_config
from training.evaluation.walking import WalkingLoop

ACTOR = Path(__file__).parents[3] / "examples" / "go1_velocity_flat" / "policy.onnx"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return make_bundle(ACTOR, tmp_path_factory.mktemp("go1") / "go1_velocity_flat.keel")


@pytest.fixture
def walking(bundle):
    loop = WalkingLoop(bundle, SimulatedGo1())
    loop.enable()
    loop.run(1.5, (0.8, 0.0, 0.0))
    return loop


def names(trace, last):
    return {decision.backup for decision in trace.decisions[-last:]} - {None}


def test_the_contract_says_gains_default_pose_and_scales(bundle):
    action = bundle.manifest.actions.terms[0]
    assert action.stiffness == [35.0] * 12 and action.damping == [0.5] * 12
    assert action.offset[:3] == pytest.approx([-0.1, 0.9, -1.8])
    silent = {term.name: term.fallback for term in bundle.manifest.terms if term.fallback is not None}
    assert silent["velocity_command"] == [0.0, 0.0, 0.0]
    assert silent["last_action"] == pytest.approx(action.offset)


def test_it_walks_as_told_and_the_limits_do_not_clip_the_gait(walking):
    trace = walking.run(1.5)
    forward = np.mean(trace.twist[-75:], axis=0)[0]
    assert forward == pytest.approx(0.8, abs=0.3)
    assert not trace.fallen
    assert np.mean([decision.limited for decision in trace.decisions[-75:]]) < 0.05
    walking.governor.enable(walking._now, False)
    trace = walking.run(2.0)
    assert trace.decisions[-1].state.name == "READY" and names(trace, 100) == {"stand"}
    assert trace.height[-1] > 0.18 and not trace.fallen


def test_a_dead_policy_and_blind_joints_end_sitting_upright(walking):
    walking.planning = False
    trace = walking.run(4.0)
    assert trace.decisions[-1].state.name == "STOPPED" and names(trace, 200) == {"sit_down"}
    assert trace.height[-1] < 0.15 and not trace.fallen
    assert trace.decisions[-1].command is None  # category 1: the drive may drop power


def test_a_nan_joint_state_is_a_sit_down(walking):
    walking.corrupt = lambda name, value: value * np.nan if "joint" in name else value
    trace = walking.run(4.0)
    assert trace.decisions[-1].detail.startswith("joint state") and names(trace, 200) == {"sit_down"}
    assert not trace.fallen


def test_a_fall_is_damped_and_enabling_is_refused_while_it_lies(walking):
    walking.robot.push((0.0, 6.0))
    trace = walking.run(5.0)
    assert trace.fallen
    assert trace.decisions[-1].reason.value == "fallen" and names(trace, 250) == {"damping"}
    moving = np.abs(np.array(trace.twist[-10:])).max()
    assert moving < 0.5


def test_the_safety_configuration_has_a_reaction_for_every_stop_that_a_walker_cannot_freeze_in():
    config = safety_config()
    backups = {reaction.backup for reaction in config.reactions.values()}
    assert backups == {"damping", "sit_down", "stand"}
    assert config.attitude is not None


def test_it_is_a_bundle_like_any_other(bundle):
    assert load_bundle(bundle.path).manifest.robot == "unitree_go1"
