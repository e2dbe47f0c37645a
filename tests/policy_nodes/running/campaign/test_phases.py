from types import SimpleNamespace

import numpy as np
import pytest

from policy_nodes.nodes.operator import StateEvent, View
from policy_nodes.running.campaign.phases import phases_of

pytestmark = pytest.mark.pure


def manifest(task, *fields):
    return SimpleNamespace(task=task, terms=[SimpleNamespace(field=field, topic="/cmd_vel") for field in fields])


def view(state="ACTIVE", finger=0.04, speed=0.5, vx=0.0, wz=0.0):
    found = View(state=StateEvent(0, state), episode="running")
    found.joint_position, found.joint_velocity = np.array([0.0, finger]), np.array([speed, 0.0])
    found.twist = np.array([vx, 0, 0, 0, 0, wz])
    return found


def test_phases_by_kind_of_robot():
    assert list(phases_of(manifest("panda_pick_place", "position"))) == ["approach", "start", "carry"]
    assert list(phases_of(manifest("panda_reach_avoid", "position"))) == ["moving", "start"]
    assert list(phases_of(manifest("track a velocity command", "planar"))) == ["walk", "stand", "turn"]


def test_a_phase_needs_the_policy_in_command():
    for task, fields in (("panda_pick_place", ()), ("panda_reach_avoid", ()), ("walk", ("planar",))):
        for phase in phases_of(manifest(task, *fields)).values():
            assert not phase.reached(view("READY", vx=1.0, wz=1.0)), phase.name


def test_what_the_robot_does_decides():
    arm = phases_of(manifest("panda_pick_place"))
    assert arm["approach"].reached(view()) and not arm["carry"].reached(view())
    assert arm["carry"].reached(view(finger=0.02)) and not arm["approach"].reached(view(finger=0.02))
    assert not arm["approach"].reached(view(speed=0.1)) and arm["start"].reached(view(speed=0.0))
    dog = phases_of(manifest("", "planar"))
    assert dog["walk"].reached(view(vx=0.5)) and not dog["walk"].reached(view(vx=0.1))
    assert dog["turn"].reached(view(wz=0.5)) and dog["turn"].drive == (0.0, 0.0, 0.8)
    assert dog["stand"].drive == (0.0, 0.0, 0.0)
