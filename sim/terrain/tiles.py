"""Height maps of single tiles, each a pure function of size and difficulty.

Kinds and sizes are legged_gym's (Rudin et al. 2021, arXiv 2109.11978): slopes up to 0.4, steps of 5 to 23 cm,
obstacles of 5 to 25 cm, roughness of 10 cm; a flat platform in the middle is where robots start.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Heights = NDArray[np.float64]
"""(rows, columns): height [m] of the points x = row * cell, y = column * cell."""

PLATFORM = 1.5
"""Half width of the flat middle of slopes and stairs [m]."""


def _distance(cells: int, cell: float) -> Heights:
    """(cells, cells) distance to the middle along the longer axis [m]: squares, as of a pyramid."""
    axis = np.abs((np.arange(cells) - (cells - 1) / 2) * cell)
    return np.maximum.outer(axis, axis)


def flat(cells: int, cell: float, difficulty: float, rng: np.random.Generator) -> Heights:
    """Level ground."""
    return np.zeros((cells, cells))


def rough(cells: int, cell: float, difficulty: float, rng: np.random.Generator) -> Heights:
    """Uniform bumps of up to ``1 + 4 difficulty`` cm in steps of 5 mm, 20 cm apart, linear in between."""
    amplitude = 0.01 + 0.04 * difficulty
    knots = max(2, round(cells * cell / 0.2) + 1)
    bumps = np.round(rng.uniform(-amplitude, amplitude, size=(knots, knots)) / 0.005) * 0.005
    at = np.linspace(0, knots - 1, cells)
    rows = np.array([np.interp(at, np.arange(knots), line) for line in bumps])
    return np.array([np.interp(at, np.arange(knots), column) for column in rows.T]).T


def slope(cells: int, cell: float, difficulty: float, rng: np.random.Generator) -> Heights:
    """A pyramid with a gradient of ``0.4 difficulty``, platform on top."""
    distance = _distance(cells, cell)
    return -0.4 * difficulty * np.maximum(distance - PLATFORM, 0.0)


def slope_down(cells: int, cell: float, difficulty: float, rng: np.random.Generator) -> Heights:
    """The same as a pit: the way out leads up."""
    return -slope(cells, cell, difficulty, rng)


def rough_slope(cells: int, cell: float, difficulty: float, rng: np.random.Generator) -> Heights:
    """A slope with bumps."""
    return slope(cells, cell, difficulty, rng) + rough(cells, cell, difficulty, rng)


def stairs_down(cells: int, cell: float, difficulty: float, rng: np.random.Generator) -> Heights:
    """A stepped pyramid: the way out leads down steps of ``5 + 18 difficulty`` cm, 31 cm deep."""
    step = 0.05 + 0.18 * difficulty
    count = np.ceil(np.maximum(_distance(cells, cell) - PLATFORM, 0.0) / 0.31)
    return -step * count


def stairs_up(cells: int, cell: float, difficulty: float, rng: np.random.Generator) -> Heights:
    """A stepped pit: the way out leads up."""
    return -stairs_down(cells, cell, difficulty, rng)


def obstacles(cells: int, cell: float, difficulty: float, rng: np.random.Generator) -> Heights:
    """Twenty boxes and holes of up to ``5 + 20 difficulty`` cm, 1 to 2 m wide, none on the platform."""
    height = 0.05 + 0.2 * difficulty
    ground = np.zeros((cells, cells))
    for _ in range(20):
        size = rng.integers(round(1.0 / cell), round(2.0 / cell) + 1, size=2)
        start = rng.integers(0, np.maximum(cells - size, 1))
        level = rng.choice([-height, -height / 2, height / 2, height])
        ground[start[0] : start[0] + size[0], start[1] : start[1] + size[1]] = level
    ground[_distance(cells, cell) <= PLATFORM] = 0.0
    return ground


Tile = Callable[[int, float, float, np.random.Generator], Heights]

TILES: dict[str, Tile] = {
    "flat": flat,
    "rough": rough,
    "slope": slope,
    "slope_down": slope_down,
    "rough_slope": rough_slope,
    "stairs_up": stairs_up,
    "stairs_down": stairs_down,
    "obstacles": obstacles,
}
"""By name; each takes the number of cells per side, the size of a cell [m], a difficulty in [0, 1] and a generator."""
