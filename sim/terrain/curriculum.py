"""Harder ground for robots that cope, easier ground for those that do not: legged_gym's game-like curriculum.

Rudin et al. 2021 (arXiv 2109.11978), section 3.2: at the end of an episode a robot that left its tile moves one level
up, one that covered less than half of the commanded distance moves one level down, and one that solved the hardest
level starts on a random level again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def next_level(
    level: NDArray[np.integer],
    distance: NDArray[np.floating],
    commanded: NDArray[np.floating],
    levels: int,
    tile: float,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Levels of the next episodes.

    Args:
        level: (k,) of the ended episodes.
        distance: (k,) from the start to the last position [m].
        commanded: (k,) distance that the commands asked for [m].
        levels: number of levels.
        tile: side of a tile [m].
        rng: draws the level of those that solved the last one.

    Returns:
        (k,) in 0 .. levels - 1.
    """
    up = distance > tile / 2
    down = (distance < 0.5 * commanded) & ~up
    moved = np.asarray(level, dtype=np.int64) + up - down
    solved = moved >= levels
    moved[solved] = rng.integers(0, levels, size=int(solved.sum()))
    return np.maximum(moved, 0)
