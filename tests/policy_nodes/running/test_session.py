"""Processes of a run: one that ends is named with its last words; a moving robot is disabled before anything ends."""

from collections import deque
from pathlib import Path
from types import SimpleNamespace

import pytest

from policy_nodes.nodes.operator import OperatorError, StateEvent, View
from policy_nodes.running.session import RunError, Session, ending, last_words

pytestmark = pytest.mark.pure


class Operator:
    def __init__(self, state, dead=False):
        self.view = View(state=StateEvent(0, state))
        self.calls, self.dead = [], dead

    def call(self, name, data=None, timeout_s=5.0):
        self.calls.append((name, data))
        if self.dead:
            raise OperatorError("service '/safety_node/enable' is not there.")
        self.view.state = StateEvent(1, "READY")
        return True, ""

    def wait_for(self, condition, timeout_s, interval=None):
        return condition(self.view)


def session(state="READY", processes=None, dead=False):
    runner = SimpleNamespace(processes=processes or {})
    return Session(None, runner, Operator(state, dead), Path("/logs"))  # type: ignore[arg-type]


def process(code, *lines):
    return SimpleNamespace(returncode=code, tail=deque(lines), pid=7)


def test_a_node_that_ended_is_named_with_its_last_words_and_its_log():
    running = session(
        processes={"sim_node": process(None), "policy_node": process(1, "a", "bad bundle", "fix: it", "")}
    )
    with pytest.raises(RunError) as caught:
        running.check_processes()
    assert caught.value.cause == "node 'policy_node' ended with exit code 1 (bad bundle | fix: it)."
    assert caught.value.fix == "remove the cause; its log is /logs/policy_node.log"
    assert running.pid("policy_node") == 7


def test_words():
    assert ending(-9) == "signal 9" and ending(2) == "exit code 2"
    assert last_words(process(1)) == ""


def test_news_are_told_at_every_look_at_the_processes():
    told = []
    running = session()
    running.on_news = told.append
    running.check_processes()
    assert told == [running]


@pytest.mark.parametrize("state", ["ACTIVE", "DEGRADED", "BACKUP"])
def test_a_moving_robot_is_brought_to_rest(state):
    running = session(state)
    running.rest()
    assert running.operator.calls == [("enable", False)]


def test_a_standing_robot_is_left_alone_and_a_dead_safety_node_does_not_prevent_the_end():
    running = session("STOPPED")
    running.rest()
    assert running.operator.calls == []
    session("ACTIVE", dead=True).rest()


class Homing(Operator):
    """Answers ``move_home`` and then goes through ``states``, one per wait."""

    def __init__(self, accepts=True, states=("BACKUP", "READY")):
        super().__init__("READY")
        self.accepts, self.states = accepts, list(states)

    def call(self, name, data=None, timeout_s=5.0):
        self.calls.append((name, data))
        return self.accepts, "Moving home."

    def wait_for(self, condition, timeout_s, interval=None):
        if self.states:
            self.view.state = StateEvent(1, self.states.pop(0))
            self.view.events.append(self.view.state)
        return condition(self.view)


@pytest.mark.parametrize(
    ("operator", "arrived"),
    [
        (Homing(), True),
        (Homing(accepts=False), False),  # still READY, and not at home
        (Homing(states=("BACKUP", "STOPPED")), False),
        (Homing(states=("BACKUP", "BACKUP")), False),
    ],
)
def test_the_way_home_is_over_when_the_robot_is_ready_there(operator, arrived):
    running = Session(None, SimpleNamespace(processes={}), operator, Path("/logs"))  # type: ignore[arg-type]
    assert running.move_home() is arrived
    assert operator.calls == [("move_home", None)]


def test_waiting_for_names_what_is_missing():
    running = session("INIT")
    values = {"age_s/joint state": "never", "age_s/cube_pose": "0.01", "obstacles": "the robot lacks joint 'a'"}
    running.operator.view.diagnostics["safety_node"] = values
    assert running.waiting_for() == "INIT; the robot lacks joint 'a'; never received: joint state"
    assert session("").waiting_for() == "not heard yet"
    with pytest.raises(RunError, match="after 0 s the safety node is not READY: INIT; the robot lacks"):
        running.require_ready(timeout_s=0.0)
