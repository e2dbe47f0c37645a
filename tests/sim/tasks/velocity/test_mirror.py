"""The mirror is its own inverse, swaps the right things, and the physics agrees with it."""

from __future__ import annotations

import mujoco
import numpy as np

from sim.robots import go1
from sim.tasks.velocity import mirror
from sim.tasks.velocity.config import VelocityConfig
from sim.tasks.velocity.robots import go1_robot
from sim.tasks.velocity.scene import build_model

ROBOT = go1_robot()
JOINTS = mirror.joints(ROBOT.joints, ROBOT.mirrored, ROBOT.flipped)


def test_joints_change_sides_and_hips_change_sign() -> None:
    vector = np.arange(1.0, 13.0)
    np.testing.assert_allclose(JOINTS(vector), [-4, 5, 6, -1, 2, 3, -10, 11, 12, -7, 8, 9])
    np.testing.assert_allclose(JOINTS(go1.DEFAULT_POSE), go1.DEFAULT_POSE)


def test_observation_mirror_is_an_involution() -> None:
    whole = mirror.actor_mirror(JOINTS)
    vector = np.random.default_rng(0).normal(size=(3, 45)).astype(np.float32)
    np.testing.assert_array_equal(whole(whole(vector)), vector)
    np.testing.assert_allclose(whole(vector)[:, :9], vector[:, :9] * [-1, 1, -1, 1, -1, 1, 1, -1, -1])


def test_mirrored_commands_give_mirrored_motion() -> None:
    """Two simulations of the same robot, one with mirrored joint targets, stay mirror images of each other."""
    model = build_model(ROBOT, VelocityConfig(solver_iterations=100, line_search=50))
    # Menagerie's trunk has its centre of mass 2 mm off the middle; the symmetry under test is that of the joints.
    model.body(ROBOT.base).ipos[1] = 0.0
    model.body(ROBOT.base).iquat[:] = (np.sqrt(0.5), 0.0, np.sqrt(0.5), 0.0)
    left, right = mujoco.MjData(model), mujoco.MjData(model)
    for data in (left, right):
        data.qpos[:7] = (0, 0, go1.DEFAULT_HEIGHT + 0.02, 1, 0, 0, 0)
        data.qpos[7:] = go1.DEFAULT_POSE
    rng = np.random.default_rng(1)
    for _ in range(10):
        action = 0.2 * rng.normal(size=12)
        left.ctrl[:] = go1.DEFAULT_POSE + action
        right.ctrl[:] = go1.DEFAULT_POSE + JOINTS(action)
        mujoco.mj_step(model, left, 4)
        mujoco.mj_step(model, right, 4)
    np.testing.assert_allclose(right.qpos[7:], JOINTS(left.qpos[7:]), atol=0.01)
    np.testing.assert_allclose(right.qpos[:3], mirror.polar()(left.qpos[:3]), atol=0.003)
    np.testing.assert_allclose(right.qvel[3:6], mirror.axial()(left.qvel[3:6]), atol=0.1)
    assert np.abs(left.qpos[7:] - JOINTS(left.qpos[7:])).max() > 0.05
