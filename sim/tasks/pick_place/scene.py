"""Builds the MuJoCo model of the task with ``MjSpec``: robot, table, cube, goal marker, lights and cameras."""

from __future__ import annotations

from collections.abc import Callable

import mujoco

from sim.robots import panda
from sim.tasks.pick_place.config import CubeConfig, PickPlaceConfig
from sim.tasks.pick_place.looks import FLOOR_Z, add_looks

CUBE = "cube"
GOAL = "goal"


Adder = Callable[[mujoco.MjSpec, PickPlaceConfig], None]
"""Adds something to the scene's description."""


def build_model(config: PickPlaceConfig, add_objects: Adder | None = None) -> mujoco.MjModel:
    """Compiles the scene.

    Args:
        config: of the cell.
        add_objects: puts what is manipulated, and the goal, on the table; default cube and goal ring.

    Frames: world = ``panda_link0`` = centre of the robot's base on the table top, x forward, z up (REP-103).

    Raises:
        RobotAssetsError: the robot's model is not installed.
    """
    spec = mujoco.MjSpec()
    spec.modelname = "keel_panda_table"
    spec.option.timestep = config.timing.physics_dt
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = 10.0  # friction much stiffer than normal force: the held cube does not creep
    add_looks(spec)
    _add_table(spec, config)
    (add_objects or _add_cube_and_ring)(spec, config)
    robot = panda.robot_spec()
    # Both sides must agree, else attaching warns; implicitfast is what the robot's stiff servos are tuned for.
    spec.option.integrator = robot.option.integrator
    for light in list(robot.lights):
        robot.delete(light)
    spec.attach(robot, prefix=panda.PREFIX, frame=spec.worldbody.add_frame())
    _tune_gripper(spec, config)
    return spec.compile()


def _tune_gripper(spec: mujoco.MjSpec, config: PickPlaceConfig) -> None:
    servo = spec.actuator(f"{panda.PREFIX}actuator8")
    stiffness, damping = config.gripper.stiffness, config.gripper.damping
    servo.gainprm[0] = stiffness * panda.FINGER_RANGE[1] / float(servo.ctrlrange[1])
    servo.biasprm[1:3] = -stiffness, -damping


def _add_table(spec: mujoco.MjSpec, config: PickPlaceConfig) -> None:
    half_x, half_y = config.table_half_size
    centre = config.table_centre_x
    spec.worldbody.add_geom(
        name="table", type=mujoco.mjtGeom.mjGEOM_BOX, size=[half_x, half_y, 0.02], pos=[centre, 0, -0.02],
        rgba=[0.80, 0.71, 0.58, 1], friction=[1.0, 0.005, 0.0001],
    )  # fmt: skip
    leg = (FLOOR_Z + 0.04) / 2 - 0.04
    for x in (centre - half_x + 0.05, centre + half_x - 0.05):
        for y in (-half_y + 0.05, half_y - 0.05):
            spec.worldbody.add_geom(
                type=mujoco.mjtGeom.mjGEOM_BOX, size=[0.025, 0.025, -leg - 0.02], pos=[x, y, leg],
                rgba=[0.30, 0.32, 0.35, 1], contype=0, conaffinity=0,
            )  # fmt: skip


def _add_cube_and_ring(spec: mujoco.MjSpec, config: PickPlaceConfig) -> None:
    add_cube(spec, config)
    _add_goal(spec, config)


def add_cube(spec: mujoco.MjSpec, config: PickPlaceConfig) -> None:
    """The cube, free to move."""
    half = config.cube.half_size
    add_block(spec, CUBE, [0.5, 0.0, half], half, config.cube)


def add_block(spec: mujoco.MjSpec, name: str, pos: list[float], half_height: float, cube: CubeConfig) -> None:
    """A free block as wide, heavy and rough as the configured cube; ``pos`` (3,) and ``half_height`` in m."""
    half = cube.half_size
    body = spec.worldbody.add_body(name=name, pos=pos)
    body.add_freejoint(name=name)
    body.add_geom(
        name=name, type=mujoco.mjtGeom.mjGEOM_BOX, size=[half, half, half_height], mass=cube.mass, condim=4,
        friction=cube.friction, rgba=cube.rgba,
    )  # fmt: skip


def _add_goal(spec: mujoco.MjSpec, config: PickPlaceConfig) -> None:
    body = spec.worldbody.add_body(name=GOAL, pos=[0.5, 0.1, 0.0], mocap=True)
    radius = config.cube.half_size * 1.414 + 0.006
    for name, scale, height, rgba in (
        ("goal_ring", 1.0, 0.0010, [0.08, 0.50, 0.33, 1.0]),
        ("goal_disc", 0.8, 0.0014, [0.45, 0.85, 0.62, 1.0]),
    ):
        body.add_geom(
            name=name, type=mujoco.mjtGeom.mjGEOM_CYLINDER, size=[radius * scale, height / 2, 0],
            pos=[0, 0, height / 2], rgba=rgba, contype=0, conaffinity=0, mass=0,
        )  # fmt: skip
