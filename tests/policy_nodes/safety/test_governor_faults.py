"""Every input x every fault: declared state and reason in the tick that can see it, and limits during the stop."""

from collections.abc import Callable

import numpy as np
import pytest

from policy_nodes.safety.reasons import REASONS, Reason
from policy_nodes.safety.supervisor import State
from policy_nodes.types import ActionChunk, JointSample
from tests.policy_nodes.safety.rig import MS, Rig, config

Break = Callable[[Rig], None]


def _joint(rig: Rig, stamp_ms: float = 0.0, position: object = None, velocity: object = None) -> None:
    """Three bad joint states in one period."""
    rig.joint_states = False
    for k in range(3):
        stamp = rig.now + int(stamp_ms * MS) + k + 1
        p = rig.position if position is None else position
        v = np.zeros(2) if velocity is None else velocity
        rig.governor.on_joint_state(rig.now, JointSample(stamp, np.asarray(p, float), np.asarray(v, float)))


def _cube(rig: Rig, stamp_ms: float = 0.0, value: object = (0.0, 0.0, 0.0)) -> None:
    rig.observations = False
    for k in range(3):
        rig.governor.on_observation(rig.now, "cube", rig.now + int(stamp_ms * MS) + k + 1, np.asarray(value, float))


def _far(rig: Rig) -> None:
    rig.chunks = False
    rig.governor.on_chunk(rig.now, rig.chunk(offset=0.7))


def _slow(rig: Rig) -> None:
    rig.now += 300 * MS


def _back(rig: Rig) -> None:
    rig.now -= 500 * MS


IMMEDIATE: dict[str, tuple[Break, Reason]] = {
    "joint NaN": (lambda rig: _joint(rig, position=[np.nan, 0]), Reason.JOINT_STATE_NOT_FINITE),
    "joint velocity infinite": (lambda rig: _joint(rig, velocity=[np.inf, 0]), Reason.JOINT_STATE_NOT_FINITE),
    "joint state too short": (lambda rig: _joint(rig, position=[0.0]), Reason.JOINT_STATE_MALFORMED),
    "joint jump": (lambda rig: _joint(rig, position=rig.position + 0.3), Reason.JOINT_JUMP),
    "joint beyond its limits": (lambda rig: _joint(rig, position=[2.05, 0], stamp_ms=-5), Reason.JOINT_OUT_OF_LIMITS),
    "joint stamps in the future": (lambda rig: _joint(rig, stamp_ms=50), Reason.JOINT_STATE_FROM_FUTURE),
    "joint stamps backwards": (lambda rig: _joint(rig, stamp_ms=-50), Reason.JOINT_STATE_OUT_OF_ORDER),
    "observation NaN": (lambda rig: _cube(rig, value=[0, np.nan, 0]), Reason.OBSERVATION_NOT_FINITE),
    "observation infinite": (lambda rig: _cube(rig, value=[np.inf, 0, 0]), Reason.OBSERVATION_NOT_FINITE),
    "observation out of range": (lambda rig: _cube(rig, value=[1.2, 0, 0]), Reason.OBSERVATION_OUT_OF_RANGE),
    "observation too long": (lambda rig: _cube(rig, value=[0] * 4), Reason.OBSERVATION_MALFORMED),
    "observation stamps in the future": (lambda rig: _cube(rig, stamp_ms=50), Reason.OBSERVATION_FROM_FUTURE),
    "observation stamps backwards": (lambda rig: _cube(rig, stamp_ms=-50), Reason.OBSERVATION_OUT_OF_ORDER),
    "far command": (_far, Reason.COMMAND_FAR_FROM_STATE),
    "alarm": (lambda rig: rig.alarm(), Reason.FAILURE_PREDICTED),
    "loop stalled": (_slow, Reason.CLOCK_JUMP),
    "clock stepped back": (_back, Reason.CLOCK_JUMP),
    "emergency stop": (lambda rig: rig.governor.estop(rig.now), Reason.ESTOP),
    "shutdown": (lambda rig: rig.governor.shutdown(rig.now), Reason.SHUTDOWN),
}


@pytest.mark.parametrize("ticks", [3, 30, 113])
@pytest.mark.parametrize("name", IMMEDIATE)
def test_fault_hands_over_in_the_next_tick_and_stops_inside_the_limits(name: str, ticks: int) -> None:
    rig = Rig(speed=1.2 if ticks < 100 else 0.8).active(ticks)
    assert rig.governor.state is State.ACTIVE
    break_it, reason = IMMEDIATE[name]
    break_it(rig)
    decision = rig.tick()
    assert decision.reason is reason
    assert decision.state in (State.BACKUP, State.STOPPED)
    assert decision.stop_category == REASONS[reason].stop_category
    assert decision.command is not None
    rig.tick(80)
    assert rig.governor.state is State.STOPPED
    rig.assert_limits()


def test_a_robot_that_does_not_follow_is_noticed_at_the_allowed_distance() -> None:
    rig = Rig(speed=1.0).active()
    rig.frozen = rig.position.copy()
    while (decision := rig.tick()).state is not State.BACKUP:
        assert np.abs(rig.position - rig.frozen).max() <= 0.35 + 0.02
    assert decision.reason is Reason.TRACKING_LOST
    assert "'shoulder'" in decision.detail
    rig.tick(40)
    assert rig.governor.state is State.STOPPED
    rig.assert_limits()


SILENCE: dict[str, tuple[str, Reason, int]] = {
    # flag, reason, last period in which everything is still fresh
    "joint states stop": ("joint_states", Reason.JOINT_STATE_STALE, 6),
    "observations stop": ("observations", Reason.OBSERVATION_STALE, 10),
    "monitor stops": ("heartbeats", Reason.MONITOR_LOST, 50),
}


@pytest.mark.parametrize("name", SILENCE)
def test_silence_is_a_fault_one_period_after_it_becomes_observable(name: str) -> None:
    flag, reason, last_fresh = SILENCE[name]
    rig = Rig(speed=0.4).active()
    setattr(rig, flag, False)
    assert rig.tick(last_fresh).state is State.ACTIVE
    decision = rig.tick()
    assert (decision.state, decision.reason) == (State.BACKUP, reason)
    rig.tick(80)
    assert rig.governor.state is State.STOPPED
    rig.assert_limits()


def test_a_paused_simulation_stops_the_robot_inside_the_limits_although_its_clock_stands() -> None:
    rig = Rig(speed=0.4).active()
    decisions = [rig.governor.tick(rig.now) for _ in range(100)]
    rig.commands += [decision.command for decision in decisions if decision.command is not None]
    first = next(k for k, decision in enumerate(decisions) if decision.state is State.BACKUP)
    assert decisions[first].reason is Reason.JOINT_STATE_STALE
    assert first == 6  # as when the joint state alone stops: fresh for six periods
    assert rig.governor.state is State.STOPPED
    rig.assert_limits()


def test_policy_stops_degrades_then_backs_up_then_latches() -> None:
    rig = Rig().active(39)  # the last chunk arrived 15 periods ago and has 17 to go
    rig.chunks = False
    states = [(d.state, d.reason) for d in (rig.tick() for _ in range(80))]
    first_late = states.index((State.DEGRADED, Reason.CHUNK_LATE))
    first_stop = next(k for k, (state, _) in enumerate(states) if state in (State.BACKUP, State.STOPPED))
    assert states[first_stop][1] is Reason.CHUNK_EXHAUSTED
    assert 0 < first_late < first_stop
    # 16 samples of 20 ms plus 50 ms of extrapolation after a chunk that came with its stamp.
    chunk = rig.governor._chunks.chunk
    assert chunk is not None
    stopped_at = next(d for d in rig.log if d.reason is Reason.CHUNK_EXHAUSTED).stamp_ns
    assert 0 <= stopped_at - (chunk.end_ns + 50 * MS) <= 20 * MS
    assert states[-1] == (State.STOPPED, Reason.CHUNK_EXHAUSTED)
    rig.assert_limits()


def test_a_late_chunk_recovers_by_itself() -> None:
    rig = Rig().active()
    rig.chunks = False
    while rig.tick().state is State.ACTIVE:
        pass
    assert rig.log[-1].reason is Reason.CHUNK_LATE
    rig.now += MS
    rig.governor.on_chunk(rig.now, rig.chunk())
    assert rig.tick().state is State.ACTIVE
    assert rig.tick(5).state is State.ACTIVE
    rig.assert_limits()


@pytest.mark.parametrize(
    "name", ["NaN", "duplicate", "older", "future", "short", "wrong joints", "second policy", "empty", "already over"]
)
def test_a_bad_chunk_is_refused_and_the_good_one_continues(name: str) -> None:
    rig = Rig().active()
    good = rig.governor._chunks.chunk
    assert good is not None
    values, sequence = good.values, good.sequence + 1
    bad = {
        "NaN": ActionChunk(rig.now, 20 * MS, values * np.nan, sequence),
        "duplicate": good,
        "older": ActionChunk(good.stamp_ns - 20 * MS, 20 * MS, values, sequence),
        "future": ActionChunk(rig.now + 30 * MS, 20 * MS, values, sequence),
        "short": ActionChunk(rig.now, 20 * MS, values[:, :1], sequence),
        "wrong joints": ActionChunk(rig.now, 20 * MS, np.zeros((16, 3)), sequence),
        "second policy": ActionChunk(rig.now, 20 * MS, values + 0.2, 0),
        "empty": ActionChunk(rig.now, 20 * MS, values[:0], sequence),
        "already over": ActionChunk(good.stamp_ns + MS, 100, values, sequence),
    }[name]
    reason = rig.governor.on_chunk(rig.now, bad)
    assert reason is not None
    assert rig.governor._chunks.chunk is good
    assert rig.governor.status()[f"rejected/chunk/{reason.value}"] == "1"
    assert rig.tick().state is State.ACTIVE
    rig.assert_limits()


def test_alarm_warn_goes_on_and_hold_pauses_until_released() -> None:
    warn = Rig(config(alarm_reaction="warn")).active()
    warn.alarm()
    decision = warn.tick()
    assert (decision.state, decision.reason, decision.backup) == (State.DEGRADED, Reason.FAILURE_PREDICTED, None)

    hold = Rig(config(alarm_reaction="hold", alarm_release=2)).active()
    hold.alarm()
    decision = hold.tick()
    assert (decision.state, decision.reason, decision.backup) == (
        State.DEGRADED,
        Reason.FAILURE_PREDICTED,
        "jerk_limited_stop",
    )
    hold.tick(40)
    still = hold.position.copy()
    hold.tick(10)
    np.testing.assert_array_equal(hold.position, still)
    for _ in range(2):
        hold.alarm(active=False)
        hold.tick()
    assert hold.governor.state is State.ACTIVE
    hold.tick(60)
    assert hold.position[0] > still[0] + 0.1
    hold.assert_limits()


def test_an_alarm_that_flickers_is_one_pause() -> None:
    """Verdicts alternate for a second; release needs two quiet ones in a row, so motion never resumes in between."""
    rig = Rig(config(alarm_reaction="hold", alarm_release=2)).active()
    steps = len(rig.governor._supervisor.history)
    for k in range(100):
        rig.alarm(active=k % 2 == 0)
        rig.tick()
    assert len(rig.governor._supervisor.history) == steps + 1
    assert rig.governor.state is State.DEGRADED
    np.testing.assert_array_equal(rig.commands[-1], rig.commands[-40])
    rig.assert_limits()


def test_alarm_slow_goes_on_at_a_share_of_the_velocity_limits() -> None:
    rig = Rig(config(alarm_reaction="slow", alarm_speed=0.1, alarm_release=1)).active()
    rig.alarm()
    decision = rig.tick()
    assert (decision.state, decision.reason, decision.backup) == (State.DEGRADED, Reason.FAILURE_PREDICTED, None)
    rig.tick(40)  # braking from 0.5 rad/s takes less
    before = len(rig.commands)
    rig.tick(40)
    steps = np.diff(np.array(rig.commands[before - 1 :]), axis=0)
    assert np.abs(steps).max() <= 0.1 * 2.0 * 0.01 * (1 + 1e-9)
    assert steps[:, 0].mean() > 0.0015
    assert abs(steps[:, 1].sum() / steps[:, 0].sum() - 0.5) < 0.02  # still on the policy's way
    rig.alarm(active=False)
    rig.tick(60)
    assert rig.governor.state is State.ACTIVE
    assert rig.commands[-1][0] - rig.commands[-17][0] > 16 * 0.003
    rig.assert_limits()


def test_alarm_ask_waits_at_rest_for_the_operator() -> None:
    rig = Rig(config(alarm_reaction="ask", alarm_release=1, alarm_answer_s=5.0)).active()
    rig.alarm()
    assert rig.tick().backup == "jerk_limited_stop"
    rig.alarm(active=False)
    rig.tick(60)
    still = rig.position.copy()
    rig.tick(10)
    np.testing.assert_array_equal(rig.position, still)
    assert (rig.governor.state, rig.governor.reason) == (State.DEGRADED, Reason.FAILURE_PREDICTED)
    assert rig.governor.enable(rig.now, True) == (True, "Going on; the failure alarm is acknowledged.")
    rig.tick(60)
    assert rig.governor.state is State.ACTIVE and rig.position[0] > still[0] + 0.1
    assert rig.governor.enable(rig.now, True) == (True, "Already enabled.")
    rig.assert_limits()


def test_alarm_ask_stops_when_nobody_answers_and_a_later_enable_asks_nothing() -> None:
    rig = Rig(config(alarm_reaction="ask", alarm_release=1, alarm_answer_s=0.5)).active()
    rig.alarm()
    rig.tick()
    rig.alarm(active=False)
    rig.tick(60)
    assert (rig.governor.state, rig.governor.reason) == (State.STOPPED, Reason.ALARM_UNANSWERED)
    assert rig.governor.reset(rig.now)[0]
    rig.tick(8)
    accepted, message = rig.governor.enable(rig.now, True)
    assert accepted, message
    rig.tick(5)
    assert rig.governor.state is State.ACTIVE
    rig.assert_limits()


def test_disabling_answers_a_question_with_no() -> None:
    rig = Rig(config(alarm_reaction="ask", alarm_release=1)).active()
    rig.alarm()
    rig.tick(40)
    assert rig.governor.enable(rig.now, False)[0]
    rig.tick(40)
    assert rig.governor.state is State.READY
    rig.alarm(active=False)
    assert rig.governor.enable(rig.now, True)[0]
    assert rig.tick(5).state is State.ACTIVE


def test_hold_backup_is_used_at_rest_and_the_stop_in_motion() -> None:
    settings = config(reactions={"failure_predicted": {"backup": "hold", "stop_category": 2}})
    resting, moving = Rig(settings, speed=0.0).active(), Rig(settings).active()
    for rig, name in ((resting, "hold"), (moving, "jerk_limited_stop")):
        rig.alarm()
        assert rig.tick().backup == name
        rig.assert_limits()


def test_two_faults_in_one_tick_the_worse_one_is_the_reason() -> None:
    rig = Rig().active()
    _cube(rig, value=[np.nan] * 3)
    _joint(rig, position=[np.nan, 0])
    assert rig.tick().reason is Reason.JOINT_STATE_NOT_FINITE


def test_a_fault_during_the_stop_escalates_but_does_not_restart_it() -> None:
    rig = Rig(speed=1.2).active()
    rig.alarm()
    assert rig.tick().stop_category == 2
    rig.governor.estop(rig.now)
    decision = rig.tick()
    assert (decision.state, decision.reason, decision.stop_category) == (State.BACKUP, Reason.ESTOP, 1)
    rig.tick(60)
    assert rig.log[-1].command is None
    rig.assert_limits()


def test_one_bad_sample_is_tolerated() -> None:
    rig = Rig().active()
    rig.governor.on_observation(rig.now, "cube", rig.now + 1, np.full(3, np.nan))
    rig.governor.on_joint_state(rig.now, JointSample(rig.now + 1, np.full(2, np.nan), np.zeros(2)))
    assert rig.tick(5).state is State.ACTIVE


def test_random_abuse_never_raises_and_never_leaves_the_limits() -> None:
    rng = np.random.default_rng(11)
    stops = 0
    for _ in range(25):
        rig = Rig(speed=float(rng.uniform(-1.5, 1.5)))
        rig.active(int(rng.integers(1, 60)))
        for _ in range(60):
            if rng.random() < 0.1:
                IMMEDIATE[str(rng.choice(list(IMMEDIATE)))][0](rig)
            rig.chunks, rig.observations, rig.joint_states = (bool(rng.random() < 0.9) for _ in range(3))
            rig.tick()
        stops += rig.governor.state is State.STOPPED
        rig.assert_limits()
    assert stops > 10
