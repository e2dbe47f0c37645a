import numpy as np
import pytest

from policy_nodes.safety.config import load_safety_config
from policy_nodes.safety.distances import moving_joint, too_far, tracking_lost
from policy_nodes.safety.reasons import Reason
from tests.policy_nodes.bundle_fixture import JOINTS, safety_yaml


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    path = tmp_path_factory.mktemp("safety") / "safety.yaml"
    path.write_bytes(safety_yaml())
    return load_safety_config(path)


def at(joint, value):
    position = np.zeros(len(JOINTS))
    position[joint] = value
    return position


def test_a_command_is_too_far_beyond_its_distance_only_and_names_the_joint(config):
    limit = config.max_command_distance
    assert too_far(config, at(2, limit), at(2, 0.0)) is None
    fault = too_far(config, at(2, 2.0 * limit), at(2, 0.0))
    assert fault is not None and fault.reason is Reason.COMMAND_FAR_FROM_STATE and f"'{JOINTS[2]}'" in fault.detail


def test_tracking_is_lost_in_either_direction_and_needs_both_positions(config):
    limit = config.max_tracking_error
    assert tracking_lost(config, at(4, limit), at(4, 0.0)) == []
    (fault,) = tracking_lost(config, at(4, 0.0), at(4, 1.01 * limit))
    assert fault.reason is Reason.TRACKING_LOST and f"'{JOINTS[4]}'" in fault.detail
    assert tracking_lost(config, None, at(0, 9.0)) == [] and tracking_lost(config, at(0, 9.0), None) == []


def test_the_fastest_joint_is_named_while_anything_moves(config):
    rest = config.rest_velocity
    assert moving_joint(config, None) is None and moving_joint(config, at(1, rest)) is None
    assert moving_joint(config, at(1, 1.1 * rest) - at(3, 2.0 * rest)) == JOINTS[3]
