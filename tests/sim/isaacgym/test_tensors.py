"""Layouts, frames and setters of the tensor API, against analytic motion."""

import mujoco
import numpy as np
import pytest
import torch

from sim.isaacgym.errors import UnsupportedCallError

SIZE = (0.2, 0.3, 0.4)
MASS = 1000.0 * 0.2 * 0.3 * 0.4


def boxes(isaacgym, make, num_envs=3, height=0.2, sides=SIZE, **options):
    """Environments 2 m apart with one box each."""
    gymapi = isaacgym.gymapi
    gym, sim = make(**options)
    asset = gym.create_box(sim, *sides)
    envs = []
    for i in range(num_envs):
        envs.append(gym.create_env(sim, gymapi.Vec3(-1, -1, 0), gymapi.Vec3(1, 1, 1), 2))
        gym.create_actor(envs[-1], asset, gymapi.Transform(gymapi.Vec3(0, 0, height)), "box", i, 0, 0)
    gym.prepare_sim(sim)
    return gym, sim, envs


def views(isaacgym, gym, sim):
    wrap = isaacgym.gymtorch.wrap_tensor
    return wrap(gym.acquire_actor_root_state_tensor(sim)), wrap(gym.acquire_rigid_body_state_tensor(sim))


def test_environments_lie_on_a_grid_and_roots_are_global(isaacgym, make_sim):
    gym, sim, envs = boxes(isaacgym, make_sim)
    root, bodies = views(isaacgym, gym, sim)
    assert root[:, :3].tolist() == pytest.approx(np.array([[0, 0, 0.2], [2, 0, 0.2], [0, 2, 0.2]]), abs=1e-6)
    assert root[:, 3:7].tolist() == [[0, 0, 0, 1]] * 3
    torch.testing.assert_close(root, bodies)
    assert (gym.get_env_origin(envs[1]).x, gym.get_env_origin(envs[2]).y) == (2, 2)


def test_a_spinning_body_has_world_angular_velocity_and_xyzw_quaternions(isaacgym, make_sim):
    """A symmetric free body spins at constant rate about any fixed axis: q(t) = axis-angle(n, w t) * q0."""
    gymapi, gymtorch = isaacgym.gymapi, isaacgym.gymtorch
    gym, sim, _ = boxes(
        isaacgym, make_sim, num_envs=2, height=1.0, sides=(0.2, 0.2, 0.2), dt=0.002, gravity=(0, 0, 0), ground=False
    )
    root, bodies = views(isaacgym, gym, sim)
    axis = np.array([1.0, 2.0, -0.5]) / np.linalg.norm([1.0, 2.0, -0.5])
    q0 = gymapi.Quat.from_euler_zyx(0.7, -0.4, 1.1)
    root[0, 3:7] = torch.tensor([q0.x, q0.y, q0.z, q0.w])
    root[0, 7:10] = torch.tensor([0.3, -0.2, 0.1])
    root[0, 10:] = torch.tensor(3.0 * axis)
    gym.set_actor_root_state_tensor(sim, gymtorch.unwrap_tensor(root))
    for _ in range(100):
        gym.simulate(sim)
    gym.refresh_actor_root_state_tensor(sim)
    gym.refresh_rigid_body_state_tensor(sim)
    expected = gymapi.Quat.from_axis_angle(gymapi.Vec3(*axis), 3.0 * 0.2) * q0
    got = root[0, 3:7].numpy()
    assert abs(np.dot(got, [expected.x, expected.y, expected.z, expected.w])) == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_allclose(root[0, 10:], 3.0 * axis, atol=1e-4)
    np.testing.assert_allclose(root[0, :3], np.array([0, 0, 1]) + 0.2 * np.array([0.3, -0.2, 0.1]), atol=1e-5)
    torch.testing.assert_close(bodies[0, 7:], root[0, 7:], atol=1e-5, rtol=0)


def test_a_box_at_rest_presses_with_its_weight(isaacgym, make_sim):
    gym, sim, _ = boxes(isaacgym, make_sim)
    contact = isaacgym.gymtorch.wrap_tensor(gym.acquire_net_contact_force_tensor(sim))
    for _ in range(200):
        gym.simulate(sim)
    gym.refresh_net_contact_force_tensor(sim)
    np.testing.assert_allclose(contact, [[0, 0, MASS * 9.81]] * 3, atol=0.5)


def test_stacked_boxes_share_out_the_forces(isaacgym, make_sim):
    """Net contact force on each is its own weight, whichever of the two the simulator lists first."""
    gymapi = isaacgym.gymapi
    gym, sim = make_sim()
    asset = gym.create_box(sim, 0.2, 0.2, 0.2)
    env = gym.create_env(sim, gymapi.Vec3(), gymapi.Vec3(), 1)
    for height in (0.3, 0.1):
        gym.create_actor(env, asset, gymapi.Transform(gymapi.Vec3(0, 0, height)), f"box{height}", 0, 0, 0)
    gym.prepare_sim(sim)
    contact = isaacgym.gymtorch.wrap_tensor(gym.acquire_net_contact_force_tensor(sim))
    for _ in range(200):
        gym.simulate(sim)
    gym.refresh_net_contact_force_tensor(sim)
    np.testing.assert_allclose(contact, [[0, 0, 8 * 9.81]] * 2, atol=0.5)


def test_indexed_setter_moves_only_the_named_actors(isaacgym, make_sim):
    gymtorch = isaacgym.gymtorch
    gym, sim, _ = boxes(isaacgym, make_sim)
    root, _ = views(isaacgym, gym, sim)
    before = root.clone()
    root[:, 2] += 5.0
    ids = torch.tensor([2, 0], dtype=torch.int32)
    gym.set_actor_root_state_tensor_indexed(sim, gymtorch.unwrap_tensor(root), gymtorch.unwrap_tensor(ids), 1)
    gym.refresh_actor_root_state_tensor(sim)
    np.testing.assert_allclose(root[:, 2] - before[:, 2], [0, 0, 5], atol=1e-6)


def test_a_push_accelerates_by_force_over_mass_for_one_step(isaacgym, make_sim):
    gymtorch = isaacgym.gymtorch
    gym, sim, _ = boxes(isaacgym, make_sim, height=2.0, gravity=(0, 0, 0), ground=False)
    root, _ = views(isaacgym, gym, sim)
    forces = torch.zeros(3, 3)
    forces[1, 0] = 48.0
    gym.apply_rigid_body_force_tensors(sim, gymtorch.unwrap_tensor(forces), None, isaacgym.gymapi.ENV_SPACE)
    for _ in range(3):
        gym.simulate(sim)
    gym.refresh_actor_root_state_tensor(sim)
    np.testing.assert_allclose(root[:, 7], [0, 48.0 / MASS * 0.005, 0], atol=1e-6)


def test_a_push_off_the_centre_also_turns(isaacgym, make_sim):
    gymtorch = isaacgym.gymtorch
    gym, sim, _ = boxes(isaacgym, make_sim, height=2.0, gravity=(0, 0, 0), ground=False)
    root, _ = views(isaacgym, gym, sim)
    forces, points = torch.zeros(3, 3), root[:, :3].clone()
    forces[1, 0] = 10.0
    points[1, 1] += 0.1
    space = isaacgym.gymapi.GLOBAL_SPACE
    gym.apply_rigid_body_force_at_pos_tensors(
        sim, gymtorch.unwrap_tensor(forces), gymtorch.unwrap_tensor(points), space
    )
    gym.simulate(sim)
    gym.refresh_actor_root_state_tensor(sim)
    inertia = MASS / 12.0 * (0.2**2 + 0.3**2)
    assert root[1, 12] == pytest.approx(-0.1 * 10.0 / inertia * 0.005, rel=1e-3)
    assert abs(root[0, 12]) < 1e-9


def test_local_space_follows_the_body(isaacgym, make_sim):
    gymapi, gymtorch = isaacgym.gymapi, isaacgym.gymtorch
    gym, sim, _ = boxes(isaacgym, make_sim, height=2.0, gravity=(0, 0, 0), ground=False)
    root, _ = views(isaacgym, gym, sim)
    q = gymapi.Quat.from_axis_angle(gymapi.Vec3(0, 0, 1), np.pi / 2)
    root[0, 3:7] = torch.tensor([q.x, q.y, q.z, q.w])
    gym.set_actor_root_state_tensor(sim, gymtorch.unwrap_tensor(root))
    forces = torch.zeros(3, 3)
    forces[0, 0] = 24.0
    gym.apply_rigid_body_force_tensors(sim, gymtorch.unwrap_tensor(forces), None, gymapi.LOCAL_SPACE)
    gym.simulate(sim)
    gym.refresh_actor_root_state_tensor(sim)
    np.testing.assert_allclose(root[0, 7:10], [0, 24.0 / MASS * 0.005, 0], atol=1e-6)


def test_gravity_can_change_while_running(isaacgym, make_sim):
    gym, sim, _ = boxes(isaacgym, make_sim, height=2.0, ground=False)
    root, _ = views(isaacgym, gym, sim)
    params = gym.get_sim_params(sim)
    params.gravity = isaacgym.gymapi.Vec3(0, 0, 2.0)
    gym.set_sim_params(sim, params)
    gym.simulate(sim)
    gym.refresh_actor_root_state_tensor(sim)
    np.testing.assert_allclose(root[:, 9], 0.01, atol=1e-6)
    params.dt = 0.01
    with pytest.raises(UnsupportedCallError, match="dt"):
        gym.set_sim_params(sim, params)


def test_a_diverged_world_starts_over_and_is_counted(isaacgym, make_sim):
    gym, sim, _ = boxes(isaacgym, make_sim)
    root, _ = views(isaacgym, gym, sim)
    sim.physics.engine.qvel[1, 0] = np.nan
    sim.physics.engine.qvel[0, 0] = 0.1
    gym.simulate(sim)
    gym.refresh_actor_root_state_tensor(sim)
    assert sim.physics.unstable == 1 and root[0].isfinite().all()


def test_refresh_writes_into_the_same_memory(isaacgym, make_sim):
    gym, sim, _ = boxes(isaacgym, make_sim, height=2.0)
    root, _ = views(isaacgym, gym, sim)
    pointer = root.data_ptr()
    gym.simulate(sim)
    assert root[0, 9] == 0.0
    gym.refresh_actor_root_state_tensor(sim)
    assert root[0, 9] == pytest.approx(-9.81 * 0.005) and root.data_ptr() == pointer


def test_tensors_must_be_contiguous(isaacgym):
    with pytest.raises(UnsupportedCallError, match="contiguous"):
        isaacgym.gymtorch.unwrap_tensor(torch.zeros(3, 4).T)


def test_the_long_time_step_is_split(isaacgym, make_sim):
    _, sim, _ = boxes(isaacgym, make_sim, dt=1.0 / 60.0)
    assert sim.physics.engine.decimation == 4
    assert sim.physics.base.opt.timestep == pytest.approx(1.0 / 240.0)
    assert int(sim.physics.base.opt.integrator) == int(mujoco.mjtIntegrator.mjINT_IMPLICITFAST)
