import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import RobotModelError
from sim.robots import panda
from sim.robots.kinematics import ChainLink, forward, kinematic_chain

MODEL = panda.kinematics_model()
CHAIN = kinematic_chain(MODEL)


def mujoco_pose(position):
    data = mujoco.MjData(MODEL)
    data.qpos[:7] = position
    mujoco.mj_forward(MODEL, data)
    pose = np.eye(4)
    pose[:3, :3] = data.site(panda.TOOL_SITE).xmat.reshape(3, 3)
    pose[:3, 3] = data.site(panda.TOOL_SITE).xpos
    return pose


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.0, 1.0), min_size=7, max_size=7))
def test_the_chain_reproduces_mj_forward(shares):
    low, high = panda.POSITION_LIMITS[:7].T
    position = low + np.array(shares) * (high - low)
    np.testing.assert_allclose(forward(CHAIN, position), mujoco_pose(position), atol=1e-9)


def test_the_links_are_ordered_from_base_to_tool():
    names = [link.name for link in CHAIN]
    assert names == [*panda.ARM_JOINT_NAMES, "panda_hand", panda.TOOL_SITE]
    assert [link.kind for link in CHAIN] == ["revolute"] * 7 + ["fixed"] * 2
    for link in CHAIN:
        np.testing.assert_allclose(link.fixed[:3, :3] @ link.fixed[:3, :3].T, np.eye(3), atol=1e-12)
        np.testing.assert_array_equal(link.fixed[3], [0, 0, 0, 1])
    np.testing.assert_allclose(CHAIN[0].fixed[:3, 3], [0, 0, 0.333])


def test_the_chain_of_the_full_scene_is_the_same(shared_world):
    for ours, theirs in zip(CHAIN, kinematic_chain(shared_world.model), strict=True):
        assert ours.name == theirs.name
        np.testing.assert_allclose(ours.fixed, theirs.fixed, atol=1e-12)


def test_a_hand_computed_chain():
    lift = np.eye(4)
    lift[2, 3] = 0.5
    reach = np.eye(4)
    reach[0, 3] = 1.0
    chain = [
        ChainLink("turn", lift, np.array([0.0, 0.0, 1.0]), "revolute"),
        ChainLink("slide", reach, np.array([1.0, 0.0, 0.0]), "prismatic"),
    ]
    pose = forward(chain, [np.pi / 2, 0.25])
    np.testing.assert_allclose(pose[:3, 3], [0.0, 1.25, 0.5], atol=1e-12)
    np.testing.assert_allclose(pose[:3, 0], [0.0, 1.0, 0.0], atol=1e-12)


def test_unknown_names_and_unrelated_bodies_are_refused():
    with pytest.raises(RobotModelError, match="nose"):
        kinematic_chain(MODEL, site="nose")
    with pytest.raises(RobotModelError, match="not an ancestor"):
        kinematic_chain(MODEL, base="panda_left_finger")


def test_a_body_with_two_joints_is_refused():
    model = mujoco.MjModel.from_xml_string(
        """<mujoco><worldbody><body name="base"><geom size=".1"/><body name="arm">
        <joint name="a"/><joint name="b" axis="1 0 0"/><geom size=".1"/><site name="tip"/>
        </body></body></worldbody></mujoco>"""
    )
    with pytest.raises(RobotModelError, match="arm"):
        kinematic_chain(model, site="tip", base="base")
