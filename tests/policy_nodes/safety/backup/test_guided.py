"""Rewind and home: limits from worst-case starts, the way they take, their preconditions."""

from collections import deque

import numpy as np
import pytest

from policy_nodes.errors import ConfigError
from policy_nodes.safety.backup import BackupContext, Home, Rewind
from policy_nodes.safety.backup.guided import PEAK_CURVATURE, PEAK_JERK, PEAK_RATE, minimum_jerk
from policy_nodes.safety.backup_config import BackupConfig
from policy_nodes.safety.limits import JointLimiter, Limits, Motion
from tests.policy_nodes.safety.arms import DT, joint_limits

NAMES = ["a", "b", "c"]


def context(jerk: float = 2000.0, **settings: object) -> BackupContext:
    joints = joint_limits(NAMES, jerk)
    config = BackupConfig.model_validate({"home": [0.5, -0.5, 1.0], **settings})
    return BackupContext(joints, Limits.of(joints, DT), config)


def travel(made: BackupContext, seed: int, ticks: int = 150) -> Motion:
    """Move about through the limiter, at full speed in the end, and leave the trail behind."""
    rng = np.random.default_rng(seed)
    limiter = JointLimiter(made.joints, DT)
    motion = Motion.rest(rng.uniform(-1.5, 1.5, 3))
    made.trail = deque([motion.position])
    target = motion.position
    for tick in range(ticks):
        if tick % 40 == 0:
            target = rng.uniform(-2.8, 2.8, 3)
        motion = motion.then(limiter.next(motion, target), DT)
        made.trail.append(motion.position)
    return motion


def run(made: BackupContext, backup: Rewind | Home, motion: Motion) -> np.ndarray:
    """All positions, checked against every limit."""
    lim = made.limits
    assert backup.admissible(motion.position, motion.velocity, motion.acceleration)
    backup.start(0, motion.position, motion.velocity, motion.acceleration)
    positions = [motion.position]
    for now in range(1, 5000):
        command = backup.command(now)
        assert backup.command(now) is command
        after = motion.then(command, DT)
        assert np.all((command >= lim.low - 1e-12) & (command <= lim.high + 1e-12))
        assert np.all(np.abs(after.velocity) <= lim.velocity * (1 + 1e-6))
        assert np.all(np.abs(after.acceleration) <= lim.acceleration * (1 + 1e-6))
        assert np.all(np.abs(after.acceleration - motion.acceleration) / DT <= lim.jerk * (1 + 1e-5))
        motion = after
        positions.append(command)
        if backup.finished(now):
            assert np.abs(motion.velocity).max() < 1e-8
            return np.array(positions)
    raise AssertionError("the backup did not end")


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("jerk", [2000.0, 150.0])
def test_rewind_respects_limits_and_returns_along_the_travelled_path(seed: int, jerk: float) -> None:
    made = context(jerk)
    motion = travel(made, seed)
    trail = np.array(made.trail)
    path = run(made, Rewind(made), motion)
    np.testing.assert_allclose(path[-1], trail[0], atol=1e-6)
    # Everything after the stop lies on what was travelled, the stop included.
    speed = np.abs(np.diff(path, axis=0)).max(axis=1)
    turned = int(np.argmax(speed < 1e-9))
    travelled = np.concatenate([trail, path[: turned + 1]])
    fine = np.concatenate([travelled[:-1] + share * np.diff(travelled, axis=0) for share in np.linspace(0, 1, 9)])
    away = [float(np.abs(fine - point).max(axis=1).min()) for point in path[turned:]]
    assert max(away) < 2e-3


def test_rewind_is_slower_than_the_way_there() -> None:
    made = context(rewind_speed=0.25)
    motion = travel(made, 3)
    fastest = np.abs(np.diff(np.array(made.trail), axis=0)).max() / DT
    path = run(made, Rewind(made), motion)
    speed = np.abs(np.diff(path, axis=0)).max(axis=1) / DT
    turned = int(np.argmax(speed < 1e-7))
    assert 0.1 * fastest < speed[turned:].max() <= 0.26 * fastest


def test_rewind_needs_the_path_that_led_here() -> None:
    made = context()
    motion = travel(made, 0)
    state = (motion.velocity, motion.acceleration)
    assert Rewind(made).admissible(motion.position, *state)
    assert not Rewind(made).admissible(motion.position + 1e-3, *state)
    made.trail = deque([motion.position])
    assert not Rewind(made).admissible(motion.position, *state)


def test_rewind_from_rest_with_nothing_travelled_ends_where_it_is() -> None:
    made = context()
    made.trail = deque([np.zeros(3)] * 5)
    assert np.abs(run(made, Rewind(made), Motion.rest(np.zeros(3)))).max() == 0.0


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("jerk", [2000.0, 150.0])
def test_home_respects_limits_and_arrives_in_a_straight_line(seed: int, jerk: float) -> None:
    made = context(jerk)
    motion = travel(made, seed)
    path = run(made, Home(made), motion)
    np.testing.assert_allclose(path[-1], [0.5, -0.5, 1.0], atol=1e-9)
    speed = np.abs(np.diff(path, axis=0)).max(axis=1)
    turned = int(np.argmax(speed < 1e-9))
    way = path[-1] - path[turned]
    share = (path[turned:] - path[turned]) @ way / (way @ way)
    np.testing.assert_allclose(path[turned:], path[turned] + share[:, None] * way, atol=1e-6)
    assert np.all(np.diff(path[turned:], axis=0).max(axis=1) / DT <= 0.2 * made.limits.velocity[0] * 1.01)


def test_home_from_home_ends_at_once() -> None:
    made = context()
    assert len(run(made, Home(made), Motion.rest(np.array([0.5, -0.5, 1.0])))) < 6


def test_home_is_not_used_when_something_is_in_the_way() -> None:
    made = context()
    motion = travel(made, 1)
    seen: list[np.ndarray] = []
    made.clear = lambda path: seen.extend(path) or False  # type: ignore[func-returns-value]
    assert not Home(made).admissible(motion.position, motion.velocity, motion.acceleration)
    np.testing.assert_allclose(seen[-1], [0.5, -0.5, 1.0])


@pytest.mark.parametrize(
    ("home", "message"),
    [
        (None, "'home' is used but no pose"),
        ([0.0], "1 values for 3 joints"),
        ([0.0, 9.0, 0.0], "position limits of 'b'"),
    ],
)
def test_impossible_home_positions_are_refused(home: list[float] | None, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Home(context(home=home))


def test_minimum_jerk_law_and_its_peaks() -> None:
    x = np.linspace(0.0, 1.0, 20001)
    s = np.array([minimum_jerk(value)[0] for value in x])
    rate = np.array([minimum_jerk(value)[1] for value in x])
    assert (s[0], s[-1]) == (0.0, 1.0)
    np.testing.assert_allclose(np.gradient(s, x), rate, atol=1e-6)
    np.testing.assert_allclose(rate.max(), PEAK_RATE, rtol=1e-6)
    np.testing.assert_allclose(np.abs(np.gradient(rate, x)).max(), PEAK_CURVATURE, rtol=1e-3)
    np.testing.assert_allclose(np.abs(np.gradient(np.gradient(rate, x), x)).max(), PEAK_JERK, rtol=2e-2)
