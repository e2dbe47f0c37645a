"""A scripted walk on the live nodes: stand, forward, turn, stop; and faults in mid-stride. Prints what was measured."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from policy_nodes.bundle.manifest import Manifest
from policy_nodes.running.episodes import STOPPING
from policy_nodes.running.session import Session

SCRIPT = (("stand", 2.0, (0.0, 0.0, 0.0)), ("forward", 4.0, (0.8, 0.0, 0.0)), ("turn", 3.0, (0.0, 0.0, 0.8)))
DRIVE_S = 0.1
SETTLE_S = 1.0
"""Start of every part that does not count for tracking."""
STOP_S = 12.0
EXPECTED = {
    "policy_stopped": ("CHUNK_EXHAUSTED", "sit_down"),
    "observation_nan": ("JOINT_STATE_NOT_FINITE", "sit_down"),
    "object_displaced": ("FALLEN", "damping"),
}
"""Fault -> the reason and the backup that handle it rightly."""


@dataclass(frozen=True)
class Leg:
    """One part of the walk: command and mean measured (vx, vy, yaw rate); ``stopped_by`` names an early end."""

    name: str
    command: tuple[float, float, float]
    measured: tuple[float, float, float]
    stopped_by: str = ""


def command_topic(manifest: Manifest) -> str:
    """Topic of the velocity command, empty for a policy that takes none."""
    return next((term.topic for term in manifest.terms if term.field == "planar"), "")


def walk(session: Session, say: Callable[[str], None], script: tuple = SCRIPT) -> list[Leg]:
    """Enable and walk the script; stops early when the safety node does."""
    session.enable(timeout_s=10.0)
    legs = []
    for name, seconds, command in script:
        leg = _leg(session, name, seconds, command)
        legs.append(leg)
        measured = ", ".join(f"{value:+.2f}" for value in leg.measured)
        say(f"{name}: asked {command}, measured ({measured}) {leg.stopped_by}".rstrip())
        if leg.stopped_by:
            break
    return legs


def _leg(session: Session, name: str, seconds: float, command: tuple[float, float, float]) -> Leg:
    operator, topic, samples = session.operator, command_topic(session.bundle.manifest), []
    for index in range(round(seconds / DRIVE_S)):
        operator.drive(topic, *command)
        operator.pause(DRIVE_S, session.check_processes)
        if operator.view.state.state in STOPPING:
            return Leg(name, command, (0.0, 0.0, 0.0), operator.view.state.reason)
        if index * DRIVE_S >= SETTLE_S:
            samples.append(operator.view.twist[[0, 1, 5]])
    vx, vy, wz = np.mean(samples, axis=0).tolist() if samples else (0.0, 0.0, 0.0)
    return Leg(name, command, (vx, vy, wz))


def walk_fault(session: Session, name: str, say: Callable[[str], None]) -> dict[str, object]:
    """Walk, inject a fault, watch the stop, clear the fault, put the robot on its feet and walk again."""
    operator = session.operator
    walk(session, lambda text: None, (("forward", 2.0, (0.8, 0.0, 0.0)),))
    first = len(operator.view.events)
    _inject(session, name, True)
    operator.wait_for(lambda view: view.state.state == "STOPPED", STOP_S, session.check_processes)
    events = [event for event in operator.view.events[first:] if event.state in STOPPING]
    _inject(session, name, False)
    operator.call("restore_object")
    reason, backups = (events[0].reason if events else ""), {event.backup for event in events}
    session.reset(timeout_s=8.0)
    recovered = not walk(session, lambda text: None, SCRIPT[:1])[-1].stopped_by
    session.disable()
    expected, backup = EXPECTED[name]
    passed = reason == expected and backup in backups and recovered
    say(f"fault {name}: {'ok' if passed else 'NOT HANDLED'}: {reason} -> {', '.join(sorted(b for b in backups if b))}")
    return {"name": name, "passed": passed, "reason": reason, "backups": sorted(backups), "recovered": recovered}


def _inject(session: Session, name: str, on: bool) -> None:
    if name == "policy_stopped":
        os.kill(session.pid("policy_node"), signal.SIGSTOP if on else signal.SIGCONT)
    elif name == "observation_nan":
        session.operator.call("corrupt_observation", on)
    elif on:
        session.operator.call("displace_object")
