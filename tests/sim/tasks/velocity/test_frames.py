"""Rotations against the vectors of the methods digest (section 10.1) and against MuJoCo."""

from __future__ import annotations

import mujoco
import numpy as np

from sim.tasks.velocity.frames import projected_gravity, quat_from_euler, rotate_to_body, rotate_to_world

ROLL_02 = np.array([[np.cos(0.1), np.sin(0.1), 0.0, 0.0]])
PITCH_03 = np.array([[np.cos(0.15), 0.0, np.sin(0.15), 0.0]])
MIXED = np.array([[0.870546, 0.015342, 0.177814, 0.458581]])
"""Roll 0.2, pitch 0.3, yaw 1."""


def test_projected_gravity_vectors() -> None:
    np.testing.assert_allclose(projected_gravity(ROLL_02), [[0.0, -0.198669, -0.980067]], atol=1e-6)
    np.testing.assert_allclose(projected_gravity(PITCH_03), [[0.29552, 0.0, -0.955336]], atol=1e-5)
    np.testing.assert_allclose(projected_gravity(MIXED), [[0.29552, -0.189796, -0.936293]], atol=2e-6)


def test_projected_gravity_does_not_see_the_heading() -> None:
    roll, pitch = np.full(5, 0.2), np.full(5, 0.3)
    gravity = projected_gravity(quat_from_euler(roll, pitch, np.linspace(-3, 3, 5)))
    np.testing.assert_allclose(gravity, np.repeat(gravity[:1], 5, axis=0), atol=1e-12)
    np.testing.assert_allclose(rotate_to_body(MIXED, np.array([0.0, 0.0, -1.0])), gravity[:1], atol=2e-6)


def test_euler_angles_make_the_digests_quaternion() -> None:
    quat = quat_from_euler(np.array([0.2]), np.array([0.3]), np.array([1.0]))
    np.testing.assert_allclose(quat, MIXED, atol=1e-6)


def test_rotations_agree_with_mujoco_and_undo_each_other() -> None:
    rng = np.random.default_rng(0)
    quats = rng.normal(size=(20, 4))
    quats /= np.linalg.norm(quats, axis=1, keepdims=True)
    vectors = rng.normal(size=(20, 3))
    world = rotate_to_world(quats, vectors)
    for quat, vector, turned in zip(quats, vectors, world, strict=True):
        expected = np.empty(3)
        mujoco.mju_rotVecQuat(expected, vector, quat)
        np.testing.assert_allclose(turned, expected, atol=1e-12)
    np.testing.assert_allclose(rotate_to_body(quats, world), vectors, atol=1e-12)
