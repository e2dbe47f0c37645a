"""Poses of the configuration, and the way to them."""

import numpy as np
import pytest

from policy_nodes.errors import ConfigError
from policy_nodes.safety.backup import BackupContext
from policy_nodes.safety.backup.guided import PEAK_CURVATURE, PEAK_JERK
from policy_nodes.safety.backup.pose import checked_pose, straight
from tests.policy_nodes.safety.arms import DT, joint_limits, limits

NAMES = ["a", "b"]
LIMITS = limits(NAMES)
CONTEXT = BackupContext(joint_limits(NAMES), LIMITS)


def test_a_pose_inside_the_limits_is_taken() -> None:
    assert checked_pose(CONTEXT, "home", "home", [2.8, -2.8]).tolist() == [2.8, -2.8]


@pytest.mark.parametrize(
    ("pose", "cause", "fix"),
    [
        (None, "'sit_down' is used but no pose is given", "set backups.sit."),
        ([0.0], "backups.sit has 1 values for 2 joints", "every joint"),
        ([0.0, 2.81], "backups.sit is outside the position limits of 'b'", "move it inside"),
    ],
)
def test_what_is_no_pose_is_refused_by_name(pose: list[float] | None, cause: str, fix: str) -> None:
    with pytest.raises(ConfigError, match=cause) as refused:
        checked_pose(CONTEXT, "sit_down", "sit", pose)
    assert fix in refused.value.fix


@pytest.mark.parametrize(
    ("way", "seconds"),
    [
        (2.0, 1.875 * 2.0 / 2.0),  # the velocity limit decides: 2 rad at 2 rad/s
        (0.1, np.sqrt(PEAK_CURVATURE * 0.1 / 10.0)),  # the acceleration
        (1e-4, np.cbrt(PEAK_JERK * 1e-4 / 2000.0)),  # the jerk
    ],
)
def test_the_slowest_limit_sets_the_time(way: float, seconds: float) -> None:
    path, ticks = straight(LIMITS, np.zeros(2), np.array([way, -0.5 * way]))
    assert ticks == int(np.ceil(seconds / DT))
    np.testing.assert_allclose(path(0.5), [0.5 * way, -0.25 * way])
    assert (path(0.0).tolist(), path(1.0).tolist()) == ([0.0, 0.0], [way, -0.5 * way])


def test_a_share_of_the_limits_and_a_least_time() -> None:
    end = np.array([2.0, 0.0])
    assert straight(LIMITS, np.zeros(2), end, share=0.25)[1] == 750
    assert straight(LIMITS, np.zeros(2), end, least_s=3.0)[1] == 300
    assert straight(LIMITS, np.zeros(2), np.zeros(2))[1] == 0
