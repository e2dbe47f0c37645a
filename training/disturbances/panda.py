"""What goes wrong with the Panda's pick-and-place cell, and what counts as harm there."""

from __future__ import annotations

from typing import Any

import numpy as np

from policy_nodes.monitors.phases import ToolPhases
from sim.robots import panda
from sim.tasks.pick_place.scene import CUBE
from sim.tasks.pick_place.world import PickPlaceWorld
from training.disturbances.cause import (
    Act,
    Array,
    Cause,
    Condition,
    Distractor,
    Event,
    ObservationDelay,
    TrackerBias,
    WeakActuator,
)
from training.disturbances.harm import Harm, contact_force, falls, geoms_of
from training.disturbances.suite import Disturbances

BEYOND = 0.12
"""Least distance of a displaced cube to the training region's border (m)."""
ARM_FORCE = 40.0
"""Normal force between the robot and table, floor or (except the fingers') the cube that counts as a collision (N)."""
CUBE_DISPLACED = "cube displaced"


def outside(world: PickPlaceWorld, rng: np.random.Generator, beyond: float = BEYOND) -> Array:
    """A place (2,) that the arm reaches, at least ``beyond`` outside the training region (m); rejection sampling."""
    inside, reach = world.config.training_region, world.config.reachable_region
    while True:
        x, y = rng.uniform(*reach.x), rng.uniform(*reach.y)
        gap = max(inside.x[0] - x, x - inside.x[1], inside.y[0] - y, y - inside.y[1])
        if reach.contains((x, y)) and gap > beyond:
            return np.array([x, y])


def _displace(world: PickPlaceWorld, rng: np.random.Generator) -> Act:
    place, yaw = outside(world, rng), float(rng.uniform(*world.config.cube_yaw))
    return lambda: world.displace_cube((*place, world.config.cube.half_size), yaw)


def _move_goal(world: PickPlaceWorld, rng: np.random.Generator) -> Act:
    goal = outside(world, rng, beyond=0.0)
    return lambda: world.set_goal(goal)


def _look_alike(world: PickPlaceWorld, rng: np.random.Generator) -> Array:
    return np.append(outside(world, rng), world.config.cube.half_size)


def _make_slippery(world: PickPlaceWorld, rng: np.random.Generator) -> Act:
    """Friction of the cube falls to 2 to 8 %, and its contacts take priority over the fingers' own."""
    body = world.model.body(CUBE)
    first, count = int(body.geomadr[0]), int(body.geomnum[0])
    return slippery(world.model, slice(first, first + count), float(rng.uniform(0.02, 0.08)))


def slippery(model: Any, rows: slice, share: float) -> Act:
    """Scale the sliding friction of some geoms, which then also rule their contacts; returns what undoes it."""
    saved = model.geom_friction[rows].copy(), model.geom_priority[rows].copy()
    model.geom_friction[rows, 0] *= share
    model.geom_priority[rows] = 2

    def undo() -> None:
        model.geom_friction[rows], model.geom_priority[rows] = saved

    return undo


def make_causes() -> list[Cause]:
    """One of each."""
    return [
        Event(CUBE_DISPLACED, (0.3, 1.2), _displace),
        TrackerBias(["cube"]),
        WeakActuator(7),
        ObservationDelay(),
        Event("goal moved late", (1.6, 2.6), _move_goal),
        Condition("slippery cube", _make_slippery),
        Distractor("cube", (0.3, 1.2), _look_alike),
    ]


def make_harm(world: Any) -> Harm:
    """Collision of the arm, drop of the cube, cube pushed out of reach."""
    fingers = ("left_finger", "right_finger")
    robot = geoms_of(world.model, lambda body, _: body.startswith(panda.PREFIX))
    finger = geoms_of(world.model, lambda body, _: body.endswith(fingers))
    cube = geoms_of(world.model, lambda body, _: body == CUBE)
    scene = geoms_of(world.model, lambda body, _: body == "world")

    def harm(world: PickPlaceWorld) -> str:
        if world.failed():
            return "object out of reach"
        height, speed = world.object_poses()["cube"][2], world.cube_velocity()[2]
        if falls(height, world.config.cube.half_size, speed):
            return "drop"
        model, data = world.model, world.data
        if contact_force(model, data, robot, scene) + contact_force(model, data, robot & ~finger, cube) > ARM_FORCE:
            return "collision"
        return ""

    return harm


def make() -> Disturbances:
    """Of the task ``panda_pick_place``."""
    gripper = len(PickPlaceWorld.joint_names) - 1
    return Disturbances(make_causes, make_harm, ToolPhases(gripper=gripper, closed_below=0.03, low_below=0.07))
