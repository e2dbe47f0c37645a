"""What goes wrong with two MetaWorld tasks, picking and opening a drawer, and what counts as harm there."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from policy_nodes.monitors.phases import CallBins
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
from training.disturbances.panda import slippery
from training.disturbances.suite import Disturbances
from training.suites.metaworld.world import MetaWorldWorld

OBJECT, SLIDE, DRAWER = "objjoint", "goal_slidey", "drawer"
ROBOT_BODIES = ("right_hand", "hand", "rightclaw", "rightpad", "leftclaw", "leftpad", "right_l6")
PADS = ("rightpad", "leftpad", "rightclaw", "leftclaw")
HAND_FORCE = 60.0
"""Normal force between hand and table, or hand and the drawer's case, that counts as a collision (N)."""
HANDLE_FORCE = 450.0
"""Normal force between hand and drawer that counts as harm (N); undisturbed, the first touch reaches 116 to 372 N for
one or two control periods (24 episodes of the shipped policy)."""
REST_HEIGHT = 0.02
PHASES = CallBins(edges=(3, 6, 12))
"""Of 0.1 s per call: the approach, at the object, lifting or pulling, the rest."""


def _beside(rng: np.random.Generator) -> float:
    """An x that the hand reaches, at least 0.1 m outside the tasks' placements (m)."""
    return float(rng.choice([-1.0, 1.0]) * rng.uniform(0.2, 0.35))


def _elsewhere(world: MetaWorldWorld, rng: np.random.Generator) -> Array:
    return np.array([_beside(rng), rng.uniform(0.55, 0.8), REST_HEIGHT])


def _displace_object(world: MetaWorldWorld, rng: np.random.Generator) -> Act:
    place = _elsewhere(world, rng)

    def act() -> None:
        joint = world.data.joint(OBJECT)
        joint.qpos[:] = (*place, 1.0, 0.0, 0.0, 0.0)
        joint.qvel[:] = 0.0

    return act


def _knock_object(world: MetaWorldWorld, rng: np.random.Generator) -> Act:
    angle, speed = rng.uniform(-np.pi, np.pi), rng.uniform(0.8, 2.0)

    def act() -> None:
        world.data.joint(OBJECT).qvel[:2] += speed * np.array([np.cos(angle), np.sin(angle)])

    return act


def _move_goal(world: MetaWorldWorld, rng: np.random.Generator) -> Act:
    goal = np.array([_beside(rng), rng.uniform(0.7, 0.9), rng.uniform(0.05, 0.3)])

    def act() -> None:
        world.environment._target_pos = goal
        world.model.site("goal").pos = goal

    return act


def _make_slippery(world: MetaWorldWorld, rng: np.random.Generator) -> Act:
    geom = int(world.model.geom("objGeom").id)
    return slippery(world.model, slice(geom, geom + 1), float(rng.uniform(0.005, 0.05)))


def _displace_drawer(world: MetaWorldWorld, rng: np.random.Generator) -> Act:
    """The cabinet is pushed along the table; where it has to be opened to goes with it."""
    x = _beside(rng)

    def act() -> None:
        shift = np.array([x - world.model.body(DRAWER).pos[0], 0.0, 0.0])
        world.model.body(DRAWER).pos += shift
        world.environment._target_pos = world.environment._target_pos + shift
        world.model.site("goal").pos = world.environment._target_pos

    return act


def _shut_drawer(world: MetaWorldWorld, rng: np.random.Generator) -> Act:
    speed = float(rng.uniform(1.0, 3.0))

    def act() -> None:
        world.data.joint(SLIDE).qvel[:] = speed

    return act


def _jam_drawer(world: MetaWorldWorld, rng: np.random.Generator) -> Act:
    dof = int(world.model.joint(SLIDE).dofadr[0])
    saved = float(world.model.dof_frictionloss[dof])
    world.model.dof_frictionloss[dof] = float(rng.uniform(*JAM))

    def undo() -> None:
        world.model.dof_frictionloss[dof] = saved

    return undo


JAM = (20.0, 200.0)
"""Dry friction of a jammed drawer (N)."""


def _drawer_look_alike(world: MetaWorldWorld, rng: np.random.Generator) -> Array:
    return np.append(_beside(rng), world.object_poses()["object_1"][1:3])


def pick_place_causes() -> list[Cause]:
    """One of each; an undisturbed episode takes 0.6 s."""
    return [
        Event("object displaced", (0.1, 0.3), _displace_object),
        TrackerBias(["object_1"], (0.01, 0.03)),
        WeakActuator(3, lag=(0.1, 0.5), onset=(0.05, 0.3)),
        ObservationDelay((0.05, 0.2)),
        Distractor("object_1", (0.1, 0.3), _elsewhere),
        Event("goal moved late", (0.25, 0.45), _move_goal),
        Condition("slippery object", _make_slippery),
        Event("object knocked", (0.15, 0.4), _knock_object),
    ]


def drawer_causes() -> list[Cause]:
    """One of each; an undisturbed episode takes about 1.2 s."""
    return [
        Event("drawer displaced", (0.1, 0.5), _displace_drawer),
        TrackerBias(["object_1"], (0.02, 0.05)),
        WeakActuator(3, lag=(0.1, 0.5), onset=(0.1, 0.6)),
        ObservationDelay((0.05, 0.2)),
        Distractor("object_1", (0.1, 0.6), _drawer_look_alike),
        Condition("jammed drawer", _jam_drawer),
        Event("drawer pushed shut", (0.5, 1.0), _shut_drawer),
    ]


def _robot(world: Any) -> NDArray[np.bool_]:
    return geoms_of(world.model, lambda body, _: body in ROBOT_BODIES)


def make_pick_place_harm(world: Any) -> Harm:
    """Drop of the object, collision of the hand with the table, object off the table."""
    robot = _robot(world)
    scene = geoms_of(world.model, lambda body, _: body in ("world", "tablelink", "RetainingWall"))

    def harm(world: MetaWorldWorld) -> str:
        joint = world.data.joint(OBJECT)
        x, y, z = joint.qpos[:3]
        if abs(x) > 0.6 or not 0.3 < y < 1.1 or z < -0.02:
            return "object out of reach"
        if falls(z, REST_HEIGHT, joint.qvel[2]):
            return "drop"
        return "collision" if contact_force(world.model, world.data, robot, scene) > HAND_FORCE else ""

    return harm


def make_drawer_harm(world: Any) -> Harm:
    """Collision of the hand with table or case, excessive force on the drawer."""
    robot = _robot(world)
    scene = geoms_of(
        world.model, lambda body, _: body in ("world", "tablelink", "RetainingWall", DRAWER, "drawercase_link")
    )
    drawer = geoms_of(world.model, lambda body, _: body == "drawer_link")

    def harm(world: MetaWorldWorld) -> str:
        if contact_force(world.model, world.data, robot, scene) > HAND_FORCE:
            return "collision"
        return "force" if contact_force(world.model, world.data, robot, drawer) > HANDLE_FORCE else ""

    return harm


def make_pick_place() -> Disturbances:
    """Of the task ``metaworld/pick-place-v3``."""
    return Disturbances(pick_place_causes, make_pick_place_harm, PHASES)


def make_drawer() -> Disturbances:
    """Of the task ``metaworld/drawer-open-v3``."""
    return Disturbances(drawer_causes, make_drawer_harm, PHASES)
