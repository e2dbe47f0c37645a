import mujoco
import numpy as np
import pytest
import torch

from sim.robots import panda
from sim.robots.kinematics import ChainLink, forward, kinematic_chain
from training.policies.kinematics import ForwardKinematics


@pytest.fixture(scope="module")
def model():
    return panda.kinematics_model()


@pytest.fixture(scope="module")
def joints():
    limits = panda.POSITION_LIMITS[:7]
    return np.random.default_rng(0).uniform(limits[:, 0], limits[:, 1], size=(40, 7))


def test_equals_the_numpy_reference(model, joints):
    chain = kinematic_chain(model)
    kinematics = ForwardKinematics.from_chain(chain)
    assert kinematics.joints == 7
    position, rotation = kinematics(torch.tensor(joints, dtype=torch.float32))
    expected = np.stack([forward(chain, q) for q in joints])
    np.testing.assert_allclose(position, expected[:, :3, 3], atol=1e-6)
    np.testing.assert_allclose(rotation, expected[:, :3, :3], atol=2e-6)


def test_equals_mujoco(model, joints):
    kinematics = ForwardKinematics.from_chain(kinematic_chain(model))
    data = mujoco.MjData(model)
    address = [int(model.joint(name).qposadr[0]) for name in panda.ARM_JOINT_NAMES]
    site = model.site(panda.TOOL_SITE).id
    for q in joints[:10]:
        data.qpos[address] = q
        mujoco.mj_kinematics(model, data)
        position, rotation = kinematics(torch.tensor(q, dtype=torch.float32))
        np.testing.assert_allclose(position, data.site_xpos[site], atol=1e-6)
        np.testing.assert_allclose(rotation.flatten(), data.site_xmat[site], atol=2e-6)


def test_leading_dimensions_are_kept(model, joints):
    kinematics = ForwardKinematics.from_chain(kinematic_chain(model))
    flat = torch.tensor(joints[:6], dtype=torch.float32)
    position, rotation = kinematics(flat.view(2, 3, 7))
    assert position.shape == (2, 3, 3) and rotation.shape == (2, 3, 3, 3)
    torch.testing.assert_close(position.view(6, 3), kinematics(flat)[0])


def test_a_planar_arm_by_hand():
    """Two links of 1 m about z: at (90, -90) degrees the tip is at (1, 1), unrotated."""
    ahead = np.eye(4)
    ahead[0, 3] = 1.0
    kinematics = ForwardKinematics([np.eye(4), ahead], [np.array([0, 0, 2.0]), np.array([0, 0, 1.0])], ahead)
    position, rotation = kinematics(torch.tensor([np.pi / 2, -np.pi / 2], dtype=torch.float32))
    np.testing.assert_allclose(position, [1.0, 1.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(rotation, np.eye(3), atol=1e-6)


def test_gradient_is_the_jacobian(model, joints):
    kinematics = ForwardKinematics.from_chain(kinematic_chain(model)).double()
    q = torch.tensor(joints[0], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: kinematics(x)[0], q.requires_grad_())


def test_chains_it_cannot_do_are_refused():
    rail = ChainLink("rail", np.eye(4), np.array([1.0, 0, 0]), "prismatic")
    with pytest.raises(ValueError, match="joint 'rail' is prismatic"):
        ForwardKinematics.from_chain([rail])
    with pytest.raises(ValueError, match="no joint"):
        ForwardKinematics.from_chain([ChainLink("base", np.eye(4), np.zeros(3), "fixed")])
