"""Every reason of the enumeration is provoked once, and does what its row in docs/safety.md says."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from policy_nodes.safety.reasons import REASONS, Reaction, Reason
from policy_nodes.safety.supervisor import State
from policy_nodes.types import ActionChunk, JointSample
from tests.policy_nodes.safety import arms
from tests.policy_nodes.safety.rig import JOINTS, MS, Rig, config, limits
from tests.policy_nodes.safety.test_governor_faults import IMMEDIATE

CHAIN = [{**link, "name": name} for link, name in zip(arms.planar(), [*JOINTS, "tip"], strict=True)]
TIP = {"name": "tip", "link": "tip", "start": [0, 0, 0], "radius": 0.05}
WALL = {"name": "wall", "point": [0, 0.4, 0], "normal": [0, -1, 0]}
BALL = {"name": "ball", "term": "cube", "radius": 0.05, "margin": 0.0}
AWAY, AHEAD = np.array([-1.0, 0.0, 0.0]), np.array([0.6, 0.0, 0.0])


def upright(rig: Rig) -> Rig:
    rig.cube = np.array([0.0, 0.0, -1.0])
    return rig


def until(rig: Rig, reason: Reason, ticks: int = 150) -> Rig:
    """Tick until a decision has the reason."""
    while rig.tick().reason is not reason:
        assert len(rig.log) < ticks + 60, rig.log[-1]
    return rig


def silent(flag: str, reason: Reason) -> Rig:
    rig = Rig(speed=0.3).active()
    setattr(rig, flag, False)
    return until(rig, reason)


def formula(reaction: str, reason: Reason) -> Rig:
    rule = {"name": "rule", "formula": "cube.x < 0.5", "reaction": reaction}
    rig = Rig(config(temporal_logic=[rule])).active()
    rig.cube = AHEAD
    return until(rig, reason, 1)


def unanswered() -> Rig:
    rig = Rig(config(alarm_reaction="ask", alarm_answer_s=0.2)).active()
    rig.alarm()
    return until(rig, Reason.ALARM_UNANSWERED)


def blocked() -> Rig:
    rig = Rig(config(filter={"chain": CHAIN, "bodies": [TIP], "obstacles": [BALL]}))
    rig.cube = AWAY
    q = rig.active().position
    rig.cube = 0.5 * np.array([np.cos(q[0]) + np.cos(q.sum()), np.sin(q[0]) + np.sin(q.sum()), 0.0])
    return until(rig, Reason.FILTER_INFEASIBLE, 1)


def too_far_to_stop() -> Rig:
    section = {"chain": CHAIN, "bodies": [TIP], "planes": [WALL], "adjust": False}
    rig = Rig(config(filter=section, recoverability={}), speed=1.0).active(1)
    return until(rig, Reason.NOT_RECOVERABLE)


def stuck() -> Rig:
    rig = Rig(speed=1.0).active()
    rig.frozen = rig.position.copy()
    return until(rig, Reason.TRACKING_LOST)


def loaded() -> Rig:
    rig = Rig(config(joints=limits(effort=5.0), effort_debounce=1)).active()
    rig.governor.on_joint_state(rig.now, JointSample(rig.now + 1, rig.position, np.zeros(2), np.full(2, 9.0)))
    rig.joint_states = False
    return until(rig, Reason.EFFORT_EXCEEDED, 1)


def rival() -> Rig:
    rig = Rig().active()
    rig.governor.on_rivals(["/teleop"])
    return until(rig, Reason.RIVAL_COMMANDER, 1)


def fallen() -> Rig:
    rig = upright(Rig(config(attitude={"term": "cube"}))).active()
    rig.cube = np.array([1.0, 0.0, 0.0])
    return until(rig, Reason.FALLEN, 1)


def disabled() -> Rig:
    rig = Rig().active()
    rig.governor.enable(rig.now, False)
    return until(rig, Reason.OPERATOR_DISABLE, 1)


def sent_home() -> Rig:
    rig = Rig(config(backups={"home": [0.05, -0.03]}))
    rig.tick(8)
    rig.governor.move_home(rig.now)
    return until(rig, Reason.OPERATOR_HOME, 1)


def broken() -> Rig:
    rig = Rig().active()
    rig.governor.fail(rig.now, "the loop died")
    return until(rig, Reason.INTERNAL_ERROR, 1)


def immediate(name: str) -> Callable[[], Rig]:
    def scene() -> Rig:
        rig = Rig().active()
        break_it, reason = IMMEDIATE[name]
        break_it(rig)
        return until(rig, reason, 1)

    return scene


def refused(reason: Reason, change: Callable[[ActionChunk], ActionChunk]) -> Callable[[], Rig]:
    def scene() -> Rig:
        rig = Rig().active()
        assert rig.governor.on_chunk(rig.now, change(rig.chunk())) is reason
        rig.tick()
        return rig

    return scene


def outdated() -> Rig:
    """The policy is so slow that its answer is over when it comes; the next one is in time again."""
    rig = Rig().active(34)
    rig.chunks = False
    rig.tick(25)  # the last chunk is 340 ms old and still held
    assert rig.governor.state is State.DEGRADED
    late = rig.chunk(ago_ms=320)
    assert rig.governor.on_chunk(rig.now, late) is Reason.CHUNK_STALE
    assert rig.governor.on_chunk(rig.now, rig.chunk()) is None
    rig.tick()
    return rig


def around_a_stop() -> Rig:
    """A whole life: enabled, late and recovered, disabled, enabled, stopped, reset."""
    rig = Rig().active(39)
    rig.chunks = False
    until(rig, Reason.CHUNK_LATE)
    rig.governor.on_chunk(rig.now, rig.chunk())
    assert rig.tick().state is State.ACTIVE
    rig.chunks = True
    rig.governor.enable(rig.now, False)
    rig.tick(60)
    assert rig.governor.enable(rig.now, True)[0]
    rig.tick(20)
    rig.governor.estop(rig.now)
    rig.tick(60)
    assert rig.governor.reset(rig.now)[0]
    return rig


def late() -> Rig:
    rig = Rig().active(39)
    rig.chunks = False
    return until(rig, Reason.CHUNK_LATE)


SCENES: dict[Reason, Callable[[], Rig]] = {
    **{reason: immediate(name) for name, (_, reason) in IMMEDIATE.items()},
    Reason.SIGNALS_READY: around_a_stop,
    Reason.OPERATOR_ENABLE: around_a_stop,
    Reason.OPERATOR_RESET: around_a_stop,
    Reason.POLICY_RECOVERED: around_a_stop,
    Reason.BACKUP_FINISHED: around_a_stop,
    Reason.DISABLED_AT_REST: around_a_stop,
    Reason.OPERATOR_DISABLE: disabled,
    Reason.OPERATOR_HOME: sent_home,
    Reason.LIMITED: lambda: until(Rig(speed=1.8).active(1), Reason.LIMITED),
    Reason.CHUNK_STALE: outdated,
    Reason.CHUNK_NOT_FINITE: refused(Reason.CHUNK_NOT_FINITE, lambda c: replace(c, values=c.values * np.nan)),
    Reason.CHUNK_MALFORMED: refused(Reason.CHUNK_MALFORMED, lambda c: replace(c, values=c.values[:, :1])),
    Reason.CHUNK_WRONG_FORM: refused(Reason.CHUNK_WRONG_FORM, lambda c: replace(c, values=c.values[:9])),
    Reason.CHUNK_FROM_FUTURE: refused(Reason.CHUNK_FROM_FUTURE, lambda c: replace(c, stamp_ns=c.stamp_ns + 50 * MS)),
    Reason.CHUNK_OUT_OF_ORDER: refused(Reason.CHUNK_OUT_OF_ORDER, lambda c: replace(c, sequence=0)),
    Reason.CHUNK_LATE: late,
    Reason.SPECIFICATION_WARNING: lambda: formula("warn", Reason.SPECIFICATION_WARNING),
    Reason.SPECIFICATION_HOLD: lambda: formula("hold", Reason.SPECIFICATION_HOLD),
    Reason.SPECIFICATION_VIOLATED: lambda: formula("stop", Reason.SPECIFICATION_VIOLATED),
    Reason.CHUNK_EXHAUSTED: lambda: silent("chunks", Reason.CHUNK_EXHAUSTED),
    Reason.OBSERVATION_STALE: lambda: silent("observations", Reason.OBSERVATION_STALE),
    Reason.JOINT_STATE_STALE: lambda: silent("joint_states", Reason.JOINT_STATE_STALE),
    Reason.MONITOR_LOST: lambda: silent("heartbeats", Reason.MONITOR_LOST),
    Reason.ALARM_UNANSWERED: unanswered,
    Reason.FILTER_INFEASIBLE: blocked,
    Reason.NOT_RECOVERABLE: too_far_to_stop,
    Reason.TRACKING_LOST: stuck,
    Reason.EFFORT_EXCEEDED: loaded,
    Reason.RIVAL_COMMANDER: rival,
    Reason.FALLEN: fallen,
    Reason.INTERNAL_ERROR: broken,
}


def test_no_reason_is_without_a_scene() -> None:
    assert set(SCENES) == set(Reason)


def by_reaction(*reactions: Reaction) -> list[Reason]:
    return [reason for reason, info in REASONS.items() if info.reaction in reactions]


@pytest.mark.parametrize("reason", by_reaction(Reaction.STOP))
def test_a_stopping_reason_brakes_with_its_category_and_latches_as_documented(reason: Reason) -> None:
    rig = SCENES[reason]()
    found, info = rig.log[-1], REASONS[reason]
    assert (found.state, found.reason) in ((State.BACKUP, reason), (State.STOPPED, reason))
    assert found.stop_category == info.stop_category
    assert found.command is not None and found.backup is not None
    rig.tick(100)
    rig.assert_limits()
    end = rig.log[-1]
    if not info.latched:
        assert end.state is State.READY
        return
    assert (end.state, end.stop_category) == (State.STOPPED, info.stop_category)
    # Category 2 keeps the robot under power where it came to rest; after category 1 nothing is sent.
    assert (end.command is not None) == (info.stop_category == 2)
    if end.command is not None:
        np.testing.assert_array_equal(end.command, rig.commands[-2])
    accepted, message = rig.governor.enable(rig.now, True)
    assert not accepted and "reset first" in message


@pytest.mark.parametrize("reason", by_reaction(Reaction.DEGRADE, Reaction.PAUSE))
def test_a_degradation_needs_no_operator(reason: Reason) -> None:
    rig = SCENES[reason]()
    paused = REASONS[reason].reaction is Reaction.PAUSE
    found = rig.log[-1]
    assert (found.state, found.reason, found.stop_category) == (State.DEGRADED, reason, None)
    assert found.backup == ("jerk_limited_stop" if paused else None)
    rig.cube, rig.chunks, rig.count = np.zeros(3), True, 15
    rig.tick(3)
    assert rig.governor.state is State.ACTIVE
    rig.assert_limits()


@pytest.mark.parametrize("reason", by_reaction(Reaction.NOTE))
def test_a_note_changes_no_state_and_is_counted(reason: Reason) -> None:
    rig = SCENES[reason]()
    assert rig.governor.state is State.ACTIVE
    status = rig.governor.status()
    counter = "limited_ticks" if reason is Reason.LIMITED else f"rejected/chunk/{reason.value}"
    assert int(status[counter]) >= 1
    rig.assert_limits()


@pytest.fixture(scope="module")
def life() -> Rig:
    return around_a_stop()


@pytest.mark.parametrize("reason", by_reaction(Reaction.EVENT))
def test_an_event_is_a_step_of_the_life_cycle(reason: Reason, life: Rig) -> None:
    steps = [step for step in life.governor._supervisor.history if step.reason is reason]
    arrows = {(step.before, step.after) for step in steps}
    assert (
        arrows
        == {
            Reason.SIGNALS_READY: {(State.INIT, State.READY)},
            Reason.OPERATOR_ENABLE: {(State.READY, State.ACTIVE)},
            Reason.POLICY_RECOVERED: {(State.DEGRADED, State.ACTIVE)},
            Reason.DISABLED_AT_REST: {(State.BACKUP, State.READY)},
            Reason.BACKUP_FINISHED: {(State.BACKUP, State.STOPPED)},
            Reason.OPERATOR_RESET: {(State.STOPPED, State.READY)},
        }[reason]
    )
