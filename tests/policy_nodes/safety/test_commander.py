import numpy as np
import pytest

from policy_nodes.safety.chunks import Wanted
from policy_nodes.safety.commander import Commander
from tests.policy_nodes.safety.rig import config

ZERO = np.zeros(2)


def moving() -> Commander:
    commander = Commander(config(), 0.01)
    commander.begin(ZERO)
    for k in range(1, 41):
        commander.follow(Wanted(np.full(2, 0.0002 * k * k), np.full(2, 0.04 * k)))
    return commander


def test_needs_a_starting_point() -> None:
    commander = Commander(config(), 0.01)
    with pytest.raises(RuntimeError, match="starting point"):
        commander.follow(Wanted(ZERO, ZERO))
    with pytest.raises(RuntimeError, match="starting point"):
        commander.start_backup(0, "jerk_limited_stop")
    with pytest.raises(RuntimeError, match="no backup"):
        commander.back_up(0)


def test_hold_is_replaced_by_the_stop_while_moving() -> None:
    commander = moving()
    commander.start_backup(0, "hold")
    assert commander.backup_name == "jerk_limited_stop"
    at_rest, now = False, 0
    while not at_rest:
        now += 1
        _, at_rest = commander.back_up(now)
    commander.start_backup(now, "hold")
    assert commander.backup_name == "hold"


def test_backup_continues_the_commanded_motion() -> None:
    commander = moving()
    before = commander.motion
    assert before is not None
    commander.start_backup(0, "jerk_limited_stop")
    command, _ = commander.back_up(1)
    after = before.then(command, 0.01)
    assert np.all(after.velocity > 0)
    assert np.abs(after.acceleration - before.acceleration).max() / 0.01 <= 500 * (1 + 1e-6)


@pytest.mark.parametrize("rogue", [np.array([0.5, 0.0]), np.array([np.nan, 0.0]), np.array([0.0, np.inf])])
def test_envelope_withholds_a_command_that_a_broken_limiter_would_give(
    rogue: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    commander = Commander(config(), 0.01)
    commander.begin(ZERO)
    before = commander.motion
    monkeypatch.setattr(commander._limiter, "next", lambda *_: rogue)
    with pytest.raises(RuntimeError, match="withheld"):
        commander.follow(Wanted(ZERO, ZERO))
    assert commander.motion is before


def test_envelope_lets_a_robot_return_from_outside_its_limits() -> None:
    commander = Commander(config(), 0.01)
    commander.begin(np.array([2.01, 0.0]))
    for _ in range(50):
        command = commander.follow(Wanted(np.array([1.9, 0.0]), ZERO))
    assert 1.9 <= command[0] < 2.0
