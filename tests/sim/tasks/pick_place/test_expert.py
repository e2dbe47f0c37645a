import numpy as np
import pytest

from sim.robots import panda
from sim.tasks.pick_place.expert import ExpertConfig, PickPlaceExpert, _log
from sim.tasks.pick_place.geometry import rotation_matrix
from sim.tasks.pick_place.strategy import Phase


@pytest.fixture(scope="module")
def expert():
    return PickPlaceExpert()


def episode(world, expert, limit=12.0):
    """Runs to the end; returns commands (T, 8) and the phases seen, in order."""
    commands, phases, began = [], [], world.time
    while not expert.done and world.time - began < limit:
        commands.append(expert.act(world))
        if not phases or phases[-1] is not expert.intent.phase:
            phases.append(expert.intent.phase)
        world.step(expert.perturb(commands[-1]))
    return np.array(commands), phases


@pytest.mark.parametrize("seed", range(12))
def test_it_succeeds_from_random_starts_within_six_and_a_half_seconds(world, expert, seed):
    world.reset(seed)
    expert.reset(world)
    commands, phases = episode(world, expert)
    assert expert.done and world.success()
    assert world.time < 6.5
    assert phases == [Phase.APPROACH, Phase.GRASP, Phase.CARRY, Phase.RELEASE, Phase.RETREAT]
    np.testing.assert_allclose(world.joint_state()[0][:7], panda.HOME[:7], atol=0.08)
    speed = np.diff(commands[:, :7], axis=0) / world.control_dt
    acceleration = np.diff(speed, axis=0) / world.control_dt
    assert np.abs(speed).max() <= 1.5 + 1e-9 and np.abs(acceleration).max() <= 5.0 + 1e-6
    assert np.abs(np.diff(commands[:, 7])).max() / world.control_dt <= panda.VELOCITY_LIMITS[7]
    assert np.all(commands >= panda.POSITION_LIMITS[:, 0]) and np.all(commands <= panda.POSITION_LIMITS[:, 1])


@pytest.mark.parametrize("seed", range(4))
def test_it_succeeds_under_noise_and_the_label_stays_clean(world, seed):
    expert = PickPlaceExpert(noise=0.008, seed=seed)
    world.reset(seed)
    expert.reset(world)
    commands, _ = episode(world, expert)
    assert expert.done
    speed = np.diff(commands[:, :7], axis=0) / world.control_dt
    assert np.abs(np.diff(speed, axis=0) / world.control_dt).max() <= 5.0 + 1e-6
    finger = np.diff(commands[:, 7], n=2) / world.control_dt**2
    assert np.abs(finger).max() <= panda.ACCELERATION_LIMITS[7]


def test_noise_reaches_the_executed_arm_command_only_and_repeats_with_the_seed(world):
    def executed(seed):
        expert = PickPlaceExpert(noise=0.01)
        world.reset(1)
        expert.reset(world, seed=seed)
        labels, done = [], []
        for _ in range(50):
            labels.append(expert.act(world))
            done.append(expert.perturb(labels[-1]))
            world.step(done[-1])
        return np.array(labels), np.array(done)

    labels, done = executed(3)
    difference = done - labels
    np.testing.assert_array_equal(difference[:, 7], 0.0)
    assert 0.001 < difference[20:, :7].std() < 0.02
    np.testing.assert_array_equal(executed(3)[1], done)
    assert not np.array_equal(executed(4)[1], done)


def test_without_noise_the_executed_command_is_the_label(expert):
    command = panda.HOME + 0.01
    np.testing.assert_array_equal(expert.perturb(command), command)


def test_the_label_leads_back_from_a_perturbation(world, expert):
    """From a robot pushed off its path, the labels bring the tool over the cube as from any other state."""
    world.reset(2)
    for _ in range(30):
        world.step(panda.HOME + np.array([0.15, 0.1, -0.1, 0.1, 0.2, 0.1, 0.3, 0.0]))
    expert.reset(world)
    first = expert.act(world)
    assert np.abs(first[:7] - world.joint_state()[0][:7]).max() < 0.03
    episode(world, expert)
    assert expert.done


def test_it_works_episode_after_episode_without_moving_the_robot_back(world, expert):
    world.reset(5)
    for seed in range(3):
        world.new_episode(seed)
        expert.reset(world)
        episode(world, expert)
        assert expert.done


def test_acting_is_repeatable(world):
    def commands():
        expert = PickPlaceExpert(noise=0.01, seed=4)
        world.reset(9)
        expert.reset(world)
        return np.array([(world.step(expert.perturb(expert.act(world))), expert.act(world))[1] for _ in range(40)])

    np.testing.assert_array_equal(commands(), commands())


def test_the_bounds_can_be_lowered(world):
    expert = PickPlaceExpert(config=ExpertConfig(max_speed=0.4, max_acceleration=2.0, finger_speed=0.05))
    world.reset(0)
    expert.reset(world)
    commands, _ = episode(world, expert, limit=25.0)
    assert expert.done
    assert np.abs(np.diff(commands[:, :7], axis=0)).max() / world.control_dt <= 0.4 + 1e-9


def test_rotation_vector_of_known_turns():
    quarter = rotation_matrix([0.0, 0.0, np.sin(np.pi / 4), np.cos(np.pi / 4)])
    np.testing.assert_allclose(_log(quarter), [0, 0, np.pi / 2], atol=1e-12)
    np.testing.assert_allclose(_log(np.eye(3)), 0.0, atol=1e-15)
    np.testing.assert_allclose(_log(quarter.T), [0, 0, -np.pi / 2], atol=1e-12)
