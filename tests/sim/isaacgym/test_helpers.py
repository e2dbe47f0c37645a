"""torch_utils against scipy's rotations, terrains, and meshes as height fields."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from sim.isaacgym.errors import UnsupportedCallError
from sim.isaacgym.shim import terrain_utils as tu
from sim.isaacgym.shim import torch_utils as u
from sim.isaacgym.shim.meshes import heights_of_mesh


@pytest.fixture
def rotations():
    """Two batches of scipy rotations, the same as xyzw tensors, and vectors."""
    rng = np.random.default_rng(3)
    a, b = Rotation.random(6, rng), Rotation.random(6, rng)
    v = rng.normal(size=(6, 3))
    return a, b, torch.tensor(a.as_quat()), torch.tensor(b.as_quat()), v, torch.tensor(v)


def same(q, rotation):
    """Equal up to the sign of the quaternion."""
    np.testing.assert_allclose(np.abs((q.numpy() * rotation.as_quat()).sum(axis=1)), 1.0, atol=1e-12)


def test_products_and_rotated_vectors(rotations):
    a, b, qa, qb, v, tv = rotations
    same(u.quat_mul(qa, qb), a * b)
    np.testing.assert_allclose(u.quat_rotate(qa, tv), a.apply(v), atol=1e-12)
    np.testing.assert_allclose(u.quat_rotate_inverse(qa, tv), a.inv().apply(v), atol=1e-12)
    np.testing.assert_allclose(u.quat_apply(qa, tv.view(2, 3, 3)).view(6, 3), a.apply(v), atol=1e-12)
    np.testing.assert_allclose(u.quat_axis(qa, 1), a.apply([0, 1, 0]), atol=1e-12)


def test_euler_angles_and_angle_axis(rotations):
    a, _, qa, *_ = rotations
    roll, pitch, yaw = u.get_euler_xyz(qa)
    same(u.quat_from_euler_xyz(roll, pitch, yaw), a)
    np.testing.assert_allclose(yaw, a.as_euler("ZYX")[:, 0] % (2 * np.pi), atol=1e-9)
    vector = a.as_rotvec()
    angle = np.linalg.norm(vector, axis=1)
    same(u.quat_from_angle_axis(torch.tensor(angle), torch.tensor(vector)), a)


def test_transforms(rotations):
    a, b, qa, qb, v, tv = rotations
    q, t = u.tf_combine(qa, tv, qb, 2 * tv)
    same(q, a * b)
    np.testing.assert_allclose(t, a.apply(2 * v) + v, atol=1e-12)
    back = u.tf_apply(*u.tf_inverse(qa, tv), u.tf_apply(qa, tv, tv))
    np.testing.assert_allclose(back, v, atol=1e-12)


def test_heading_and_local_velocities(rotations):
    a, _, qa, _, v, tv = rotations
    identity = torch.tensor([[0.0, 0, 0, 1]]).double().expand(6, 4)
    basis = torch.eye(3).double()
    _, up, heading, _, _ = u.compute_heading_and_up(qa, identity, tv, basis[0].expand(6, 3), basis[2].expand(6, 3), 2)
    np.testing.assert_allclose(up, a.apply([0, 0, 1])[:, 2], atol=1e-12)
    direction = v / np.linalg.norm(v, axis=1, keepdims=True)
    np.testing.assert_allclose(heading, (a.apply([1, 0, 0]) * direction).sum(axis=1), atol=1e-9)
    local, spin, _, _, yaw, angle = u.compute_rot(qa, tv, 2 * tv, tv, torch.zeros(6, 3).double())
    np.testing.assert_allclose(spin, 2 * local, atol=1e-12)
    np.testing.assert_allclose(angle + yaw, np.arctan2(v[:, 2], v[:, 0]), atol=1e-12)  # z: as IsaacGymEnvs has it


def test_scaling_clamping_and_random_numbers():
    low, high = torch.tensor([-2.0]), torch.tensor([4.0])
    x = torch.tensor([0.5])
    assert u.scale(x, low, high).item() == pytest.approx(2.5)
    torch.testing.assert_close(u.unscale(u.scale(x, low, high), low, high), x)
    assert u.tensor_clamp(torch.tensor([9.0, -9.0]), low, high).tolist() == [4.0, -2.0]
    assert u.get_axis_params(0.4, 2) == [0.0, 0.0, 0.4]
    assert u.normalize_angle(torch.tensor([3 * np.pi / 2])).item() == pytest.approx(-np.pi / 2)
    assert u.copysign(2.0, torch.tensor([-3.0, 1.0])).tolist() == [-2.0, 2.0]
    torch.manual_seed(0)
    numbers = u.torch_rand_float(1.0, 2.0, (50, 2), "cpu")
    assert numbers.shape == (50, 2) and numbers.min() >= 1.0 and numbers.max() <= 2.0
    np.testing.assert_allclose(u.torch_random_dir_2((7, 1), "cpu").norm(dim=1), 1.0, rtol=1e-6)


def terrain():
    return tu.SubTerrain("t", width=40, length=40, vertical_scale=0.01, horizontal_scale=0.1)


def test_stairs_rise_by_one_step_to_the_platform():
    t = tu.pyramid_stairs_terrain(terrain(), step_width=0.3, step_height=0.1, platform_size=1.0)
    middle = t.height_field_raw[20]
    assert middle[:12].tolist() == [0] * 3 + [10] * 3 + [20] * 3 + [30] * 3
    assert (t.height_field_raw == t.height_field_raw[::-1]).all()
    down = tu.pyramid_stairs_terrain(terrain(), 0.3, -0.1)
    assert down.height_field_raw.min() == -t.height_field_raw.max()


def test_slope_has_its_gradient_and_a_flat_top():
    t = tu.pyramid_sloped_terrain(terrain(), slope=0.5, platform_size=1.0)
    np.testing.assert_allclose(np.diff(t.height_field_raw[20, :12]), 5, atol=1)  # cut at the platform's corner
    assert len(set(t.height_field_raw[20, 15:25])) == 1


def test_random_terrains_stay_within_their_heights():
    np.random.seed(0)  # noqa: NPY002  # the functions draw from it, as Isaac Gym's do
    t = tu.random_uniform_terrain(terrain(), -0.05, 0.05, 0.01, downsampled_scale=0.2)
    assert -5 <= t.height_field_raw.min() < 0 < t.height_field_raw.max() <= 5
    t = tu.discrete_obstacles_terrain(terrain(), 0.2, 0.3, 0.8, 20, platform_size=1.0)
    assert set(np.unique(t.height_field_raw)) <= {-20, -10, 0, 10, 20} and not t.height_field_raw[15:25, 15:25].any()
    t = tu.stepping_stones_terrain(terrain(), 0.5, 0.2, 0.0, platform_size=1.0, depth=-1.0)
    assert set(np.unique(t.height_field_raw)) == {-100, 0}


def test_a_mesh_made_from_heights_becomes_the_same_heights():
    np.random.seed(1)  # noqa: NPY002
    t = tu.random_uniform_terrain(terrain(), -0.1, 0.1, 0.01)
    vertices, triangles = tu.convert_heightfield_to_trimesh(t.height_field_raw, 0.1, 0.01, 0.75)
    assert triangles.shape == (2 * 39 * 39, 3) and triangles.max() == 40 * 40 - 1
    edges = vertices[triangles[:, 1]] - vertices[triangles[:, 0]], vertices[triangles[:, 2]] - vertices[triangles[:, 0]]
    assert (np.cross(*edges)[:, 2] > 0).all()
    grid, corner, cell = heights_of_mesh(vertices.astype(float))
    np.testing.assert_allclose(grid, t.height_field_raw * 0.01, atol=1e-6)
    assert corner.tolist() == [0, 0, 0] and cell == pytest.approx(0.1)


def test_moved_vertices_leave_holes_that_are_filled():
    vertices, _ = tu.convert_heightfield_to_trimesh(np.repeat([[0], [5], [9]], 4, axis=1), 0.5, 0.1)
    moved = vertices.astype(float)
    moved[4:8, 0] += 0.5
    grid, *_ = heights_of_mesh(moved)
    assert grid[:, 0].tolist() == pytest.approx([0.0, 0.0, 0.9])
    with pytest.raises(UnsupportedCallError, match="grid"):
        heights_of_mesh(np.random.default_rng(0).normal(size=(20, 3)))
