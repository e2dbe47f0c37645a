"""What the terms see of MuJoCo's arrays, against MuJoCo's own sensors on a tumbling robot."""

from __future__ import annotations

import mujoco
import numpy as np

from sim.robots import go1
from sim.tasks.velocity.config import VelocityConfig
from sim.tasks.velocity.robots import go1_robot
from sim.tasks.velocity.scene import add_floor, add_sensors, sensor_layout, set_options
from sim.tasks.velocity.state import read_state

ROBOT = go1_robot()


def test_velocities_and_gravity_are_those_of_the_imu() -> None:
    spec = ROBOT.spec()
    add_floor(spec, 0.8)
    add_sensors(spec, ROBOT)
    set_options(spec, VelocityConfig())
    for kind, name in ((mujoco.mjtSensor.mjSENS_VELOCIMETER, "velocity"), (mujoco.mjtSensor.mjSENS_GYRO, "gyro")):
        spec.add_sensor(name=name, type=kind, objtype=mujoco.mjtObj.mjOBJ_SITE, objname=go1.IMU_SITE)
    model = spec.compile()
    data = mujoco.MjData(model)
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(6):
        quat = rng.normal(size=4)
        data.qpos[:] = [*rng.normal(size=2), 2.0, *(quat / np.linalg.norm(quat)), *go1.DEFAULT_POSE]
        data.qvel[:] = rng.normal(size=18)
        mujoco.mj_forward(model, data)
        up = data.body("trunk").xmat.reshape(3, 3).T @ [0.0, 0.0, -1.0]
        rows.append((data.qpos.copy(), data.qvel.copy(), data.sensordata.copy(), up))
    qpos, qvel, sensors, down = (np.array(column) for column in zip(*rows, strict=True))
    state = read_state(qpos, qvel, sensors, sensor_layout(ROBOT), ground=np.full(6, 0.5))
    start = model.sensor("velocity").adr[0]
    np.testing.assert_allclose(state.linear_velocity, sensors[:, start : start + 3], atol=1e-5)
    np.testing.assert_allclose(state.angular_velocity, sensors[:, start + 3 : start + 6], atol=1e-5)
    np.testing.assert_allclose(state.gravity, down, atol=1e-9)
    np.testing.assert_allclose(state.height, 1.5)
    assert state.foot_position.shape == state.foot_velocity.shape == (6, 4, 3)
    np.testing.assert_allclose(state.joint_position, np.tile(go1.DEFAULT_POSE, (6, 1)))
