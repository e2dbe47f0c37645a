"""Promotion, demotion, and what follows the last level."""

from __future__ import annotations

import numpy as np

from sim.terrain.curriculum import next_level

TILE, LEVELS = 8.0, 4


def _next(level: int, distance: float, commanded: float) -> int:
    result = next_level(
        np.array([level]), np.array([distance]), np.array([commanded]), LEVELS, TILE, np.random.default_rng(0)
    )
    return int(result[0])


def test_leaving_the_tile_goes_up() -> None:
    assert _next(1, 4.1, 20.0) == 2


def test_less_than_half_of_the_way_goes_down_but_not_below_zero() -> None:
    assert _next(2, 1.0, 3.0) == 1
    assert _next(0, 0.0, 3.0) == 0


def test_in_between_stays() -> None:
    assert _next(2, 2.0, 3.0) == 2
    assert _next(2, 0.0, 0.0) == 2


def test_after_the_last_level_any_level() -> None:
    many = np.full(400, LEVELS - 1)
    result = next_level(many, np.full(400, 9.0), np.full(400, 9.0), LEVELS, TILE, np.random.default_rng(0))
    assert set(result.tolist()) == {0, 1, 2, 3}
