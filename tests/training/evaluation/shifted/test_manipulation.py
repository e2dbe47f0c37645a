import mujoco
import numpy as np
import pytest

from policy_nodes.errors import ConfigError
from tests.training.evaluation.shifted.test_shift import PENDULUM
from training.evaluation.shifted.manipulation import JOINTS, POSES, SHIFTS, ShiftedWorld
from training.evaluation.shifted.shift import Shift, scale_friction


class Counting:
    """Joint position and object height count the steps; commands are kept."""

    joint_names = ("a", "b")
    control_dt = 0.02

    def __init__(self):
        self.model = mujoco.MjModel.from_xml_string(PENDULUM)
        self.commands, self.steps = [], 0

    def reset(self, seed=None):
        self.commands, self.steps = [], 0

    def step(self, command):
        self.commands.append(float(command[0]))
        self.steps += 1

    def joint_state(self):
        return np.full(2, float(self.steps)), np.full(2, 0.5), np.zeros(2)

    def object_poses(self):
        return {"cube": np.array([0.0, 0.0, self.steps, 0.0, 0.0, 0.0, 1.0])}

    def success(self):
        return self.steps > 2


def run(shift, steps=4):
    world = ShiftedWorld(Counting(), shift, seed=3)
    world.reset(3)
    seen = []
    for index in range(steps):
        seen.append((world.joint_state(), world.object_poses()))
        world.step(np.array([index, index], dtype=float))
    return world, seen


def test_the_nominal_world_is_the_task_s_own():
    world, seen = run(Shift("nominal", ""))
    assert world.commands == [0.0, 1.0, 2.0, 3.0]
    assert [state[0][0] for state, _ in seen] == [0, 1, 2, 3]
    assert world.control_dt == 0.02 and world.success()


def test_commands_arrive_late():
    world, _ = run(Shift("late", "", action_delay=2))
    assert world.commands == [0.0, 0.0, 0.0, 1.0]


def test_observations_arrive_late_and_success_is_judged_on_the_true_world():
    world, seen = run(Shift("late", "", observation_delay=2))
    assert [state[0][0] for state, _ in seen] == [0, 0, 0, 1]
    assert [poses["cube"][2] for _, poses in seen] == [0, 0, 0, 1]
    assert world.success()


def test_noise_is_of_the_size_asked_for_and_leaves_orientation_and_velocity_alone():
    _, seen = run(Shift("noise", "", noise={JOINTS: 0.1, POSES: 0.01}), steps=400)
    joints = np.array([state[0] for state, _ in seen]) - np.arange(400)[:, None]
    heights = np.array([poses["cube"][2] for _, poses in seen]) - np.arange(400)
    assert joints.std() == pytest.approx(0.1, rel=0.15) and heights.std() == pytest.approx(0.01, rel=0.15)
    assert (seen[7][1]["cube"][3:] == [0, 0, 0, 1]).all() and (seen[7][0][1] == 0.5).all()


def test_one_control_period_has_one_measurement():
    world = ShiftedWorld(Counting(), Shift("noise", "", noise={JOINTS: 0.1, POSES: 0.1}, observation_delay=1), seed=0)
    world.step(np.zeros(2))
    first, second = world.joint_state()[0], world.joint_state()[0]
    assert (first == second).all() and (world.object_poses()["cube"] == world.object_poses()["cube"]).all()
    world.step(np.zeros(2))
    assert (world.joint_state()[0] != first).all()


def test_an_episode_is_repeatable_and_begins_without_the_last_one_s_delay():
    world = ShiftedWorld(Counting(), Shift("x", "", action_delay=1, noise={JOINTS: 0.1}), seed=0)
    world.reset(5)
    first = world.joint_state()[0]
    world.step(np.full(2, 9.0))
    world.reset(5)
    world.step(np.zeros(2))
    assert world.commands == [0.0]
    world.reset(5)
    assert (world.joint_state()[0] == first).all()


def test_the_model_is_changed():
    world = ShiftedWorld(Counting(), Shift("x", "", (scale_friction(2.0),)), seed=0)
    assert world.model.geom_friction[0, 0] == pytest.approx(1.6)


def test_a_world_without_a_model_is_refused():
    with pytest.raises(ConfigError, match="no MuJoCo model"):
        ShiftedWorld(object(), Shift("x", ""), seed=0)


def test_the_catalogue_has_every_kind_of_shift():
    assert len({shift.name for shift in SHIFTS}) == len(SHIFTS)
    assert any(s.integrator for s in SHIFTS) and any(s.action_delay for s in SHIFTS)
    assert any(s.observation_delay for s in SHIFTS) and any(s.noise for s in SHIFTS) and any(s.changes for s in SHIFTS)
