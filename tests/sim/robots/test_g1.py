"""The G1's description agrees with its constants, stands for a moment, and its task runs."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from sim.robots import g1
from sim.tasks.velocity import mirror
from sim.tasks.velocity.config import ResetConfig
from sim.tasks.velocity.robots import g1_robot
from sim.tasks.velocity.tasks import g1_flat
from sim.vector import VectorEnv

STILL = ResetConfig(height_margin=0.0, position=0.0, yaw=(0.0, 0.0), tilt=0.0, joint_offset=0.0, velocity=0.0)


@pytest.fixture(scope="module")
def model() -> mujoco.MjModel:
    return g1.robot_spec(meshes=False).compile()


def test_names_limits_and_gains(model: mujoco.MjModel) -> None:
    assert len(g1.JOINT_NAMES) == 29
    assert tuple(model.joint(i).name for i in range(1, model.njnt)) == g1.JOINT_NAMES
    np.testing.assert_allclose(model.jnt_actfrcrange[1:, 1], g1.EFFORT_LIMITS)
    np.testing.assert_allclose(model.actuator_forcerange[:, 1], g1.EFFORT_LIMITS)
    np.testing.assert_allclose(model.actuator_gainprm[:, 0], g1.STIFFNESS)
    assert model.nmesh == 0


def test_feet_touch_at_the_default_height_and_below_the_hips(model: mujoco.MjModel) -> None:
    data = mujoco.MjData(model)
    data.qpos[:7] = (0, 0, g1.DEFAULT_HEIGHT, 1, 0, 0, 0)
    data.qpos[7:] = g1.DEFAULT_POSE
    mujoco.mj_forward(model, data)
    for foot in g1.FOOT_GEOMS:
        geom = model.geom(foot)
        bottom = data.geom(foot).xpos[2] - geom.size[2]
        assert bottom == pytest.approx(0.0, abs=0.02)
        assert abs(data.geom(foot).xmat.reshape(3, 3)[2, 2]) > 0.999
    assert abs(data.subtree_com[0][0] - data.geom(g1.FOOT_GEOMS[0]).xpos[0]) < 0.06


def test_mirror_keeps_the_default_pose() -> None:
    robot = g1_robot()
    joints = mirror.joints(robot.joints, robot.mirrored, robot.flipped)
    np.testing.assert_allclose(joints(g1.DEFAULT_POSE), g1.DEFAULT_POSE)
    low, high = robot.position_limits.T
    np.testing.assert_allclose(np.sort(np.stack([joints(low), joints(high)]), axis=0), np.stack([low, high]), atol=1e-3)


def test_the_task_stands_for_half_a_second() -> None:
    env = VectorEnv(g1_flat(randomization=None, reset=STILL, pushes=None), 2, seed=0, num_threads=0)
    obs, _ = env.reset()
    assert obs["policy"].shape == (2, 9 + 3 * 29)
    for _ in range(25):
        _, reward, terminated, *_ = env.step(np.zeros((2, 29), dtype=np.float32))
        assert not terminated.any()
    state = env.task.read(env.context)
    weight = env.task.model.body_mass.sum() * 9.81
    np.testing.assert_allclose(state.foot_force.sum(axis=1), weight, rtol=0.35)
    assert np.isfinite(reward).all()
    env.close()
