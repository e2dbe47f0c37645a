"""Heights of tiles and of the whole ground from their formulas, at the borders too; the curriculum's cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import TaskError
from sim.terrain.curriculum import next_level
from sim.terrain.grid import Terrain, TerrainConfig, height_scan, scan_points
from sim.terrain.tiles import PLATFORM, TILES

CELLS, CELL = 81, 0.1


def tile(name: str, difficulty: float, seed: int = 0) -> np.ndarray:
    return TILES[name](CELLS, CELL, difficulty, np.random.default_rng(seed))


@pytest.mark.parametrize("difficulty", [0.0, 0.3, 1.0])
def test_a_slope_falls_by_its_gradient_from_the_platforms_edge(difficulty: float) -> None:
    heights = tile("slope", difficulty)
    out = 4.0 - PLATFORM  # from the platform's edge to the tile's
    assert heights[40, 0] == pytest.approx(-0.4 * difficulty * out)
    assert heights[0, 0] == heights[40, 0]  # a pyramid: squares of one height
    assert heights[40, 40 - 15] == 0.0 and heights[40, 40 - 16] == pytest.approx(-0.4 * difficulty * 0.1)


@pytest.mark.parametrize(("down", "up"), [("slope", "slope_down"), ("stairs_down", "stairs_up")])
def test_pits_are_hills_upside_down(down: str, up: str) -> None:
    np.testing.assert_array_equal(tile(down, 0.7), -tile(up, 0.7))
    assert tile(down, 0.7).max() == 0.0


@pytest.mark.parametrize(("difficulty", "step"), [(0.0, 0.05), (0.5, 0.14), (1.0, 0.23)])
def test_stairs_are_steps_of_one_height_31_cm_deep(difficulty: float, step: float) -> None:
    line = tile("stairs_down", difficulty)[40, :41]
    drops = np.diff(line)
    assert set(np.round(drops[drops != 0.0], 9)) == {round(step, 9)}
    width = np.diff(np.flatnonzero(drops)) * CELL
    assert width.min() >= 0.3 - 1e-9 and width.max() <= 0.4 + 1e-9
    assert line[0] == pytest.approx(-step * np.ceil((4.0 - PLATFORM) / 0.31))


@pytest.mark.parametrize("name", ["slope", "slope_down", "stairs_up", "stairs_down", "obstacles", "flat"])
def test_the_start_is_level(name: str) -> None:
    inside = tile(name, 1.0)[40 - 14 : 40 + 15, 40 - 14 : 40 + 15]
    assert not inside.any()


@pytest.mark.parametrize("seed", range(4))
def test_bumps_are_bounded_in_steps_of_5_mm_at_their_knots_and_linear_between(seed: int) -> None:
    for difficulty, bound in ((0.0, 0.01), (1.0, 0.05)):
        heights = tile("rough", difficulty, seed)
        assert np.abs(heights).max() <= bound + 1e-12
        knots = heights[::2, ::2]  # 0.2 m apart
        np.testing.assert_allclose(knots / 0.005, np.round(knots / 0.005), atol=1e-9)
        np.testing.assert_allclose(heights[1:-1:2, ::2], (knots[:-1] + knots[1:]) / 2, atol=1e-12)


def test_a_rough_slope_is_both() -> None:
    np.testing.assert_allclose(tile("rough_slope", 0.6, 3), tile("slope", 0.6) + tile("rough", 0.6, 3))


@pytest.mark.parametrize("seed", range(4))
def test_obstacles_have_four_heights(seed: int) -> None:
    found = set(np.unique(np.round(tile("obstacles", 0.5, seed), 9)))
    assert found <= {-0.15, -0.075, 0.0, 0.075, 0.15} and len(found) > 2


CONFIG = TerrainConfig(kinds=("slope", "rough", "stairs_up", "rough_slope"), levels=3, tile=4.0, border=1.0, seed=2)


@pytest.fixture(scope="module")
def ground() -> Terrain:
    return Terrain(CONFIG)


def test_size_and_middle(ground: Terrain) -> None:
    assert ground.heights.shape == (3 * 40 + 2 * 10 + 1, 4 * 40 + 2 * 10 + 1)
    np.testing.assert_allclose(ground._low, [-7.0, -9.0])
    assert ground.height_at(ground._low) == ground.heights[0, 0]


def test_every_tiles_centre_is_on_the_ground(ground: Terrain) -> None:
    np.testing.assert_allclose(ground.height_at(ground.origins[..., :2]), ground.origins[..., 2], atol=1e-9)


def test_the_border_is_flat_and_the_first_level_the_easiest(ground: Terrain) -> None:
    border = np.ones(ground.heights.shape, dtype=bool)
    border[10:-11, 10:-11] = False
    assert not ground.heights[border].any()
    spans = [np.ptp(ground.heights[10 + 40 * k : 50 + 40 * k, 10:50]) for k in range(3)]  # the slope
    assert spans[0] == 0.0 < spans[1] < spans[2] == pytest.approx(0.4 * (1.95 - PLATFORM))


def test_one_level_is_of_difficulty_zero() -> None:
    assert not Terrain(TerrainConfig(kinds=("slope",), levels=1, tile=4.0, border=0.0, start_level=0)).heights.any()


@settings(max_examples=40, deadline=None)
@given(st.floats(-12.0, 12.0), st.floats(-12.0, 12.0))
def test_heights_lie_between_those_of_the_cells_corners(x: float, y: float) -> None:
    terrain = _GROUND
    i, j = np.clip(
        np.floor((np.array([x, y]) - terrain._low) / 0.1).astype(int), 0, np.array(terrain.heights.shape) - 2
    )
    corners = terrain.heights[i : i + 2, j : j + 2]
    height = float(terrain.height_at(np.array([x, y])))
    assert corners.min() - 1e-9 <= height <= corners.max() + 1e-9


_GROUND = Terrain(CONFIG)


def test_beyond_the_edge_the_edge_goes_on(ground: Terrain) -> None:
    far = ground.height_at(np.array([[1e6, 0.0], [-1e6, 0.0], [0.0, 1e6], [0.0, -1e6], [np.inf, -np.inf]]))
    np.testing.assert_allclose(far, 0.0, atol=1e-6)


def test_any_number_of_leading_axes(ground: Terrain) -> None:
    points = np.random.default_rng(0).uniform(-6, 6, (2, 3, 4, 2))
    heights = ground.height_at(points)
    assert heights.shape == (2, 3, 4) and heights[1, 2, 3] == ground.height_at(points[1, 2, 3])
    assert ground.height_at(np.zeros((0, 2))).shape == (0,)


def test_the_same_seed_is_the_same_ground() -> None:
    np.testing.assert_array_equal(Terrain(CONFIG).heights, _GROUND.heights)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"kinds": ("slope", "lava", "acid")}, "acid"),
        ({"kinds": ()}, "kinds"),
        ({"levels": 0}, "0 levels"),
        ({"tile": 0.3}, "tiles of 0.3 m"),
        ({"cell": -0.1}, "cells of -0.1 m"),
        ({"border": -1.0}, "impossible"),
        ({"start_level": 6}, "start_level is 6"),
        ({"start_level": -1}, "start_level is -1"),
    ],
)
def test_what_cannot_be_built_is_named_with_its_fix(options: dict, named: str) -> None:
    with pytest.raises(TaskError, match=named) as caught:
        TerrainConfig(**options)
    assert caught.value.fix


def test_a_scan_is_a_grid_around_the_robot() -> None:
    points = scan_points(0.4, 0.2, 0.2)
    assert points.round(9).tolist() == [[x, y] for x in (-0.2, 0.0, 0.2) for y in (-0.1, 0.1)]
    np.testing.assert_allclose(scan_points().mean(axis=0), 0.0, atol=1e-12)


@pytest.mark.parametrize("yaw", [0.0, 0.7, -2.5, np.pi])
def test_a_scan_turns_by_the_heading(ground: Terrain, yaw: float) -> None:
    points, position = scan_points(1.0, 0.6, 0.2), np.array([[0.4, -1.3, 9.0]])
    turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
    expected = ground.height_at(position[0, :2] + points @ turn.T)
    np.testing.assert_allclose(height_scan(ground, position, np.array([yaw]), points)[0], expected, atol=1e-12)


@pytest.mark.parametrize(
    ("level", "distance", "commanded", "after"),
    [
        (1, 4.1, 100.0, 2),  # out of the tile, although less than half of what was asked
        (1, 4.0, 1.0, 1),  # exactly at the edge is not out
        (1, 1.9, 4.0, 0), (1, 2.0, 4.0, 1), (0, 0.0, 4.0, 0), (1, 0.0, 0.0, 1), (2, 3.9, 8.0, 1),
    ],
)  # fmt: skip
def test_levels_by_hand(level: int, distance: float, commanded: float, after: int) -> None:
    rng = np.random.default_rng(0)
    assert next_level(np.array([level]), np.array([distance]), np.array([commanded]), 3, 8.0, rng).tolist() == [after]


def test_nobody_ended_nobody_moves_and_the_input_is_left_alone() -> None:
    rng, levels = np.random.default_rng(0), np.array([2, 0])
    assert next_level(levels[:0], np.zeros(0), np.zeros(0), 3, 8.0, rng).shape == (0,)
    next_level(levels, np.array([9.0, 9.0]), np.zeros(2), 3, 8.0, rng)
    assert levels.tolist() == [2, 0]
