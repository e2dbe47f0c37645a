"""The model of the task: where its sensors are, and what each of them feels."""

from __future__ import annotations

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from sim.errors import RobotModelError
from sim.robots import go1
from sim.tasks.velocity.config import VelocityConfig
from sim.tasks.velocity.robots import go1_robot
from sim.tasks.velocity.scene import FLOOR, add_floor, build_model, sensor_layout

ROBOT = go1_robot()
LAYOUT = sensor_layout(ROBOT)


@pytest.fixture(scope="module")
def model() -> mujoco.MjModel:
    return build_model(ROBOT, VelocityConfig(friction=0.65))


def _standing(model: mujoco.MjModel, height: float = go1.DEFAULT_HEIGHT) -> mujoco.MjData:
    data = mujoco.MjData(model)
    data.qpos[:7] = (0, 0, height, 1, 0, 0, 0)
    data.qpos[7:] = data.ctrl[:] = go1.DEFAULT_POSE
    return data


def test_layout_covers_all_sensors_in_order(model: mujoco.MjModel) -> None:
    edges = [LAYOUT.torque, LAYOUT.foot_position, LAYOUT.foot_velocity, LAYOUT.foot_force, LAYOUT.leg_force]
    edges.append(LAYOUT.base_force)
    assert [part.start for part in edges] == [0, 12, 24, 36, 40, 48]
    assert LAYOUT.base_force.stop == model.nsensordata == 49
    names = [model.sensor(i).name for i in range(model.nsensor)]
    assert names[0] == "torque_FR_hip_joint"
    assert names[12:16] == [f"position_{foot}" for foot in go1.FOOT_SITES]
    assert names[-1] == "touch_trunk"


def test_options_and_friction_come_from_the_configuration(model: mujoco.MjModel) -> None:
    assert model.opt.timestep == 0.005
    assert model.opt.iterations == VelocityConfig().solver_iterations
    assert int(model.opt.integrator) == int(mujoco.mjtIntegrator.mjINT_IMPLICITFAST)
    assert model.geom(FLOOR).friction[0] == 0.65


def test_feet_and_torques(model: mujoco.MjModel) -> None:
    data = _standing(model)
    mujoco.mj_step(model, data, 300)
    sensors = data.sensordata
    weight = model.body_mass.sum() * 9.81
    assert sensors[LAYOUT.foot_force].sum() == pytest.approx(weight, rel=0.02)
    np.testing.assert_allclose(sensors[LAYOUT.torque], data.actuator_force, atol=1e-6)
    positions = sensors[LAYOUT.foot_position].reshape(4, 3)
    np.testing.assert_allclose(positions, [data.site(foot).xpos for foot in go1.FOOT_SITES], atol=1e-5)


def test_legs_feel_themselves_and_not_their_feet(model: mujoco.MjModel) -> None:
    standing = _standing(model)
    mujoco.mj_step(model, standing, 200)
    assert not standing.sensordata[LAYOUT.leg_force].any()
    lying = _standing(model, height=0.2)
    lying.qpos[3:7] = (np.sqrt(0.5), np.sqrt(0.5), 0.0, 0.0)
    mujoco.mj_step(model, lying, 100)
    assert lying.sensordata[LAYOUT.leg_force].max() > 5.0


def test_trunk_feels_the_ground(model: mujoco.MjModel) -> None:
    data = _standing(model, height=0.05)
    data.qpos[7:] = np.tile([0.0, 2.6, -2.7], 4)
    data.ctrl[:] = data.qpos[7:]
    mujoco.mj_step(model, data, 60)
    assert data.sensordata[LAYOUT.base_force][0] > 10.0


def test_robots_touch_the_ground_and_not_themselves(model: mujoco.MjModel) -> None:
    floor = model.geom(FLOOR).id
    assert (model.geom_contype[floor], model.geom_conaffinity[floor]) == (1, 0)
    others = np.delete(np.arange(model.ngeom), floor)
    assert not model.geom_contype[others].any()
    assert model.geom_conaffinity[others].all()


@pytest.mark.parametrize(("field", "value"), [("feet", ("HEEL",)), ("legs", ("FR_shin",))])
def test_names_that_the_model_lacks_are_refused(field: str, value: tuple[str, ...]) -> None:
    with pytest.raises(RobotModelError, match=value[0]):
        build_model(replace(ROBOT, **{field: value}), VelocityConfig())


def test_two_floors_have_one_name_and_fail() -> None:
    spec = mujoco.MjSpec()
    add_floor(spec, 1.0)
    with pytest.raises(ValueError, match=r"repeated name|already"):
        add_floor(spec, 1.0)
        spec.compile()


@pytest.mark.parametrize(
    ("joints", "says"),
    [
        ((*ROBOT.joints[:-1], "RR_knee_joint"), "no joint 'RR_knee_joint'"),
        (
            (ROBOT.joints[1], ROBOT.joints[0], *ROBOT.joints[2:]),
            f"joint 0 of unitree_go1 should be '{ROBOT.joints[0]}'",
        ),
        (ROBOT.joints[:-1], f"joint 11 of unitree_go1 should be '{ROBOT.joints[-1]}'"),
    ],
)
def test_joints_that_are_not_the_models_are_named(joints: tuple[str, ...], says: str) -> None:
    with pytest.raises(RobotModelError, match=says):
        build_model(replace(ROBOT, joints=joints), VelocityConfig())
