"""Tiles have the heights that their formulas say."""

from __future__ import annotations

import numpy as np
import pytest

from sim.terrain.tiles import TILES, obstacles, rough, slope, stairs_down, stairs_up

CELLS, CELL = 80, 0.1


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("name", TILES)
@pytest.mark.parametrize("difficulty", [0.0, 1.0])
def test_every_tile_is_square_and_finite_and_reproducible(name: str, difficulty: float) -> None:
    tile = TILES[name](CELLS, CELL, difficulty, _rng())
    assert tile.shape == (CELLS, CELLS)
    assert np.isfinite(tile).all()
    np.testing.assert_array_equal(tile, TILES[name](CELLS, CELL, difficulty, _rng()))


def test_slope_has_its_gradient_beyond_the_platform() -> None:
    tile = slope(CELLS, CELL, 0.5, _rng())
    middle = CELLS // 2
    assert not tile[middle - 14 : middle + 14, middle - 14 : middle + 14].any()
    np.testing.assert_allclose(np.diff(tile[:20, middle]), 0.2 * CELL, atol=1e-12)
    np.testing.assert_allclose(tile, tile.T)


def test_stairs_have_steps_of_one_height() -> None:
    tile = stairs_down(CELLS, CELL, 0.5, _rng())
    levels = np.unique(tile.round(9))
    np.testing.assert_allclose(np.diff(levels), 0.14)
    assert levels.max() == 0.0
    np.testing.assert_allclose(stairs_up(CELLS, CELL, 0.5, _rng()), -tile)


def test_roughness_grows_with_difficulty() -> None:
    easy, hard = (np.abs(rough(CELLS, CELL, d, _rng())).max() for d in (0.0, 1.0))
    assert 0.005 <= easy <= 0.01
    assert 0.04 < hard <= 0.05


def test_obstacles_leave_the_platform_free() -> None:
    tile = obstacles(CELLS, CELL, 1.0, _rng())
    assert set(np.unique(tile.round(6))) <= {-0.25, -0.125, 0.0, 0.125, 0.25}
    assert tile.any()
    middle = CELLS // 2
    assert not tile[middle - 10 : middle + 10, middle - 10 : middle + 10].any()
