"""Life cycle of the governor: start, enable, motion, disable, reset; and that nothing gets out of it."""

from dataclasses import replace

import numpy as np
import pytest

from policy_nodes.errors import ConfigError
from policy_nodes.safety.governor import Governor
from policy_nodes.safety.reasons import Reason
from policy_nodes.safety.supervisor import State
from policy_nodes.types import JointSample
from tests.policy_nodes.safety.rig import JOINTS, MS, Rig, config, term


def test_silent_until_enabled() -> None:
    rig = Rig()
    rig.tick(20)
    assert {decision.state for decision in rig.log} == {State.INIT, State.READY}
    assert rig.commands == []


def test_ready_needs_consecutive_clean_ticks() -> None:
    rig = Rig(observations=False)
    assert rig.tick(10).state is State.INIT
    assert rig.governor.reason is Reason.OBSERVATION_STALE
    rig.observations = True
    assert [rig.tick().state for _ in range(5)] == [State.INIT] * 4 + [State.READY]
    assert rig.governor.reason is None
    rig.observations = False
    assert rig.tick(12).state is State.INIT


def test_enable_names_everything_that_is_missing() -> None:
    rig = Rig(observations=False, chunks=False, heartbeats=False)
    rig.tick(10)
    accepted, message = rig.governor.enable(rig.now, True)
    assert not accepted
    for part in ("cube: never received", "INIT", "monitor_lost", "no chunk was ever received"):
        assert part in message


def test_enable_refuses_a_command_far_from_the_robot_and_a_moving_robot() -> None:
    rig = Rig(chunks=False)
    rig.tick(8)
    rig.governor.on_chunk(rig.now, rig.chunk(offset=0.6))
    accepted, message = rig.governor.enable(rig.now, True)
    assert not accepted
    assert "'shoulder': asked 0.6" in message
    rig.now += MS
    rig.governor.on_joint_state(rig.now, JointSample(rig.now, np.zeros(2), np.array([0.0, -0.3])))
    assert "'elbow' is moving" in rig.governor.enable(rig.now, True)[1]


def test_enable_refuses_while_the_alarm_is_raised() -> None:
    rig = Rig()
    rig.tick(8)
    rig.alarm()
    accepted, message = rig.governor.enable(rig.now, True)
    assert not accepted
    assert "failure_predicted: rnd 1.50" in message


def test_blends_in_and_then_follows_exactly() -> None:
    rig = Rig(speed=0.0, chunks=False)
    rig.tick(8)
    rig.governor.on_chunk(rig.now, rig.chunk(offset=0.05))
    assert rig.governor.enable(rig.now, True) == (True, "Enabled.")
    first = rig.tick()
    assert (first.state, first.reason, first.limited) == (State.ACTIVE, Reason.LIMITED, True)
    assert 0 < first.command[0] < 0.001  # type: ignore[index]
    last = rig.tick(15)
    assert (last.state, last.reason, last.limited) == (State.ACTIVE, None, False)
    np.testing.assert_allclose(rig.position, [0.05, 0.025], atol=1e-9)
    rig.assert_limits()


def test_moves_with_the_policy_inside_the_limits() -> None:
    rig = Rig().active(200)
    assert rig.governor.state is State.ACTIVE
    assert rig.position[0] > 0.9
    rig.assert_limits()


def test_disable_brakes_and_needs_no_reset() -> None:
    rig = Rig().active()
    assert rig.governor.enable(rig.now, False)[0]
    decision = rig.tick()
    assert (decision.state, decision.reason, decision.stop_category) == (State.BACKUP, Reason.OPERATOR_DISABLE, 2)
    assert decision.backup == "jerk_limited_stop"
    decision = rig.tick(20)
    assert (decision.state, decision.reason) == (State.READY, None)
    held = rig.position.copy()
    np.testing.assert_array_equal(rig.tick(10).command, held)
    assert rig.governor.enable(rig.now, True)[0]
    rig.tick(30)
    assert rig.governor.state is State.ACTIVE
    rig.assert_limits()


def test_category_2_holds_the_rest_position_and_category_1_falls_silent() -> None:
    second = Rig().active()
    second.chunks = False
    second.tick(100)
    assert (second.governor.state, second.log[-1].stop_category) == (State.STOPPED, 2)
    np.testing.assert_array_equal(second.log[-1].command, second.position)
    first = Rig().active()
    first.governor.estop(first.now)
    first.tick(100)
    assert (first.governor.state, first.log[-1].stop_category, first.log[-1].command) == (State.STOPPED, 1, None)


def test_standstill_that_can_no_longer_be_watched_drops_to_category_1() -> None:
    rig = Rig().active()
    rig.chunks = False
    rig.tick(100)
    rig.joint_states = False
    decision = rig.tick(10)
    assert (decision.state, decision.reason, decision.command) == (State.STOPPED, Reason.JOINT_STATE_STALE, None)


def test_category_0_sends_nothing_at_once() -> None:
    rig = Rig(config(reactions={"estop": {"stop_category": 0}})).active()
    rig.governor.estop(rig.now)
    decision = rig.tick()
    assert (decision.state, decision.stop_category, decision.command) == (State.STOPPED, 0, None)


def test_reset_only_when_the_cause_is_gone_then_enable_again() -> None:
    rig = Rig().active()
    rig.chunks = False
    rig.tick(100)
    accepted, message = rig.governor.reset(rig.now)
    assert not accepted
    assert "policy_node" in message
    assert "reset first" in rig.governor.enable(rig.now, True)[1]
    rig.chunks = True
    rig.tick(20)
    assert rig.governor.reset(rig.now)[0]
    assert rig.governor.state is State.READY
    assert rig.governor.enable(rig.now, True)[0]
    rig.tick(30)
    assert rig.governor.state is State.ACTIVE
    rig.assert_limits()


def test_held_estop_refuses_reset_until_released() -> None:
    rig = Rig().active()
    rig.governor.estop(rig.now, held=True)
    rig.tick(60)
    assert "button" in rig.governor.reset(rig.now)[1]
    rig.governor.release_estop()
    assert rig.governor.reset(rig.now)[0]
    assert rig.governor.reset(rig.now) == (False, "Nothing to reset in state READY.")


def test_estop_before_enabling_latches_without_a_command() -> None:
    rig = Rig()
    rig.tick(8)
    rig.governor.estop(rig.now)
    assert rig.tick(5).state is State.STOPPED
    assert rig.commands == []


def test_shutdown_brakes_and_then_reports_rest() -> None:
    rig = Rig().active()
    rig.governor.shutdown(rig.now)
    assert rig.governor.moving
    while rig.governor.moving:
        rig.tick()
    assert (rig.governor.state, rig.governor.reason) == (State.STOPPED, Reason.SHUTDOWN)
    rig.assert_limits()


@pytest.mark.parametrize("part", ["_chunks", "_joint", "_alarms", "_clock"])
def test_an_internal_error_stops_the_robot_in_the_same_tick(part: str) -> None:
    rig = Rig().active()
    method = {"_chunks": "at", "_joint": "fault", "_alarms": "lost", "_clock": "advance"}[part]

    def broken(*_: object) -> None:
        raise ZeroDivisionError("broken")

    setattr(getattr(rig.governor, part), method, broken)
    decision = rig.tick()
    assert (decision.state, decision.reason, decision.backup) == (
        State.BACKUP,
        Reason.INTERNAL_ERROR,
        "jerk_limited_stop",
    )
    assert "ZeroDivisionError: broken" in rig.governor.status()["internal_error"]
    rig.tick(60)
    assert rig.log[-1].state is State.STOPPED
    rig.assert_limits()


def test_a_rogue_command_is_withheld_and_replaced() -> None:
    rig = Rig().active()
    rig.governor._commander._limiter.next = lambda *_: np.array([1.9, np.nan])  # type: ignore[method-assign]
    decision = rig.tick()
    assert (decision.state, decision.reason) == (State.BACKUP, Reason.INTERNAL_ERROR)
    rig.tick(60)
    rig.assert_limits()


def test_when_even_the_backup_breaks_nothing_is_sent() -> None:
    rig = Rig().active()

    def broken(*_: object) -> None:
        raise ZeroDivisionError("broken")

    rig.governor._commander._limiter.next = broken  # type: ignore[method-assign, assignment]
    rig.governor._commander.back_up = broken  # type: ignore[method-assign, assignment]
    decision = rig.tick()
    assert (decision.state, decision.reason, decision.command) == (State.STOPPED, Reason.INTERNAL_ERROR, None)
    assert rig.tick().command is None


def test_unknown_observations_and_unreadable_chunks_are_counted() -> None:
    rig = Rig().active()
    rig.governor.on_observation(rig.now, "ghost", rig.now, np.zeros(1))
    rig.governor.on_malformed_chunk(rig.now)
    status = rig.governor.status()
    assert status["unknown_observations"] == "1"
    assert status["rejected/chunk/chunk_malformed"] == "1"
    assert status["transition/0"].endswith("READY -> ACTIVE: operator_enable")
    assert all(isinstance(value, str) for value in status.values())


@pytest.mark.parametrize(
    ("points", "step_ms", "text"),
    [
        (15, 20, "15 points of 0.02 s, the contract has 16 of 0.02 s"),
        (17, 20, "17 points of 0.02 s, the contract has 16 of 0.02 s"),
        (16, 10, "16 points of 0.01 s, the contract has 16 of 0.02 s"),
    ],
)
def test_a_chunk_of_another_form_is_refused_named_and_the_old_one_continues(
    points: int, step_ms: int, text: str
) -> None:
    rig = Rig().active(20)
    before = rig.governor.status()["chunk_sequence"]
    chunk = rig.chunk()
    # Every sample is where the good chunk's is: only points and step are wrong.
    values = chunk.values[np.minimum(np.arange(points) * step_ms // 20, 15)]
    refused = rig.governor.on_chunk(rig.now, replace(chunk, values=values, step_ns=step_ms * MS))
    assert refused is Reason.CHUNK_WRONG_FORM
    status = rig.governor.status()
    assert (status["rejected/chunk/chunk_wrong_form"], status["chunk_refused"]) == ("1", text)
    assert status["chunk_sequence"] == before
    assert rig.tick().state is State.ACTIVE
    # A policy that sends nothing else is a silent policy: stopped when its last good chunk is over.
    rig.chunks = False
    for _ in range(80):
        chunk = rig.chunk()
        assert rig.governor.on_chunk(rig.now, replace(chunk, values=chunk.values[:-1])) is Reason.CHUNK_WRONG_FORM
        rig.tick()
    assert (rig.log[-1].state, rig.log[-1].reason) == (State.STOPPED, Reason.CHUNK_EXHAUSTED)
    rig.assert_limits()


@pytest.mark.parametrize(
    ("joints", "period", "message"),
    [
        ([*JOINTS, "wrist"], 0.01, "no limits for"),
        (JOINTS[:1], 0.01, "unknown joints"),
        (JOINTS[::-1], 0.01, "order"),
        (JOINTS, 0.0, "control_period_s"),
    ],
)
def test_configuration_that_does_not_fit_the_bundle_is_refused(joints: list[str], period: float, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Governor(config(), joints, [term()], period, 0.16, True)
