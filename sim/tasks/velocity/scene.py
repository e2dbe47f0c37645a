"""The model of a velocity task: one robot, the ground, and the sensors that the terms read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.errors import RobotModelError
from sim.tasks.velocity.config import VelocityConfig
from sim.tasks.velocity.state import SensorLayout


@dataclass(frozen=True)
class LeggedRobot:
    """What a task needs to know about a robot beyond its model.

    Attributes:
        name: in logs and exported files.
        spec: makes a fresh description of the robot with its servos, without ground.
        joints: names in model order.
        default_pose: (J,) [rad].
        default_height: of the base in that pose [m].
        action_scale: (J,) [rad per unit of action].
        position_limits: (J, 2) [rad]; velocity_limits: (J,) [rad/s].
        stiffness: (J,) of the servos [N m/rad]; damping: (J,) [N m s/rad].
        base: name of the base body.
        feet: sites in the centres of the feet; foot_radius: of the sphere around them that counts as foot [m].
        legs: bodies of thighs and calves whose contacts are charged; leg_reach: distance from each body's origin up
            to which a contact counts as one of the leg and not of the foot [m].
        hips: indices of the joints that keep their posture.
        mirrored: parts of joint and foot names that change places in a mirror.
        flipped: parts of joint names that change sign in it.
    """

    name: str
    spec: Callable[[], mujoco.MjSpec]
    joints: tuple[str, ...]
    default_pose: NDArray[np.float64]
    default_height: float
    action_scale: NDArray[np.float64]
    position_limits: NDArray[np.float64]
    velocity_limits: NDArray[np.float64]
    stiffness: NDArray[np.float64]
    damping: NDArray[np.float64]
    base: str
    feet: tuple[str, ...]
    foot_radius: float
    legs: tuple[str, ...]
    leg_reach: float
    hips: tuple[int, ...]
    mirrored: tuple[tuple[str, str], ...]
    flipped: tuple[str, ...]


FLOOR = "floor"


def add_floor(spec: mujoco.MjSpec, friction: float) -> None:
    """An endless flat ground at z = 0 with a chequered look; only robots touch it."""
    texture = spec.add_texture(
        name=FLOOR,
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        rgb1=(0.82, 0.84, 0.86),
        rgb2=(0.72, 0.75, 0.78),
        width=128,
        height=128,
    )
    spec.visual.headlight.ambient = (0.45, 0.45, 0.45)
    spec.visual.headlight.diffuse = (0.55, 0.55, 0.55)
    material = spec.add_material(name=FLOOR, texrepeat=(1, 1), texuniform=True)
    material.textures[int(mujoco.mjtTextureRole.mjTEXROLE_RGB)] = texture.name
    spec.worldbody.add_geom(
        name=FLOOR,
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=(0, 0, 1),
        contype=1,
        conaffinity=0,
        condim=3,
        friction=(friction, 0.02, 0.01),
        material=FLOOR,
    )


def add_sensors(spec: mujoco.MjSpec, robot: LeggedRobot) -> None:
    """Joint torques, feet, and touch on feet, legs and trunk, in the order of ``SensorLayout``.

    A touch sensor adds up the normal forces of its body's contacts inside its site: each foot has a site slightly
    larger than the foot, and legs and trunk have a sphere or box around their geoms.
    """
    sensor, site = mujoco.mjtSensor, mujoco.mjtObj.mjOBJ_SITE
    for name in robot.joints:
        spec.add_sensor(
            name=f"torque_{name}", type=sensor.mjSENS_ACTUATORFRC, objtype=mujoco.mjtObj.mjOBJ_ACTUATOR, objname=name
        )
    for kind, label in ((sensor.mjSENS_FRAMEPOS, "position"), (sensor.mjSENS_FRAMELINVEL, "velocity")):
        for foot in robot.feet:
            spec.add_sensor(name=f"{label}_{foot}", type=kind, objtype=site, objname=foot)
    for foot in robot.feet:
        centre = _site(spec, foot)
        volume = centre.parent.add_site(
            name=f"touch_{foot}", pos=centre.pos, size=[robot.foot_radius + 0.01] * 3, group=5
        )
        spec.add_sensor(name=volume.name, type=sensor.mjSENS_TOUCH, objtype=site, objname=volume.name)
    for body in (*robot.legs, robot.base):
        part = spec.body(body)
        if part is None:
            raise RobotModelError(
                f"the model of {robot.name} has no body '{body}'.", "use the robot's own description."
            )
        # A foot that is part of its calf has a site of its own; the calf's sphere ends above it.
        size = 0.6 if body == robot.base else robot.leg_reach
        part.add_site(name=f"touch_{body}", pos=(0, 0, 0), size=[size] * 3, group=5)
        spec.add_sensor(name=f"touch_{body}", type=sensor.mjSENS_TOUCH, objtype=site, objname=f"touch_{body}")


def sensor_layout(robot: LeggedRobot) -> SensorLayout:
    """Where ``add_sensors`` put what, provided that the model had no sensors before."""
    joints, feet, legs = len(robot.joints), len(robot.feet), len(robot.legs)
    edges = np.cumsum([0, joints, 3 * feet, 3 * feet, feet, legs, 1]).tolist()
    return SensorLayout(*(slice(a, b) for a, b in pairwise(edges)))


Ground = Callable[[mujoco.MjSpec, float], None]
"""Adds the ground with a friction to a model."""


def build_model(robot: LeggedRobot, config: VelocityConfig, ground: Ground = add_floor) -> mujoco.MjModel:
    """The robot on the ground with the task's sensors, compiled.

    Raises:
        RobotModelError: the model lacks a body, a site or a joint that the robot's description names, or has its
            joints in another order.
    """
    spec = robot.spec()
    _check_joints(spec, robot)
    ground(spec, config.friction)
    add_sensors(spec, robot)
    set_options(spec, config)
    return spec.compile()


def _check_joints(spec: mujoco.MjSpec, robot: LeggedRobot) -> None:
    """The tasks read joints by position in ``qpos``: names and order must be the model's."""
    present = [joint.name for joint in spec.joints if int(joint.type) == int(mujoco.mjtJoint.mjJNT_HINGE)]
    if unknown := [name for name in robot.joints if name not in present]:
        raise RobotModelError(
            f"the model of {robot.name} has no joint '{unknown[0]}'.", f"it has {', '.join(present)}."
        )
    if list(robot.joints) != present:
        wrong = next(k for k in range(len(present)) if tuple(robot.joints[k : k + 1]) != (present[k],))
        raise RobotModelError(
            f"joint {wrong} of {robot.name} should be '{present[wrong]}', as in its model.",
            "name every joint, in the model's order.",
        )


def set_options(spec: mujoco.MjSpec, config: VelocityConfig) -> None:
    """Physics settings that are quick and stable at 5 ms: implicit velocity integration, few solver iterations."""
    spec.option.timestep = config.physics_dt
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.iterations = config.solver_iterations
    spec.option.ls_iterations = config.line_search


def _site(spec: mujoco.MjSpec, name: str) -> mujoco.MjsSite:
    for site in spec.sites:
        if site.name == name:
            return site
    raise RobotModelError(f"the model has no site '{name}'.", "use the robot's own description.")
