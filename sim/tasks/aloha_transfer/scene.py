"""The model: Menagerie's ALOHA table with a cube and a camera for people."""

from __future__ import annotations

import mujoco

from sim.robots import aloha
from sim.tasks.aloha_transfer.config import TransferConfig
from sim.tasks.pick_place.looks import CAMERA, look_at
from sim.tasks.pick_place.scene import CUBE, add_block

TABLE_TOP = -0.0009
"""Height of the table in Menagerie's scene [m]."""


def transfer_model(config: TransferConfig) -> mujoco.MjModel:
    """Compiles the scene.

    Raises:
        RobotAssetsError: the robot's model is not installed.
    """
    spec = aloha.robot_spec()
    spec.modelname = "keel_aloha_transfer"
    spec.option.timestep = config.timing.physics_dt
    # The servos' damping sits in the joints: implicit integration keeps it stable.
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    half = config.cube.half_size
    add_block(spec, CUBE, [0.1, 0.0, half + TABLE_TOP], half, config.cube)
    eye, target = (0.25, -1.15, 0.75), (0.0, 0.0, 0.12)
    spec.worldbody.add_camera(name=CAMERA, pos=eye, quat=look_at(eye, target), fovy=45.0)
    spec.visual.global_.offwidth, spec.visual.global_.offheight = 1920, 1080
    # The scene has 263 000 faces: without shadows and multisampling a software renderer draws it ten times as fast.
    spec.visual.quality.offsamples = 0
    for light in spec.lights:
        light.castshadow = False
    return spec.compile()
