"""Frames and units of the root tensor against motion that can be written down."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

G = 9.81
DT = 0.002


@pytest.fixture
def flight(isaacgym, make_sim):
    """Three free boxes of unequal sides, each in an environment of its own, without ground."""
    gymapi, gymtorch = isaacgym.gymapi, isaacgym.gymtorch
    gym, sim = make_sim(dt=DT, gravity=(0, 0, -G), ground=False)
    asset = gym.create_box(sim, 0.2, 0.3, 0.4)
    for i in range(3):
        env = gym.create_env(sim, gymapi.Vec3(-1, -1, 0), gymapi.Vec3(1, 1, 1), 3)
        gym.create_actor(env, asset, gymapi.Transform(gymapi.Vec3(0, 0, 5)), "box", i, 0, 0)
    gym.prepare_sim(sim)
    root = gymtorch.wrap_tensor(gym.acquire_actor_root_state_tensor(sim))

    def go(states, steps):
        root[:] = torch.as_tensor(np.array(states), dtype=torch.float32)
        gym.set_actor_root_state_tensor(sim, gymtorch.unwrap_tensor(root))
        for _ in range(steps):
            gym.simulate(sim)
        gym.refresh_actor_root_state_tensor(sim)
        return root.double().numpy().copy()

    return go


def state(rotation, position=(0, 0, 5), velocity=(0, 0, 0), spin=(0, 0, 0)):
    return np.concatenate([position, rotation.as_quat(), velocity, spin])


TILTED = Rotation.from_euler("ZYX", [0.9, -0.5, 0.3])


def test_what_is_set_is_read_whatever_the_attitude(flight):
    states = [state(TILTED, (i, -i, 5), (1, 2, 3), (-0.4, 0.5, 0.6)) for i in range(3)]
    np.testing.assert_allclose(flight(states, 0), states, atol=1e-5)


def test_a_thrown_box_falls_on_a_parabola(flight):
    """Semi-implicit steps: z = z0 + v t - g t (t + dt) / 2, exactly."""
    steps = 100
    t = steps * DT
    velocity = np.array([1.5, -0.7, 4.0])
    found = flight([state(TILTED, (i * 2, 0, 5), velocity) for i in range(3)], steps)
    for i in range(3):
        expected = np.array([i * 2, 0, 5]) + velocity * t - [0, 0, G * t * (t + DT) / 2]
        np.testing.assert_allclose(found[i, :3], expected, atol=2e-5)
        np.testing.assert_allclose(found[i, 7:10], velocity - [0, 0, G * t], atol=1e-4)
    np.testing.assert_allclose(np.abs(found[:, 3:7] @ TILTED.as_quat()), 1.0, atol=1e-6)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_spin_about_a_principal_axis_is_constant_in_the_world(flight, axis):
    """The body axis lies along R e; the angular velocity is a world vector, so it is that axis times the rate."""
    rate, steps = 4.0, 150
    direction = TILTED.apply(np.eye(3)[axis])
    found = flight([state(TILTED, (i * 2, 0, 5), spin=rate * direction) for i in range(3)], steps)
    expected = Rotation.from_rotvec(rate * steps * DT * direction) * TILTED
    for row in found:
        np.testing.assert_allclose(row[10:], rate * direction, atol=1e-3)
        assert abs(row[3:7] @ expected.as_quat()) == pytest.approx(1.0, abs=1e-6)


def test_a_torque_free_tumble_keeps_its_angular_momentum_in_the_world(flight):
    sides = np.array([0.2, 0.3, 0.4])
    mass = 1000.0 * sides.prod()
    inertia = np.diag(mass / 12.0 * (np.square(sides).sum() - np.square(sides)))
    spin = np.array([1.0, -2.0, 1.5])

    def momentum(row):
        r = Rotation.from_quat(row[3:7]).as_matrix()
        return r @ inertia @ r.T @ row[10:]

    start = [state(TILTED, (i * 2, 0, 5), spin=spin) for i in range(3)]
    found = flight(start, 150)
    np.testing.assert_allclose(momentum(found[0]), momentum(np.array(start[0])), rtol=0.01)
    assert np.linalg.norm(found[0, 10:] - spin) > 0.1  # while the rate itself wanders


def test_a_quaternion_that_is_not_a_unit_is_made_one(flight):
    states = [state(TILTED, (i * 2, 0, 5)) for i in range(3)]
    for row in states:
        row[3:7] *= 3.0
    found = flight(states, 0)
    np.testing.assert_allclose(found[:, 3:7], np.tile(TILTED.as_quat(), (3, 1)), atol=1e-6)
