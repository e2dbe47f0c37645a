import numpy as np
import pytest

from sim.tasks.pick_place.world import PickPlaceWorld
from training.contracts.registry import task_contract
from training.demonstrations.rollout import _actors, demonstrate

TASK = "panda_pick_place"


@pytest.fixture(scope="module")
def demonstration():
    return demonstrate(TASK, seed=0, noise=0.006)


def test_frames_are_the_contracts(demonstration):
    contract = task_contract(TASK)
    length = len(demonstration.frames["action"])
    sizes = {feature.name: feature.size for feature in contract.observations} | {"action": 8}
    assert {name: values.shape for name, values in demonstration.frames.items()} == {
        name: (length, size) for name, size in sizes.items()
    }
    assert {values.dtype.name for values in demonstration.frames.values()} == {"float32"}
    assert demonstration.success and 100 < length < 750


def test_the_first_frame_is_the_seeded_start(demonstration):
    world = PickPlaceWorld()
    world.reset(0)
    np.testing.assert_allclose(demonstration.frames["observation.state"][0], world.joint_state()[0], atol=1e-6)
    poses = np.concatenate([world.object_poses()["cube"], world.object_poses()["goal"]])
    np.testing.assert_allclose(demonstration.frames["observation.environment_state"][0], poses, atol=1e-6)


def test_same_seed_same_frames_whatever_was_recorded_before(demonstration):
    again = demonstrate(TASK, seed=0, noise=0.006)
    for name, values in demonstration.frames.items():
        np.testing.assert_array_equal(values, again.frames[name])
    assert not np.array_equal(demonstrate(TASK, 1, 0.006).frames["action"][0], demonstration.frames["action"][0])


def test_the_label_is_the_clean_command_and_the_executed_one_is_perturbed(monkeypatch):
    world, expert = _actors(TASK)
    wanted, executed, act, step = [], [], expert.act, world.step
    monkeypatch.setattr(expert, "act", lambda w: (wanted.append(np.array(command := act(w))), command)[1])
    monkeypatch.setattr(world, "step", lambda command: (executed.append(np.array(command)), step(command)))
    noisy = demonstrate(TASK, seed=2, noise=0.01)
    np.testing.assert_array_equal(noisy.frames["action"], np.array(wanted, np.float32))
    assert 0.002 < (np.array(executed) - wanted)[:, :7].std() < 0.05
    wanted.clear(), executed.clear()
    clean = demonstrate(TASK, seed=2, noise=0.0)
    np.testing.assert_allclose(executed, clean.frames["action"], atol=1e-6)


def test_too_little_time_is_a_failure():
    short = demonstrate(TASK, seed=0, noise=0.0, max_seconds=0.4)
    assert not short.success and len(short.frames["action"]) == 20


@pytest.mark.parametrize("settle", [0, 1, 25])
def test_steps_recorded_after_success(settle):
    base = len(demonstrate(TASK, seed=0, noise=0.0, settle_steps=1).frames["action"])
    assert len(demonstrate(TASK, seed=0, noise=0.0, settle_steps=settle).frames["action"]) == base + max(settle, 1) - 1
