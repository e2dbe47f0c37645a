import gymnasium
import numpy as np
import pytest

import sim
from sim.errors import TaskError
from sim.tasks.lift.expert import LiftExpert
from sim.tasks.lift.simulated_robot import SimulatedLift
from sim.tasks.lift.world import LiftConfig, LiftWorld
from sim.tasks.pick_place.strategy import Phase


@pytest.fixture(scope="module")
def world():
    return LiftWorld()


def test_goals_are_in_the_air_over_the_training_region(world):
    heights = []
    for seed in range(40):
        world.reset(seed)
        goal = world.object_poses()["goal"]
        assert world.config.training_region.contains(goal[:2])
        heights.append(goal[2])
        assert not world.success() and not world.failed()
    assert 0.12 <= min(heights) < 0.15 and 0.27 < max(heights) <= 0.30


@pytest.mark.parametrize("seed", range(2))
def test_the_expert_holds_the_cube_at_the_goal_and_the_label_says_so(world, seed):
    expert, phases = LiftExpert(noise=0.006), []
    world.reset(seed)
    expert.reset(world, seed=seed)
    while not expert.done and world.time < 8.0:
        label = expert.act(world)
        phases += [expert.intent.phase] if phases[-1:] != [expert.intent.phase] else []
        world.step(expert.perturb(label))
    assert expert.done and phases == [Phase.APPROACH, Phase.GRASP, Phase.CARRY]
    for _ in range(50):  # a second later it is still there
        world.step(expert.act(world))
    poses = world.object_poses()
    assert world.success() and np.linalg.norm(poses["cube"][:3] - poses["goal"][:3]) < 0.01


def test_a_cube_that_flies_past_the_goal_is_not_held_there(world):
    world.reset(0)
    world.displace_cube(world.object_poses()["goal"][:3], 0.0)
    assert world.success()
    world.push_cube((0.2, 0.0))
    assert not world.success()


def test_goals_at_the_table_are_refused():
    for heights in ((0.02, 0.2), (0.3, 0.2)):
        with pytest.raises(TaskError, match="goal_height"):
            LiftConfig(goal_height=heights)


def test_it_is_a_gymnasium_environment():
    sim.register()
    env = gymnasium.make("keel/PandaLift-v0")
    observation, _ = env.reset(seed=1)
    assert env.observation_space.contains(observation)
    assert observation["goal"].shape == (3,) and observation["goal"][2] >= 0.12
    _, reward, terminated, *_ = env.step(env.unwrapped.world.joint_state()[0])
    assert reward == 0.0 and not terminated
    env.close()


def test_as_a_robot_it_starts_new_episodes_where_the_arm_is():
    robot = SimulatedLift(seed=2)
    robot.advance(robot.joint_state()[0] + 0.01, 0.1)
    arm, goal = robot.joint_state()[0], robot.object_poses()["goal"]
    robot.new_episode(5)
    assert robot.episode_time == 0.0 and np.array_equal(robot.joint_state()[0], arm)
    assert not np.array_equal(robot.object_poses()["goal"], goal)
    assert "cube moved" in robot.displace_object() and "cube put back" in robot.restore_object()
