import numpy as np
import torch

from training.suites.pusht.encoder import PushTEncoder
from training.suites.pusht.planner import CORNERS, to_table
from training.suites.pusht.world import METRES


def pose(x, y, yaw):
    return torch.tensor([METRES * x, METRES * y, 0.0, 0.0, 0.0, np.sin(yaw / 2), np.cos(yaw / 2)], dtype=torch.float32)


def features(block, goal, pusher=(0.1, 0.2)):
    environment = torch.cat([pose(*block), pose(*goal)]).expand(1, 2, 14)
    state = torch.tensor(pusher).expand(1, 2, 2)
    encoder = PushTEncoder()
    found = encoder({"observation.state": state, "observation.environment_state": environment})
    assert found.shape == (1, encoder.size)
    return found.unflatten(1, (2, -1))[0, 0]


def test_corners_are_those_of_the_turned_block():
    found = features((200.0, 300.0, 0.7), (256.0, 256.0, 0.8))
    wanted = METRES * to_table(CORNERS, np.array([200.0, 300.0]), 0.7) - [0.1, 0.2]
    np.testing.assert_allclose(found[6:22].unflatten(0, (8, 2)), wanted, atol=1e-6)


def test_nothing_is_left_to_do_at_the_goal():
    found = features((256.0, 256.0, 0.8), (256.0, 256.0, 0.8))
    torch.testing.assert_close(found[22:], torch.zeros(16), atol=1e-6, rtol=0)


def test_a_turn_by_a_full_circle_changes_nothing():
    first, second = (
        features((200.0, 300.0, 0.3), (256.0, 256.0, 0.8)),
        features((200.0, 300.0, 0.3 + 2 * np.pi), (256.0, 256.0, 0.8)),
    )
    torch.testing.assert_close(first, second, atol=1e-6, rtol=0)
