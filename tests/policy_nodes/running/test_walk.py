"""The scripted walk judges what it sees: tracking after settling, an early stop is named, faults match."""

from __future__ import annotations

import numpy as np
import pytest

from policy_nodes.nodes.operator import StateEvent, View
from policy_nodes.running.walk import walk, walk_fault

pytestmark = pytest.mark.pure


class FakeOperator:
    """Follows every velocity command at 90 %, unless told to stop."""

    def __init__(self):
        self.view, self.driven, self.calls, self.stop_after = View(), [], [], None
        self.view.state = StateEvent(0, "ACTIVE")

    def drive(self, topic, *command):
        self.driven.append((topic, command))
        vx, vy, wz = (0.9 * value for value in command)
        self.view.twist = np.array([vx, vy, 0, 0, 0, wz])
        if self.stop_after is not None and len(self.driven) > self.stop_after:
            self.view.state = StateEvent(1, "BACKUP", "FALLEN", "damping")

    def pause(self, seconds, interval=None):
        pass

    def wait_for(self, condition, timeout_s, interval=None):
        return condition(self.view)

    def call(self, name, data=None):
        self.calls.append((name, data))
        if name == "corrupt_observation" and data:
            self.fault()
        return True, ""

    def fault(self):
        self.view.state = StateEvent(1, "STOPPED", "JOINT_STATE_NOT_FINITE", "sit_down")
        self.view.events.append(StateEvent(1, "BACKUP", "JOINT_STATE_NOT_FINITE", "sit_down"))


class FakeSession:
    def __init__(self):
        self.operator = FakeOperator()
        term = type("Term", (), {"field": "planar", "topic": "/cmd_vel"})
        self.bundle = type("Bundle", (), {"manifest": type("Manifest", (), {"terms": [term]})})

    def enable(self, timeout_s=5.0):
        self.operator.view.state = StateEvent(2, "ACTIVE")

    reset = disable = lambda self, timeout_s=5.0: None

    def check_processes(self):
        pass


def test_every_part_is_driven_on_the_contracts_topic_and_measured():
    session, said = FakeSession(), []
    legs = walk(session, said.append)
    assert [leg.name for leg in legs] == ["stand", "forward", "turn"]
    assert legs[1].measured == pytest.approx((0.72, 0.0, 0.0))
    assert legs[2].measured == pytest.approx((0.0, 0.0, 0.72))
    assert {topic for topic, _ in session.operator.driven} == {"/cmd_vel"}
    assert len(said) == 3


def test_a_stop_ends_the_walk_and_is_named():
    session = FakeSession()
    session.operator.stop_after = 25
    legs = walk(session, lambda text: None)
    assert [leg.name for leg in legs] == ["stand", "forward"] and legs[-1].stopped_by == "FALLEN"


def test_a_fault_passes_only_with_the_right_reason_and_backup_and_a_recovery():
    session = FakeSession()
    result = walk_fault(session, "observation_nan", lambda text: None)
    assert result["passed"] and result["backups"] == ["sit_down"]
    assert ("restore_object", None) in session.operator.calls
    wrong = FakeSession()
    wrong.operator.fault = lambda: wrong.operator.view.events.append(StateEvent(1, "BACKUP", "ESTOP", "damping"))
    assert not walk_fault(wrong, "observation_nan", lambda text: None)["passed"]
