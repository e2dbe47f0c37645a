import numpy as np
import pytest

from policy_nodes.errors import ConfigError
from policy_nodes.safety.backup import BACKUPS, BackupContext, Hold
from policy_nodes.safety.limits import Limits
from tests.policy_nodes.safety.rig import limits

LIMITS = Limits.of(limits(), 0.01)  # a dt = 0.1 rad/s, j dt = 5 rad/s^2 -> |v| <= 0.05 rad/s from zero acceleration
ZERO = np.zeros(2)


@pytest.mark.parametrize(
    ("velocity", "acceleration", "accepted"),
    [(0.0, 0.0, True), (0.049, 0.0, True), (0.051, 0.0, False), (0.0, 6.0, False)],
)
def test_precondition_is_one_period_to_rest(velocity: float, acceleration: float, accepted: bool) -> None:
    hold = Hold(LIMITS)
    state = (np.array([0.5, 0.5]), np.array([0.0, velocity]), np.array([0.0, acceleration]))
    assert hold.admissible(*state) is accepted
    if accepted:
        hold.start(0, *state)
        np.testing.assert_array_equal(hold.command(1), [0.5, 0.5])
        assert hold.finished(1)
    else:
        with pytest.raises(ConfigError, match="moving"):
            hold.start(0, *state)


def test_refuses_a_position_outside_the_limits() -> None:
    assert not Hold(LIMITS).admissible(np.array([2.1, 0.0]), ZERO, ZERO)


def test_holds_a_copy_forever() -> None:
    hold, position = Hold(LIMITS), np.array([0.1, 0.2])
    hold.start(0, position, ZERO, ZERO)
    position[:] = 9.0
    np.testing.assert_array_equal(hold.command(10**15), [0.1, 0.2])


def test_registered_under_its_name() -> None:
    assert isinstance(BACKUPS["hold"](BackupContext(limits(), LIMITS)), Hold)
