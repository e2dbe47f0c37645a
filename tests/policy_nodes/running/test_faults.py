"""When a fault is injected, and what the run does around it, with an operator and nodes made of air."""

from types import SimpleNamespace

import numpy as np
import pytest

from policy_nodes.nodes.operator import StateEvent, View
from policy_nodes.running import faults as module
from policy_nodes.running.episodes import finish_episode, resume, start_episode
from policy_nodes.running.faults import FAULTS, Fault, approaching, carrying, moving, run_fault
from policy_nodes.running.session import RunError, Session

pytestmark = pytest.mark.pure


def view(speed=0.5, finger=0.02, finger_speed=0.0, state="ACTIVE", episode="running"):
    velocity = np.array([0.0, -speed, finger_speed])
    return View(
        state=StateEvent(0, state),
        episode=episode,
        joint_position=np.array([0.0, 0.0, finger]),
        joint_velocity=velocity,
    )


def test_moments():
    assert moving(view()) and not moving(view(speed=0.1)) and not moving(View())
    assert not moving(view(state="BACKUP")) and not moving(view(episode="success"))
    assert carrying(view()) and not carrying(view(finger=0.04)) and not carrying(view(finger=0.0))
    assert not carrying(view(finger_speed=0.05))
    assert approaching(view(finger=0.04)) and not approaching(view()) and not approaching(view(speed=0.0, finger=0.04))


def test_every_fault_names_its_reasons():
    from policy_nodes.safety.reasons import Reason

    assert set(FAULTS) == {"policy_stopped", "observation_nan", "object_displaced"}
    for name, fault in FAULTS.items():
        assert fault.name == name
        assert fault.reasons and all(hasattr(Reason, reason) for reason in fault.reasons)
        assert fault.observable in ("chunk", "nan", "jump")


class Air:
    """An operator of a robot that obeys at once; a script says what else happens."""

    def __init__(self, script=None, refusals=()):
        self.view, self.time, self.calls = view(state="READY"), 0, []
        self.script, self.refusals = script or {}, list(refusals)

    def now_ns(self):
        return self.time

    def call(self, name, data=None, timeout_s=5.0):
        self.calls.append(name if data is None else f"{name} {data}")
        if self.refusals and self.calls[-1] in ("enable True", "reset"):
            refusal = self.refusals.pop(0)
            if refusal:
                return False, refusal
        if name == "enable":
            self.go("ACTIVE" if data else "READY")
        if name == "reset":
            self.go("READY")
        if name == "new_episode":
            self.view.episode_index += 1
            self.view.episode = "running"
        return True, ""

    def go(self, state, reason=""):
        self.view.state = StateEvent(self.time, state, reason)
        self.view.events.append(self.view.state)

    def wait_for(self, condition, timeout_s, interval=None):
        for _ in range(round(timeout_s / 0.1)):
            if condition(self.view):
                return True
            self.time += 100_000_000
            for action in self.script.get(len([c for c in self.calls if c == "enable True"]), []):
                action(self)
            if interval:
                interval()
        return bool(condition(self.view))

    def pause(self, seconds, interval=None):
        self.time += round(seconds * 1e9)


class NoProcesses:
    def __init__(self):
        self.processes = {}


def session(air, task="panda_pick_place"):
    bundle = SimpleNamespace(manifest=SimpleNamespace(task=task))
    return Session(bundle=bundle, runner=NoProcesses(), operator=air, log_directory=None)  # type: ignore[arg-type]


def stop_fault(when=moving):
    def inject(running):
        running.operator.go("BACKUP", "ESTOP")
        running.operator.go("STOPPED", "ESTOP")

    return Fault("test", "a test", inject, lambda running: running.operator.call("clear"), "nan", ("ESTOP",), when)


def succeed(air):
    air.view.episode = "success"
    air.view.joint_velocity = np.zeros(3)


def test_a_fault_is_injected_watched_cleared_and_recovered_from():
    air = Air(script={2: [succeed]})
    found = run_fault(session(air), stop_fault(), 0, 5.0)
    assert found.injected and found.recovered and found.final_state == "STOPPED"
    assert [event.state for event in found.events] == ["BACKUP", "STOPPED"] and found.stop.reason == "ESTOP"
    assert air.calls == ["new_episode", "enable True", "clear", "reset", "enable True", "enable False"]
    assert found.settled_ns > found.injected_ns


def test_a_moment_that_never_comes_is_no_fault(monkeypatch):
    monkeypatch.setattr(module, "ATTEMPTS", 2)
    air = Air(script={1: [succeed], 2: [succeed]})
    found = run_fault(session(air), stop_fault(when=lambda v: False), 0, 5.0)
    assert not found.injected and found.stop is None
    assert air.calls.count("enable True") == 2 and "clear" not in air.calls


def test_a_task_without_a_grasp_gets_its_fault_in_mid_motion():
    """The gripper of another arm tells no phase: the fault would never be injected."""
    never = stop_fault(when=lambda v: False)
    found = run_fault(session(Air(script={2: [succeed]}), task="panda_reach_avoid"), never, 0, 5.0)
    assert found.injected and found.recovered


def test_a_fault_without_reaction_is_cleared_and_the_robot_disabled():
    fault = Fault("test", "a test", lambda s: None, lambda s: s.operator.call("clear"), "nan", ("ESTOP",), moving)
    air = Air()
    found = run_fault(session(air), fault, 0, 5.0)
    assert found.stop is None and not found.recovered and found.final_state == "ACTIVE"
    assert air.calls[-2:] == ["clear", "enable False"]


def test_new_scenes_until_the_monitor_agrees():
    air = Air(refusals=["failure_predicted"] * 40 + [""])
    start_episode(session(air))
    assert air.calls.count("new_episode") >= 2 and air.view.state.state == "ACTIVE"


def test_an_episode_that_is_always_refused_names_the_refusal():
    air = Air(refusals=["monitor_lost"] * 1000)
    with pytest.raises(RunError, match="refuses 'enable': monitor_lost"):
        start_episode(session(air))
    air.go("STOPPED", "ESTOP")
    assert resume(session(air)) is False


def test_an_episode_ended_by_a_stop_is_no_success():
    air = Air(script={1: [lambda a: a.go("STOPPED", "TRACKING_LOST")]})
    running = session(air)
    began = start_episode(running)
    outcome = finish_episode(running, 4, began, 5.0)
    assert (outcome.success, outcome.stopped_by, outcome.index) == (False, "TRACKING_LOST", 4)
    assert outcome.duration_s == pytest.approx(0.1)
    assert air.view.state.state == "READY"
