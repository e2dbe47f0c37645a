import mujoco
import numpy as np
import pytest

from sim.errors import RobotModelError
from sim.robots import panda


@pytest.fixture(scope="module")
def kinematics():
    return panda.kinematics_model()


def test_names_are_those_of_frankas_ros2_control_configuration():
    assert panda.JOINT_NAMES == (
        "panda_joint1", "panda_joint2", "panda_joint3", "panda_joint4", "panda_joint5", "panda_joint6", "panda_joint7",
        "panda_finger_joint1",
    )  # fmt: skip


def test_position_limits_agree_with_the_model(kinematics):
    ranges = [kinematics.joint(name).range for name in panda.JOINT_NAMES]
    np.testing.assert_allclose(panda.POSITION_LIMITS, ranges, atol=1e-12)


def test_limits_are_the_data_sheet_values_in_joint_order():
    np.testing.assert_array_equal(panda.VELOCITY_LIMITS[:7], [2.175] * 4 + [2.61] * 3)
    np.testing.assert_array_equal(panda.ACCELERATION_LIMITS[:7], [15, 7.5, 10, 12.5, 15, 20, 20])
    np.testing.assert_array_equal(panda.JERK_LIMITS[:7], [7500, 3750, 5000, 6250, 7500, 10000, 10000])
    for limits in (panda.VELOCITY_LIMITS, panda.ACCELERATION_LIMITS, panda.JERK_LIMITS):
        assert limits.shape == (8,) and np.all(limits > 0)


def test_home_lies_inside_the_limits_and_points_the_open_gripper_down(kinematics):
    assert np.all(panda.POSITION_LIMITS[:, 0] <= panda.HOME) and np.all(panda.POSITION_LIMITS[:, 1] >= panda.HOME)
    data = mujoco.MjData(kinematics)
    data.qpos[:8] = panda.HOME
    mujoco.mj_kinematics(kinematics, data)
    rotation = data.site(panda.TOOL_SITE).xmat.reshape(3, 3)
    np.testing.assert_allclose(rotation, np.diag([1.0, -1.0, -1.0]), atol=1e-6)
    # Known from franka_ros: the ready pose has its flange at x = 0.3069, z = 0.5902, the tool 0.1034 below the hand.
    np.testing.assert_allclose(data.site(panda.TOOL_SITE).xpos, [0.3069, 0.0, 0.4868], atol=2e-4)


def test_the_tool_is_midway_between_the_fingertip_pads(shared_world):
    shared_world.reset(0)
    model, data = shared_world.model, shared_world.data
    pads = []
    for finger in ("panda_left_finger", "panda_right_finger"):
        body = model.body(finger)
        boxes = [
            geom
            for geom in range(body.geomadr[0], body.geomadr[0] + body.geomnum[0])
            if int(model.geom_type[geom]) == int(mujoco.mjtGeom.mjGEOM_BOX)
        ]
        pads.append(np.mean([data.geom_xpos[geom] for geom in boxes], axis=0))
    tool = data.site(panda.TOOL_SITE).xpos
    np.testing.assert_allclose(np.mean(pads, axis=0), tool, atol=1e-3)


def test_gains_are_read_from_the_model(shared_world):
    gains = panda.actuator_gains(shared_world.model)
    np.testing.assert_array_equal(gains.stiffness, [4500, 4500, 3500, 3500, 2000, 2000, 2000, 1000])
    np.testing.assert_array_equal(gains.damping, [*panda.SERVO_DAMPING, 40])
    np.testing.assert_array_equal(gains.effort_limit, [87, 87, 87, 87, 12, 12, 12, 100])
    assert np.all(gains.damping[:7] / gains.stiffness[:7] <= 0.0401)


def test_gains_of_a_model_without_the_actuators_are_refused(kinematics):
    bare = mujoco.MjModel.from_xml_string("<mujoco><worldbody/></mujoco>")
    with pytest.raises(RobotModelError, match="panda_actuator1"):
        panda.actuator_gains(bare)


def test_gains_of_a_torque_motor_are_refused(shared_world):
    model = shared_world.model
    kept = model.actuator_biasprm.copy()
    try:
        model.actuator_biasprm[:] = 0.0
        with pytest.raises(RobotModelError, match="not a position servo"):
            panda.actuator_gains(model)
    finally:
        model.actuator_biasprm[:] = kept


def test_the_robot_is_gravity_compensated_and_its_servos_hold_without_sag(world):
    for _ in range(25):
        world.step(panda.HOME)
    position, velocity, _ = world.joint_state()
    np.testing.assert_allclose(position, panda.HOME, atol=1e-4)
    np.testing.assert_allclose(velocity, 0.0, atol=1e-3)


def test_a_saturating_disturbance_of_the_wrist_dies_out(world):
    command = panda.HOME.copy()
    for sign in (1, -1, 1):
        command[4:7] = panda.HOME[4:7] + 0.2 * sign
        world.step(command)
    for _ in range(50):
        world.step(panda.HOME)
    _, velocity, effort = world.joint_state()
    assert np.abs(velocity).max() < 1e-2 and np.abs(effort[4:7]).max() < 1.0


def test_without_visual_geoms_the_arm_moves_the_same():
    models = []
    for visual in (True, False):
        robot = panda.robot_spec(visual)
        models.append(robot.compile())
    assert models[1].ngeom < models[0].ngeom / 2
    np.testing.assert_array_equal(models[0].body_inertia, models[1].body_inertia)
    states = []
    for model in models:
        data = mujoco.MjData(model)
        data.qpos[:7] = panda.HOME[:7]
        data.ctrl[:7] = panda.HOME[:7] + 0.3
        mujoco.mj_step(model, data, 50)
        states.append(data.qpos.copy())
    assert np.abs(states[0][:7] - panda.HOME[:7]).max() > 0.01
    np.testing.assert_array_equal(*states)
