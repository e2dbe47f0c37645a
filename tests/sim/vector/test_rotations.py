"""Batched rotations against MuJoCo's own."""

import mujoco
import numpy as np
import pytest

from sim.vector import rotations


@pytest.fixture
def quats():
    q = np.random.default_rng(0).normal(size=(20, 4))
    return q / np.linalg.norm(q, axis=1, keepdims=True)


def test_rotation_equals_mujoco_and_inverts(quats):
    vectors = np.random.default_rng(1).normal(size=(20, 3))
    expected = np.empty_like(vectors)
    for row, q, v in zip(expected, quats, vectors, strict=True):
        mujoco.mju_rotVecQuat(row, v, q)
    np.testing.assert_allclose(rotations.rotate(quats, vectors), expected, atol=1e-12)
    np.testing.assert_allclose(rotations.rotate_inverse(quats, expected), vectors, atol=1e-12)


def test_projected_gravity_is_the_rotated_down_vector(quats):
    down = np.tile([0.0, 0.0, -1.0], (20, 1))
    np.testing.assert_allclose(rotations.projected_gravity(quats), rotations.rotate_inverse(quats, down), atol=1e-12)


@pytest.mark.parametrize("angle", [-3.0, -0.4, 0.0, 1.2])
def test_yaw_survives_roll_and_pitch_of_the_body(angle):
    heading = np.array([[np.cos(angle / 2), 0, 0, np.sin(angle / 2)]])
    tilt = np.array([[np.cos(0.1), np.sin(0.1), 0, 0]])
    both = np.empty(4)
    mujoco.mju_mulQuat(both, heading[0], tilt[0])
    assert rotations.yaw(heading)[0] == pytest.approx(angle)
    assert rotations.yaw(both[None])[0] == pytest.approx(angle)
