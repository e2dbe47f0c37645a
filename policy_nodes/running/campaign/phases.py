"""Phases of motion in which live faults are injected, by kind of robot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from policy_nodes.bundle.manifest import Manifest
from policy_nodes.nodes.operator import View
from policy_nodes.running.faults import GRASPING_TASK, approaching, carrying, moving
from policy_nodes.running.walk import command_topic

Twist = tuple[float, float, float]
WALK, TURN = (0.8, 0.0, 0.0), (0.0, 0.0, 0.8)


@dataclass(frozen=True)
class LivePhase:
    """A phase of motion.

    Attributes:
        name: on the command line and in the report.
        reached: whether the robot is in it.
        drive: velocity command (m/s, m/s, rad/s) of a walking robot.
    """

    name: str
    reached: Callable[[View], bool]
    drive: Twist = (0.0, 0.0, 0.0)


def active(view: View) -> bool:
    """The policy commands."""
    return view.state.state == "ACTIVE"


GRASPING = (LivePhase("approach", approaching), LivePhase("start", active), LivePhase("carry", carrying))
ARM = (LivePhase("moving", moving), LivePhase("start", active))
WALKING = (
    LivePhase("walk", lambda view: active(view) and view.twist[0] > 0.4 * WALK[0], WALK),
    LivePhase("stand", active),
    LivePhase("turn", lambda view: active(view) and view.twist[5] > 0.4 * TURN[2], TURN),
)


def phases_of(manifest: Manifest) -> dict[str, LivePhase]:
    """Phases of a bundle's task by name; the first is the one to begin with."""
    if command_topic(manifest):
        kind: tuple[LivePhase, ...] = WALKING
    else:
        kind = GRASPING if manifest.task == GRASPING_TASK else ARM
    return {phase.name: phase for phase in kind}
