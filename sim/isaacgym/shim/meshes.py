"""Terrain meshes as height fields."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.isaacgym.errors import UnsupportedCallError

__all__ = ["heights_of_mesh"]


def heights_of_mesh(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """The highest vertex in every cell of the grid that a terrain mesh was made from.

    Meshes made of height samples have their vertices on a grid, some moved by one cell to make steep faces vertical.
    Cells that lost their vertex take the value of the previous cell along x. Overhangs are lost, and vertical faces
    become one cell wide.

    Args:
        points: (V, 3) vertices.

    Returns:
        Heights (rows along x, columns along y), the grid's corner (3,) with z = 0, and the cell size [m].

    Raises:
        UnsupportedCallError: the vertices lie on no grid of equal steps in x and y.
    """
    steps = np.concatenate([np.diff(np.unique(np.round(points[:, axis], 4))) for axis in (0, 1)])
    cell = float(steps[steps > 1e-3].min(initial=np.inf))
    cell = cell if np.isfinite(cell) else 0.0
    index = np.round((points[:, :2] - points[:, :2].min(axis=0)) / cell) if cell > 0.0 else None
    if index is None or np.abs((points[:, :2] - points[:, :2].min(axis=0)) / cell - index).max() > 0.05:
        raise UnsupportedCallError("add_triangle_mesh of vertices off a grid.", "use add_heightfield or a plane.")
    i, j = index.astype(int).T
    grid = np.full((i.max() + 1, j.max() + 1), -np.inf)
    np.maximum.at(grid, (i, j), points[:, 2])
    for row in range(len(grid)):
        hole = ~np.isfinite(grid[row])
        grid[row, hole] = grid[row - 1, hole] if row else points[:, 2].min()
    return grid, np.append(points[:, :2].min(axis=0), 0.0), cell
