import numpy as np
import pytest

from training.suites.metaworld.catalogue import MT10
from training.suites.metaworld.expert import MetaWorldExpert
from training.suites.metaworld.world import MetaWorldWorld

pytest.importorskip("metaworld")


@pytest.fixture(scope="module")
def world():
    return MetaWorldWorld(MT10)


def drive(world, expert, seed, steps=400):
    world.reset(seed)
    expert.reset(world, seed=seed)
    executed, labels = [], []
    for _ in range(steps):
        labels.append(expert.act(world))
        if expert.done:
            break
        executed.append(expert.perturb(labels[-1]))
        world.step(executed[-1])
    return np.array(labels), np.array(executed)


@pytest.mark.parametrize("seed", range(10))
def test_it_does_every_task_of_mt10_under_noise(world, seed):
    expert = MetaWorldExpert(noise=0.006)
    drive(world, expert, seed)
    assert expert.done


def test_its_label_leads_where_metaworlds_own_action_does(world):
    expert = MetaWorldExpert()
    world.reset(2)
    expert.reset(world, seed=2)
    label = expert.act(world)
    world.step(label)
    ours = world.observation
    world.reset(2)
    action = expert._policy.get_action(world.observation)
    theirs, *_ = world.environment.step(np.clip(action, -1, 1))
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_noise_changes_what_is_executed_but_not_the_gripper_and_does_not_add_up(world):
    labels, executed = drive(world, MetaWorldExpert(noise=0.006), seed=0)
    offset = np.cumsum((executed - labels[: len(executed)])[:, :3], axis=0)
    assert 0.001 < offset.std() < 0.02
    np.testing.assert_array_equal(executed[:, 3], labels[: len(executed), 3])
    labels, executed = drive(world, MetaWorldExpert(), seed=0)
    np.testing.assert_array_equal(executed, labels[: len(executed)])


def test_same_seed_same_noise(world):
    first, second = (drive(world, MetaWorldExpert(noise=0.01), seed=3, steps=30)[1] for _ in range(2))
    np.testing.assert_array_equal(first, second)
