"""``isaacgym.terrain_utils``: patches of terrain as int16 height grids, and grids as meshes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "SubTerrain",
    "convert_heightfield_to_trimesh",
    "discrete_obstacles_terrain",
    "pyramid_sloped_terrain",
    "pyramid_stairs_terrain",
    "random_uniform_terrain",
    "stepping_stones_terrain",
]


class SubTerrain:
    """A patch: ``height_field_raw`` (width, length), int16 in units of ``vertical_scale`` [m]."""

    def __init__(
        self, terrain_name: str = "terrain", width: int = 256, length: int = 256, vertical_scale: float = 1.0,
        horizontal_scale: float = 1.0,
    ) -> None:  # fmt: skip
        self.terrain_name = terrain_name
        self.vertical_scale, self.horizontal_scale = vertical_scale, horizontal_scale
        self.width, self.length = width, length
        self.height_field_raw = np.zeros((width, length), dtype=np.int16)


def _cells(terrain: SubTerrain, metres: float) -> int:
    return round(metres / terrain.horizontal_scale)


def _units(terrain: SubTerrain, metres: float) -> int:
    return round(metres / terrain.vertical_scale)


def random_uniform_terrain(
    terrain: SubTerrain, min_height: float, max_height: float, step: float = 1.0, downsampled_scale: float | None = None
) -> SubTerrain:
    """Adds random heights on a coarse grid, interpolated linearly [m]."""
    coarse = downsampled_scale or terrain.horizontal_scale
    levels = np.arange(_units(terrain, min_height), _units(terrain, max_height) + 1, max(_units(terrain, step), 1))
    shape = [max(2, int(n * terrain.horizontal_scale / coarse)) for n in (terrain.width, terrain.length)]
    values = np.random.choice(levels, shape).astype(float)  # noqa: NPY002  # scripts seed numpy's global generator
    x, y = (np.linspace(0, n - 1, m) for n, m in zip(shape, (terrain.width, terrain.length), strict=True))
    along = np.stack([np.interp(y, np.arange(shape[1]), row) for row in values])
    fine = np.stack([np.interp(x, np.arange(shape[0]), column) for column in along.T], axis=1)
    terrain.height_field_raw += np.rint(fine).astype(np.int16)
    return terrain


def pyramid_sloped_terrain(terrain: SubTerrain, slope: float = 1.0, platform_size: float = 1.0) -> SubTerrain:
    """A hill (a pit when ``slope`` < 0) with a flat top of ``platform_size`` [m].

    As in Isaac Gym its height is a product of two ramps: straight flanks on the middle lines, rounded towards the
    corners; it is cut off at the height of the platform's corner.
    """
    middle = terrain.width // 2, terrain.length // 2
    along, across = (
        (m - np.abs(np.arange(n) - m)) / m for n, m in zip(terrain.height_field_raw.shape, middle, strict=True)
    )
    top = int(slope * terrain.horizontal_scale / terrain.vertical_scale * terrain.width / 2)
    terrain.height_field_raw += (top * along[:, None] * across).astype(np.int16)
    corner = (max(m - _cells(terrain, platform_size / 2), 0) for m in middle)
    limit = int(terrain.height_field_raw[tuple(corner)])
    np.clip(terrain.height_field_raw, min(limit, 0), max(limit, 0), out=terrain.height_field_raw)
    return terrain


def pyramid_stairs_terrain(
    terrain: SubTerrain, step_width: float, step_height: float, platform_size: float = 1.0
) -> SubTerrain:
    """Square steps up (down when ``step_height`` < 0) to a platform [m]."""
    width, rise, platform = _cells(terrain, step_width), _units(terrain, step_height), _cells(terrain, platform_size)
    level, low = 0, 0
    while min(terrain.width, terrain.length) - 2 * low > platform and width > 0:
        low += width
        level += rise
        terrain.height_field_raw[low : terrain.width - low, low : terrain.length - low] = level
    return terrain


def discrete_obstacles_terrain(
    terrain: SubTerrain, max_height: float, min_size: float, max_size: float, num_rects: int,
    platform_size: float = 1.0,
) -> SubTerrain:  # fmt: skip
    """Random boxes and pits, and a flat platform in the middle [m]."""
    top = _units(terrain, max_height)
    sizes = np.arange(_cells(terrain, min_size), _cells(terrain, max_size) + 1)
    choice, randint = np.random.choice, np.random.randint  # as above
    for _ in range(num_rects):
        w, length = int(choice(sizes)), int(choice(sizes))
        i, j = randint(0, max(1, terrain.width - w)), randint(0, max(1, terrain.length - length))
        terrain.height_field_raw[i : i + w, j : j + length] = choice([-top, -top // 2, top // 2, top])
    _flatten(terrain, platform_size)
    return terrain


def stepping_stones_terrain(
    terrain: SubTerrain, stone_size: float, stone_distance: float, max_height: float, platform_size: float = 1.0,
    depth: float = -10.0,
) -> SubTerrain:  # fmt: skip
    """Square stones above a pit of ``depth``, each of random height up to ``max_height`` [m]."""
    stone, gap = max(1, _cells(terrain, stone_size)), _cells(terrain, stone_distance)
    top = _units(terrain, max_height)
    terrain.height_field_raw[:] = _units(terrain, depth)
    for i in range(0, terrain.width, stone + gap):
        for j in range(0, terrain.length, stone + gap):
            height = np.random.randint(-top - 1, top + 1) if top else 0  # noqa: NPY002  # as above
            terrain.height_field_raw[i : i + stone, j : j + stone] = height
    _flatten(terrain, platform_size)
    return terrain


def _flatten(terrain: SubTerrain, platform_size: float) -> None:
    half = _cells(terrain, platform_size) // 2
    i, j = terrain.width // 2, terrain.length // 2
    terrain.height_field_raw[max(i - half, 0) : i + half, max(j - half, 0) : j + half] = 0


def convert_heightfield_to_trimesh(
    height_field_raw: NDArray[np.integer],
    horizontal_scale: float,
    vertical_scale: float,
    slope_threshold: float | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
    """Vertices (V, 3) and triangles (T, 3).

    ``slope_threshold`` is accepted: faces are not made vertical, because the mesh becomes a height field again.
    """
    rows, columns = height_field_raw.shape
    i, j = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    vertices = np.stack(
        [i * horizontal_scale, j * horizontal_scale, height_field_raw * vertical_scale], axis=-1
    ).reshape(-1, 3)
    corner = (i[:-1, :-1] * columns + j[:-1, :-1]).ravel()
    lower = np.stack([corner, corner + columns + 1, corner + 1], axis=1)
    upper = np.stack([corner, corner + columns, corner + columns + 1], axis=1)
    return vertices.astype(np.float32), np.concatenate([lower, upper]).astype(np.uint32)
