import pytest
import torch

from training.suites.metaworld.encoder import MetaWorldEncoder


def observation(batch=3, tasks=0):
    torch.manual_seed(0)
    found = {"observation.state": torch.randn(batch, 2, 4), "observation.environment_state": torch.randn(batch, 2, 9)}
    return found | ({"observation.task_id": torch.eye(tasks)[:batch, None]} if tasks else {})


@pytest.mark.parametrize("tasks", [0, 5])
def test_size(tasks):
    encoder = MetaWorldEncoder(tasks=tasks)
    assert encoder(observation(tasks=tasks)).shape == (3, encoder.size)


def test_vectors_between_things():
    values = observation()
    features = MetaWorldEncoder()(values).unflatten(1, (2, 25))
    hand, environment = values["observation.state"][..., :3], values["observation.environment_state"]
    torch.testing.assert_close(features[..., 13:16], environment[..., :3] - hand)
    torch.testing.assert_close(features[..., 16:19], environment[..., 3:6] - hand)
    torch.testing.assert_close(features[..., 19:22], environment[..., 6:] - hand)
    torch.testing.assert_close(features[..., 22:25], environment[..., 6:] - environment[..., :3])


def test_moving_everything_moves_no_vector():
    values = observation()
    shift = torch.tensor([0.3, -0.2, 0.1])
    moved = {
        "observation.state": values["observation.state"] + torch.cat([shift, torch.zeros(1)]),
        "observation.environment_state": values["observation.environment_state"] + shift.repeat(3),
    }
    first, second = (MetaWorldEncoder()(v).unflatten(1, (2, 25))[..., 13:] for v in (values, moved))
    torch.testing.assert_close(first, second)


def test_the_task_identity_comes_last():
    features = MetaWorldEncoder(tasks=5)(observation(tasks=5))
    torch.testing.assert_close(features[:, -5:], torch.eye(5)[:3])


def test_guidance_leaves_out_goal_and_task_and_nothing_else():
    values, encoder = observation(tasks=5), MetaWorldEncoder(tasks=5)
    other = {name: value.clone() for name, value in values.items()}
    other["observation.environment_state"][..., 6:] += 1.0
    other["observation.task_id"] = 1.0 - other["observation.task_id"]
    changed = (encoder(values) != encoder(other)).any(0).nonzero().flatten().tolist()
    assert changed == sorted(encoder.layout.guided) and len(changed) == 2 * 9 + 5
