"""What goes wrong with push-T, and what counts as harm there. Lengths inside are gym-pusht's pixels (1 mm)."""

from __future__ import annotations

from typing import Any

import numpy as np

from policy_nodes.monitors.phases import CallBins
from training.disturbances.cause import (
    Act,
    Cause,
    Condition,
    Event,
    ObservationDelay,
    TrackerBias,
    WeakActuator,
)
from training.disturbances.harm import Harm
from training.disturbances.suite import Disturbances
from training.suites.pusht.planner import place
from training.suites.pusht.world import PushTWorld

EDGE, TABLE = 30.0, 512.0
"""A block whose centre of gravity is nearer to the edge has been pushed off a table without walls (px)."""
STALL_ACCELERATION, STALL_SPEED = 2000.0, 20.0
"""The pusher's drive asks for more than this (px/s^2; 2 N per kg) while it moves less than this (px/s): it jams."""
GAIN = 100.0
"""gym-pusht's proportional gain (1/s^2)."""
PHASES = CallBins(edges=(24, 48, 96))
"""Of 0.2 s per call."""


def _centre(environment: Any) -> np.ndarray:
    """The block's centre of gravity (2,) on the table (px)."""
    block = environment.block
    return np.array(block.local_to_world(block.center_of_gravity))


def _put(environment: Any, centre: np.ndarray, angle: float) -> None:
    """The block at rest with its centre of gravity at ``centre`` (px), turned to ``angle``; the pusher stays."""
    pusher = np.array(environment.agent.position)
    place(environment, pusher, np.array(environment.block.position), angle)
    place(environment, pusher, np.array(environment.block.position) + centre - _centre(environment), angle)


def _displace(world: PushTWorld, rng: np.random.Generator) -> Act:
    """The block is put into a corner, nearer to the walls than any start."""
    corner = np.array([rng.choice([75.0, 437.0]), rng.choice([75.0, 437.0])]) + rng.uniform(-10, 10, 2)
    angle = float(rng.uniform(-np.pi, np.pi))

    def act() -> None:
        _put(world.environment, corner, angle)

    return act


def _turn(world: PushTWorld, rng: np.random.Generator) -> Act:
    """The block is knocked: turned by 60 to 180 degrees where it is."""
    turn = float(rng.choice([-1.0, 1.0]) * rng.uniform(np.pi / 3, np.pi))

    def act() -> None:
        _put(world.environment, _centre(world.environment), float(world.environment.block.angle) + turn)

    return act


def _move_goal(world: PushTWorld, rng: np.random.Generator) -> Act:
    goal = np.array([rng.uniform(150, 362), rng.uniform(150, 362), rng.uniform(-np.pi, np.pi)])

    def act() -> None:
        world.environment.goal_pose = goal

    return act


def _grease(world: PushTWorld, rng: np.random.Generator) -> Act:
    """The block glides on after a push: the share of its speed that is left after a second is no longer zero."""
    world.environment.space.damping = float(rng.uniform(1e-6, 0.05))
    return _nothing


def _obstacle(world: PushTWorld, rng: np.random.Generator) -> Act:
    """A round post that no sensor reports stands between the block's start and its goal."""
    import pymunk

    environment = world.environment
    share = rng.uniform(0.3, 0.8)
    goal = np.array(environment.goal_pose[:2])
    point = (1 - share) * _centre(environment) + share * goal + rng.uniform(-40, 40, 2)
    away = point - _centre(environment)
    distance = max(float(np.linalg.norm(away)), 1e-6)
    point = _centre(environment) + away / distance * max(distance, 110.0)
    post = pymunk.Circle(environment.space.static_body, 20.0, tuple(np.clip(point, 40, TABLE - 40)))
    post.friction = 1.0
    environment.space.add(post)
    return _nothing


def _nothing() -> None:
    """The space is built anew at every reset."""


def make_causes() -> list[Cause]:
    """One of each."""
    return [
        Event("block displaced", (1.0, 5.0), _displace),
        TrackerBias(["block"], (0.015, 0.04)),
        WeakActuator(2, lag=(0.3, 1.0), onset=(1.0, 5.0)),
        ObservationDelay((0.2, 0.6)),
        Event("goal moved", (2.0, 8.0), _move_goal),
        Condition("slippery table", _grease),
        Condition("unseen obstacle", _obstacle),
        Event("block knocked late", (6.0, 14.0), _turn),
    ]


def make_harm(world: Any) -> Harm:
    """Block pushed off the table, pusher jammed."""
    del world

    def harm(world: PushTWorld) -> str:
        environment = world.environment
        centre = _centre(environment)
        if (centre < EDGE).any() or (centre > TABLE - EDGE).any():
            return "object out of reach"
        asked = getattr(environment, "_last_action", None)
        if asked is None:
            return ""
        gap = np.asarray(asked, dtype=float) - np.array(environment.agent.position)
        speed = float(np.linalg.norm(environment.agent.velocity))
        return "force" if GAIN * np.linalg.norm(gap) > STALL_ACCELERATION and speed < STALL_SPEED else ""

    return harm


def make() -> Disturbances:
    """Of the task ``pusht``."""
    return Disturbances(make_causes, make_harm, PHASES)
