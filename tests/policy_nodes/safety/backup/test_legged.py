"""Sit-down, stand and damping: limits kept from the worst states the limiter allows, and each does what it is for."""

from __future__ import annotations

import numpy as np
import pytest

from policy_nodes.errors import ConfigError
from policy_nodes.safety.backup import BACKUPS, BackupContext
from policy_nodes.safety.backup_config import BackupConfig
from policy_nodes.safety.limits import JointLimiter, Limits, Motion
from tests.policy_nodes.safety.rig import ACCELERATION, VELOCITY, limits

DT, MS = 0.02, 1_000_000
LIMITS = Limits.of(limits(), DT)
SETTINGS = BackupConfig(sit=[1.0, -1.0], sit_s=0.5, stand=[0.1, 0.2], stand_s=0.2)


def context(measured=lambda: None):
    return BackupContext(limits(), LIMITS, SETTINGS, measured=measured)


def worst_states(count=30):
    """States that the limiter itself produced from wild targets: in motion, near limits, with acceleration."""
    rng = np.random.default_rng(4)
    limiter, motion = JointLimiter(limits(), DT), Motion.rest(np.zeros(2))
    for index in range(count * 10):
        target = rng.choice([-3.0, 3.0], 2)
        motion = motion.then(limiter.next(motion, target, np.zeros(2)), DT)
        if index % 10 == 9:
            yield motion


def run(backup, motion, seconds=12.0):
    """Commands until finished; every one inside position, velocity and acceleration limits."""
    backup.start(0, motion.position, motion.velocity, motion.acceleration)
    for tick in range(1, round(seconds / DT)):
        motion = motion.then(backup.command(tick * 20 * MS), DT)
        assert np.all((motion.position >= LIMITS.low - 1e-9) & (motion.position <= LIMITS.high + 1e-9))
        assert np.all(np.abs(motion.velocity) <= VELOCITY + 1e-9)
        assert np.all(np.abs(motion.acceleration) <= ACCELERATION + 1e-6)
        if backup.finished(tick * 20 * MS):
            return motion, tick * DT
    raise AssertionError("the backup never ended")


@pytest.mark.parametrize(("name", "pose"), [("sit_down", [1.0, -1.0]), ("stand", [0.1, 0.2])])
def test_a_posture_is_reached_from_the_worst_states_without_any_measurement(name, pose):
    for motion in worst_states():
        backup = BACKUPS[name](context())
        assert backup.admissible(motion.position, motion.velocity, motion.acceleration)
        end, _ = run(backup, motion)
        assert np.allclose(end.position, pose, atol=1e-3)


def test_a_posture_takes_the_time_it_is_given_where_the_limits_allow():
    alone = BackupContext(limits(), LIMITS, SETTINGS.model_copy(update={"stand": None}))
    _, seconds = run(BACKUPS["sit_down"](alone), Motion.rest(np.array([0.99, -0.99])))
    assert seconds == pytest.approx(0.5, abs=0.1)


def test_a_pose_outside_the_limits_or_of_another_length_is_refused_by_name():
    for sit, text in (([5.0, 0.0], "shoulder"), ([0.0], "backups.sit"), (None, "sit_down")):
        with pytest.raises(ConfigError, match=text):
            BACKUPS["sit_down"](BackupContext(limits(), LIMITS, BackupConfig(sit=sit)))


def test_damping_needs_a_measurement_and_follows_the_joint_with_its_velocity_set_back():
    assert not BACKUPS["damping"](context()).admissible(np.zeros(2), np.zeros(2), np.zeros(2))
    measured = (np.array([0.3, -0.3]), np.array([0.5, -0.5]))
    backup = BACKUPS["damping"](context(lambda: measured))
    backup.start(0, np.array([0.28, -0.28]), np.zeros(2), np.zeros(2))
    command = [backup.command(tick * 20 * MS) for tick in range(1, 60)][-1]
    gain = SETTINGS.damping_gain_s
    assert np.allclose(command, measured[0] - gain * measured[1], atol=2e-3)
    assert not backup.finished(59 * 20 * MS)  # the joint still moves


def test_damping_sinks_with_a_loaded_joint_and_ends_when_it_lies():
    state = {"q": np.zeros(2), "v": np.zeros(2)}
    backup = BACKUPS["damping"](context(lambda: (state["q"], state["v"])))
    motion = Motion.rest(np.zeros(2))
    backup.start(0, motion.position, motion.velocity, motion.acceleration)
    for tick in range(1, 150):
        target = backup.command(tick * 20 * MS)
        for _ in range(10):  # a drive with kp 35, kd 0.5 under a load of 5 N m on an inertia of 0.05, floor at 0.8 rad
            torque = 35.0 * (target - state["q"]) - 0.5 * state["v"] + 5.0
            state["v"] = state["v"] + torque / 0.05 * 0.002
            state["q"] = state["q"] + state["v"] * 0.002
            hit = state["q"] > 0.8
            state["q"], state["v"] = np.where(hit, 0.8, state["q"]), np.where(hit, 0.0, state["v"])
        if backup.finished(tick * 20 * MS):
            break
    assert np.allclose(state["q"], 0.8)  # it gave way; holding would have stopped at 5 / 35 rad
    assert tick * DT < SETTINGS.damping_limit_s


def test_damping_ends_at_its_time_limit_and_keeps_its_last_target_when_the_measurement_is_lost():
    known = [(np.array([0.2, 0.2]), np.array([1.0, 1.0]))]
    backup = BACKUPS["damping"](context(lambda: known[0]))
    motion = Motion.rest(np.array([0.2, 0.2]))
    backup.start(0, motion.position, motion.velocity, motion.acceleration)
    backup.command(20 * MS)
    known[0] = None
    for tick in range(2, 200):
        command = backup.command(tick * 20 * MS)
        if backup.finished(tick * 20 * MS):
            break
    assert tick * DT == pytest.approx(SETTINGS.damping_limit_s, abs=0.2)
    assert np.allclose(command, 0.2 - SETTINGS.damping_gain_s, atol=1e-3)
