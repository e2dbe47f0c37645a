"""An exception in any layer ends in INTERNAL_ERROR and the stop, never in the caller."""

from collections.abc import Callable

import numpy as np
import pytest

from policy_nodes.safety.config import SafetyConfig
from policy_nodes.safety.reasons import Reason
from policy_nodes.safety.supervisor import State
from policy_nodes.types import ActionChunk, Alarm, JointSample
from tests.policy_nodes.safety import arms
from tests.policy_nodes.safety.rig import JOINTS, MS, Rig, limits

LAYERS: dict[str, Callable[[Rig], object]] = {
    "clock": lambda rig: (rig.governor._clock, "advance"),
    "joint watch": lambda rig: (rig.governor._joint, "fault"),
    "signal watch": lambda rig: (rig.governor._terms["cube"], "fault"),
    "chunks": lambda rig: (rig.governor._chunks, "at"),
    "alarms": lambda rig: (rig.governor._alarms, "lost"),
    "effort": lambda rig: (rig.governor._effort, "fault"),
    "attitude": lambda rig: (rig.governor._attitude, "fault"),
    "specifications": lambda rig: (rig.governor._specifications, "update"),
    "supervisor": lambda rig: (rig.governor._supervisor, "worst"),
    "limiter": lambda rig: (rig.governor._commander._limiter, "next"),
    "filter": lambda rig: (rig.governor._commander._filter, "next"),
    "recoverability": lambda rig: (rig.governor._commander.recoverability, "why_not"),
    "envelope": lambda rig: (rig.governor._commander, "_checked"),
}
INPUTS: dict[str, tuple[Callable[[Rig], object], Callable[[Rig], object]]] = {
    "joint state": (
        lambda rig: (rig.governor._joint, "joint_sample"),
        lambda rig: rig.governor.on_joint_state(rig.now, JointSample(rig.now, np.zeros(2), np.zeros(2))),
    ),
    "observation": (
        lambda rig: (rig.governor._terms["cube"], "sample"),
        lambda rig: rig.governor.on_observation(rig.now, "cube", rig.now, np.zeros(3)),
    ),
    "chunk": (
        lambda rig: (rig.governor._chunks, "offer"),
        lambda rig: rig.governor.on_chunk(rig.now, ActionChunk(rig.now, 20 * MS, np.zeros((4, 2)), 1)),
    ),
    "alarm": (
        lambda rig: (rig.governor._alarms, "verdict"),
        lambda rig: rig.governor.on_alarm(rig.now, Alarm(rig.now, False)),
    ),
    "enable": (lambda rig: (rig.governor._chunks, "at"), lambda rig: rig.governor.enable(rig.now, True)),
}


def full_rig() -> Rig:
    chain = [{**link, "name": name} for link, name in zip(arms.planar(), [*JOINTS, "tip"], strict=True)]
    body = {"name": "tip", "link": "tip", "start": [0, 0, 0], "radius": 0.05}
    wall = {"name": "wall", "point": [0, 5, 0], "normal": [0, -1, 0]}
    section = {"chain": chain, "bodies": [body], "planes": [wall]}
    values = {"joints": limits(effort=50.0), "filter": section, "recoverability": {}}
    return Rig(SafetyConfig.model_validate(values), speed=0.5)


def explode(*arguments: object, **named: object) -> object:
    raise RuntimeError("broken layer")


def break_it(rig: Rig, place: Callable[[Rig], object]) -> None:
    owner, name = place(rig)  # type: ignore[misc]
    setattr(owner, name, explode)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_that_raises_stops_the_robot_in_the_same_tick(name: str) -> None:
    rig = full_rig().active(40)
    if name == "supervisor":
        rig.alarm()  # so that there is something to decide
    break_it(rig, LAYERS[name])
    decision = rig.tick()
    assert decision.state in (State.BACKUP, State.STOPPED)
    assert decision.reason is Reason.INTERNAL_ERROR
    assert "broken layer" in decision.detail
    assert decision.stop_category == 1
    if name == "envelope":
        assert decision.command is None  # not even the backup's command could be checked
    rig.tick(40)
    assert rig.governor.state is State.STOPPED
    rig.assert_limits()
    assert rig.governor.status()["internal_error"].startswith("RuntimeError: broken layer")


@pytest.mark.parametrize("name", INPUTS)
def test_an_input_that_raises_is_an_internal_error_and_not_the_callers(name: str) -> None:
    rig = full_rig()
    rig.tick(8)
    if name != "enable":
        accepted, message = rig.governor.enable(rig.now, True)
        assert accepted, message
        rig.tick(20)
    place, call = INPUTS[name]
    break_it(rig, place)
    call(rig)
    decision = rig.governor.tick(rig.now + 10 * MS)
    assert decision.reason is Reason.INTERNAL_ERROR
    assert decision.state in (State.BACKUP, State.STOPPED)


def test_an_emergency_stop_whose_backup_breaks_falls_silent() -> None:
    rig = full_rig().active(20)
    rig.governor._commander.start_backup = explode  # type: ignore[method-assign, assignment]
    rig.governor.estop(rig.now)
    assert rig.governor.state is State.STOPPED
    assert rig.tick().command is None


def test_a_black_box_that_cannot_write_stops_the_robot_and_holds_nothing_up() -> None:
    rig = full_rig().active(20)
    rig.governor.black_box.decision = explode  # type: ignore[method-assign, assignment]
    assert rig.tick().command is not None
    decision = rig.tick()
    assert (decision.state, decision.reason) == (State.BACKUP, Reason.INTERNAL_ERROR)
    assert "black box: RuntimeError: broken layer" in decision.detail
    rig.tick(60)
    assert rig.governor.state is State.STOPPED
    rig.assert_limits()


def test_orders_are_carried_out_although_the_black_box_is_broken() -> None:
    rig = full_rig()
    rig.governor.black_box.event = explode  # type: ignore[method-assign, assignment]
    rig.tick(8)
    assert rig.governor.enable(rig.now, True)[0]  # done, and stopped at once because nobody would know afterwards
    assert rig.governor.reason is Reason.INTERNAL_ERROR
    pressed = full_rig().active(20)
    pressed.governor.black_box.event = explode  # type: ignore[method-assign, assignment]
    pressed.governor.estop(pressed.now)
    decision = pressed.tick()
    assert decision.state is State.BACKUP and decision.stop_category == 1 and decision.command is not None
    unread = full_rig().active(20)
    unread.governor.black_box.chunk = explode  # type: ignore[method-assign, assignment]
    assert unread.governor.on_malformed_chunk(unread.now) is Reason.CHUNK_MALFORMED
    assert unread.tick().reason is Reason.INTERNAL_ERROR


def test_a_rival_commander_stops_the_robot_and_is_named() -> None:
    rig = Rig(speed=0.6).active()
    rig.governor.on_rivals(["/teleop"])
    decision = rig.tick()
    assert (decision.state, decision.reason) == (State.BACKUP, Reason.RIVAL_COMMANDER)
    assert "/teleop" in decision.detail
    rig.tick(50)
    accepted, message = rig.governor.reset(rig.now)
    assert not accepted and "/teleop" in message
    rig.governor.on_rivals([])
    assert rig.governor.reset(rig.now)[0]
    rig.assert_limits()
