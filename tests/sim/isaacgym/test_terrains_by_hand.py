"""Isaac Gym's terrain functions cell by cell, with its rounding and its conventions at the borders."""

import numpy as np
import pytest

from sim.isaacgym.errors import UnsupportedCallError
from sim.isaacgym.shim import terrain_utils as tu
from sim.isaacgym.shim.meshes import heights_of_mesh


def flat(width=10, length=10, vertical=0.1, horizontal=1.0):
    return tu.SubTerrain("t", width, length, vertical, horizontal)


def test_a_patch_starts_flat_in_16_bits():
    t = flat(3, 5)
    assert t.height_field_raw.shape == (3, 5) and t.height_field_raw.dtype == np.int16
    assert not t.height_field_raw.any()


def test_a_hill_is_a_product_of_ramps():
    """top = slope * horizontal / vertical * width / 2 = 0.5 * 10 * 5 = 25; ramp = 1 - |i - 5| / 5."""
    t = tu.pyramid_sloped_terrain(flat(), slope=0.5, platform_size=0.0)
    ramp = np.array([0, 0.2, 0.4, 0.6, 0.8, 1.0, 0.8, 0.6, 0.4, 0.2])
    assert t.height_field_raw[:, 5].tolist() == [0, 5, 10, 15, 20, 25, 20, 15, 10, 5]
    np.testing.assert_array_equal(t.height_field_raw, (25 * np.outer(ramp, ramp)).astype(np.int16))


def test_its_top_is_cut_at_the_platforms_corner():
    t = tu.pyramid_sloped_terrain(flat(), slope=0.5, platform_size=4.0)
    assert t.height_field_raw.max() == int(25 * 0.6 * 0.6) == t.height_field_raw[3, 3]
    assert (t.height_field_raw[3:8, 5] == 9).all()


def test_a_pit_is_a_hill_upside_down():
    hill = tu.pyramid_sloped_terrain(flat(), slope=0.5, platform_size=2.0).height_field_raw
    pit = tu.pyramid_sloped_terrain(flat(), slope=-0.5, platform_size=2.0).height_field_raw
    np.testing.assert_array_equal(pit, -hill)


def test_a_platform_larger_than_the_patch_leaves_it_flat():
    assert not tu.pyramid_sloped_terrain(flat(), slope=1.0, platform_size=50.0).height_field_raw.any()


def test_stairs_of_a_patch_that_is_not_square():
    t = tu.pyramid_stairs_terrain(flat(6, 9), step_width=1.0, step_height=0.2, platform_size=2.0)
    assert t.height_field_raw[:, 4].tolist() == [0, 2, 4, 4, 2, 0]
    assert t.height_field_raw[2, :].tolist() == [0, 2, 4, 4, 4, 4, 4, 2, 0]


@pytest.mark.parametrize(("step", "raw"), [(0.17, 34), (0.29, 58), (-0.17, -34)])
def test_heights_are_rounded_and_not_cut(step, raw):
    """0.17 / 0.005 is 33.999... in floating point."""
    t = tu.pyramid_stairs_terrain(flat(4, 4, 0.005), 1.0, step, platform_size=2.0)
    assert t.height_field_raw[1, 1] == raw


def test_a_step_wider_than_the_patch_leaves_it_flat():
    assert not tu.pyramid_stairs_terrain(flat(), step_width=8.0, step_height=1.0).height_field_raw.any()
    assert not tu.pyramid_stairs_terrain(flat(), step_width=0.0, step_height=1.0).height_field_raw.any()


@pytest.mark.parametrize("platform", [4.0, 10.0, 14.0, 100.0])
def test_the_platform_among_stones_is_flat_up_to_its_size(platform):
    np.random.seed(0)  # noqa: NPY002  # the functions draw from it, as Isaac Gym's do
    t = tu.stepping_stones_terrain(flat(), 1.0, 1.0, 0.0, platform_size=platform, depth=-1.0)
    half = min(int(platform) // 2, 5)
    assert not t.height_field_raw[5 - half : 5 + half, 5 - half : 5 + half].any()
    if half < 5:
        assert t.height_field_raw[1, 1] == -10


def test_stones_and_gaps_alternate():
    np.random.seed(0)  # noqa: NPY002
    t = tu.stepping_stones_terrain(flat(), 2.0, 1.0, 0.0, platform_size=0.0, depth=-2.0)
    line = [0, 0, -20, 0, 0, -20, 0, 0, -20, 0]
    assert t.height_field_raw[0].tolist() == line and t.height_field_raw[:, 0].tolist() == line
    assert (t.height_field_raw[2] == -20).all()


def test_stones_have_heights_up_to_the_largest():
    np.random.seed(0)  # noqa: NPY002
    t = tu.stepping_stones_terrain(flat(60, 60), 1.0, 1.0, 0.3, platform_size=0.0, depth=-9.0)
    assert sorted(set(t.height_field_raw[::2, ::2].ravel().tolist())) == [-4, -3, -2, -1, 0, 1, 2, 3]


def test_obstacles_have_four_heights_and_stay_inside():
    np.random.seed(2)  # noqa: NPY002
    t = tu.discrete_obstacles_terrain(flat(30, 20), 0.5, 2.0, 4.0, 40, platform_size=4.0)
    assert set(np.unique(t.height_field_raw)) == {-5, -3, 0, 2, 5}  # -5 // 2 is -3, as in Isaac Gym
    assert not t.height_field_raw[13:17, 8:12].any()


def test_roughness_is_added_to_what_is_there():
    np.random.seed(0)  # noqa: NPY002
    t = flat()
    t.height_field_raw[:] = 100
    tu.random_uniform_terrain(t, 0.3, 0.3, 0.1)
    assert (t.height_field_raw == 103).all()


def test_coarse_roughness_is_linear_between_its_knots():
    np.random.seed(3)  # noqa: NPY002
    t = flat(9, 9, 0.001, 1.0)
    tu.random_uniform_terrain(t, -1.0, 1.0, 0.01, downsampled_scale=3.0)
    raw = t.height_field_raw.astype(int)
    assert np.abs(np.diff(raw[:5, 0], n=2)).max() <= 2 and np.abs(np.diff(raw, axis=0)).max() > 5


def test_the_same_seed_gives_the_same_ground():
    def ground(seed):
        np.random.seed(seed)  # noqa: NPY002
        return tu.random_uniform_terrain(flat(), -0.5, 0.5, 0.1).height_field_raw

    np.testing.assert_array_equal(ground(1), ground(1))
    assert (ground(1) != ground(2)).any()


def test_vertices_and_triangles_of_a_small_grid():
    vertices, triangles = tu.convert_heightfield_to_trimesh(np.array([[0, 1, 2], [3, 4, 5]], np.int16), 2.0, 0.5)
    assert vertices.tolist() == [[0, 0, 0], [0, 2, 0.5], [0, 4, 1], [2, 0, 1.5], [2, 2, 2], [2, 4, 2.5]]
    assert {tuple(sorted(t)) for t in triangles.tolist()} == {(0, 1, 4), (1, 2, 5), (0, 3, 4), (1, 4, 5)}
    assert vertices.dtype == np.float32 and triangles.dtype == np.uint32


def grid(rows=3, columns=4, cell=0.25, at=(0.0, 0.0)):
    x, y = np.meshgrid(np.arange(rows) * cell + at[0], np.arange(columns) * cell + at[1], indexing="ij")
    return np.stack([x, y, x + 10 * y], axis=-1).reshape(-1, 3)


def test_a_mesh_away_from_the_origin_keeps_its_corner_and_heights():
    heights, corner, cell = heights_of_mesh(grid(at=(-3.0, 7.0)))
    assert corner.tolist() == [-3.0, 7.0, 0.0] and cell == pytest.approx(0.25) and heights.shape == (3, 4)
    assert heights[2, 3] == pytest.approx(-2.5 + 77.5)


def test_of_vertices_above_each_other_the_highest_counts():
    points = np.concatenate([grid(), [[0.25, 0.5, 99.0], [0.25, 0.5, -99.0]]])
    assert heights_of_mesh(points)[0][1, 2] == 99.0


def test_the_order_of_vertices_does_not_matter():
    points = grid()
    shuffled = np.random.default_rng(0).permutation(points)
    np.testing.assert_array_equal(heights_of_mesh(points)[0], heights_of_mesh(shuffled)[0])


@pytest.mark.parametrize("points", [np.zeros((1, 3)), np.zeros((4, 3)), np.array([[0, 0, 0], [1, 0, 0], [1.5, 0, 0]])])
def test_what_is_no_grid_is_refused_or_read(points):
    if len(points) == 3:
        assert heights_of_mesh(points)[2] == pytest.approx(0.5)
    else:
        with pytest.raises(UnsupportedCallError, match="off a grid"):
            heights_of_mesh(points)
