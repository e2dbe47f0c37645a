"""ALOHA's description and the closed-form kinematics of its arms, against MuJoCo's own."""

import mujoco
import numpy as np
import pytest

from sim.errors import RobotModelError
from sim.robots import aloha
from sim.robots.aloha_arm import FOREARM, SHOULDER_HEIGHT, WRIST, ToolPose, forward, inverse


@pytest.fixture(scope="module")
def model():
    return aloha.robot_spec().compile()


def site_pose(model, side, joints):
    data = mujoco.MjData(model)
    for name, value in zip(aloha.ARM_JOINTS, joints, strict=True):
        data.qpos[model.joint(f"{side}/{name}").qposadr[0]] = value
    mujoco.mj_kinematics(model, data)
    site = model.site(aloha.TOOL_SITES[side]).id
    return data.site_xpos[site].copy(), data.site_xmat[site].reshape(3, 3).copy()


def test_names_limits_and_home_agree_with_the_model(model):
    assert len(aloha.JOINT_NAMES) == 14 and aloha.JOINT_NAMES[6:8] == ("left_gripper", "right_waist")
    for name, (low, high) in zip(aloha.JOINT_NAMES, aloha.POSITION_LIMITS, strict=True):
        actuator = model.actuator(aloha.model_name(name))
        np.testing.assert_allclose(actuator.ctrlrange, (low, high), atol=1e-9, err_msg=name)
    assert (aloha.POSITION_LIMITS[:, 0] <= aloha.HOME).all() and (aloha.POSITION_LIMITS[:, 1] >= aloha.HOME).all()
    assert set(range(14)) == set(aloha.ARM_ROWS) | set(aloha.GRIPPER_ROWS)


def test_gains_are_those_of_the_menagerie_file(model):
    gains = aloha.actuator_gains(model)
    np.testing.assert_allclose(gains.stiffness[:7], [43, 265, 227, 78, 37, 10.4, 2000])
    np.testing.assert_allclose(gains.damping[:7], [5.76, 20.0, 18.49, 6.78, 6.28, 1.2, 124 + 40])
    np.testing.assert_allclose(gains.effort_limit[:6], [35, 144, 59, 22, 35, 35])
    for values in vars(gains).values():
        np.testing.assert_array_equal(values[:7], values[7:])


def test_a_model_of_another_robot_is_refused():
    with pytest.raises(RobotModelError, match="left/waist"):
        aloha.actuator_gains(mujoco.MjModel.from_xml_string("<mujoco/>"))


@pytest.mark.parametrize("side", aloha.SIDES)
def test_forward_and_inverse_agree_with_mujoco(model, side):
    rng = np.random.default_rng(4)
    for _ in range(30):
        joints = np.array([rng.uniform(-1, 1), rng.uniform(-0.6, 0.6), rng.uniform(-0.6, 1.2), 0.0,
                           rng.uniform(-0.8, 1.0), rng.uniform(-1, 1)])  # fmt: skip
        pose = forward(side, joints)
        position, rotation = site_pose(model, side, joints)
        np.testing.assert_allclose(pose.position, position, atol=1e-9)
        assert -rotation[2, 0] == pytest.approx(np.sin(pose.pitch), abs=1e-9)
        np.testing.assert_allclose(inverse(side, pose), joints, atol=1e-6)


def test_the_arms_face_each_other():
    for side, sign in (("left", 1.0), ("right", -1.0)):
        level = np.pi / 2 - np.arctan2(0.05955, 0.3)
        stretched = forward(side, [0.0, level, -level, 0.0, 0.0, 0.0])
        reach = np.hypot(0.05955, 0.3) + FOREARM + WRIST
        expected = np.add(aloha.BASES[side], (sign * reach, 0.0, SHOULDER_HEIGHT))
        np.testing.assert_allclose(stretched.position, expected, atol=1e-9)
        assert stretched.pitch == pytest.approx(0.0)


def test_out_of_reach_the_arm_is_stretched_towards_the_goal():
    joints = inverse("left", ToolPose(np.array([2.0, -0.019, SHOULDER_HEIGHT + 0.02]), 0.0, 0.0))
    assert np.isfinite(joints).all() and joints[0] == pytest.approx(0.0)
    assert forward("left", joints).position[0] == pytest.approx(-0.469 + np.hypot(0.05955, 0.3) + FOREARM + WRIST)
