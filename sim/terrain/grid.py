"""Tiles side by side in one height field: rows are levels of difficulty, columns are kinds of terrain.

All worlds of a batch share the height field; a world's terrain is where its robot stands.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.errors import TaskError
from sim.terrain.tiles import TILES

NAME = "terrain"
DEPTH = 0.5
"""Thickness of the ground below the lowest point [m]; feet that sink must not fall through."""


@dataclass(frozen=True)
class TerrainConfig:
    """Which tiles, how many, how large.

    Attributes:
        kinds: names of ``tiles.TILES``, one column each; repeat a name for more columns of it.
        levels: rows, of difficulty 0 to 1.
        tile: side of a tile [m].
        border: flat strip around all tiles [m].
        cell: distance of two points of the height field [m].
        start_level: robots start on levels 0 to this one.
        seed: of the random tiles.

    Raises:
        TaskError: a kind is unknown or a number is impossible.
    """

    kinds: tuple[str, ...] = (
        "flat",
        "rough",
        "slope",
        "slope_down",
        "rough_slope",
        "stairs_up",
        "stairs_down",
        "obstacles",
    )
    levels: int = 6
    tile: float = 8.0
    border: float = 4.0
    cell: float = 0.1
    start_level: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        unknown = sorted(set(self.kinds) - set(TILES))
        if unknown or not self.kinds:
            raise TaskError(
                f"TerrainConfig.kinds has '{unknown[0] if unknown else ''}'.", f"use some of {', '.join(TILES)}."
            )
        if self.levels < 1 or self.cell <= 0.0 or self.tile < 4 * self.cell or self.border < 0.0:
            raise TaskError(
                f"a terrain of {self.levels} levels, tiles of {self.tile} m and cells of {self.cell} m is impossible.",
                "use at least one level and tiles of several cells.",
            )
        if not 0 <= self.start_level < self.levels:
            raise TaskError(
                f"TerrainConfig.start_level is {self.start_level}.", f"use a level from 0 to {self.levels - 1}."
            )


class Terrain:
    """A built terrain.

    Args:
        config: what to build.

    Attributes:
        heights: (rows, columns) [m]; the point (0, 0) of the world is in the middle.
        origins: (levels, kinds, 3) centre of each tile on the ground [m].
    """

    def __init__(self, config: TerrainConfig) -> None:
        self.config = config
        rng = np.random.default_rng(config.seed)
        side = round(config.tile / config.cell)
        edge = round(config.border / config.cell)
        levels, kinds = config.levels, len(config.kinds)
        self.heights = np.zeros((levels * side + 2 * edge + 1, kinds * side + 2 * edge + 1))
        self._low = -0.5 * config.cell * (np.array(self.heights.shape) - 1)
        self.origins = np.zeros((levels, kinds, 3))
        for level in range(levels):
            difficulty = level / max(levels - 1, 1)
            for column, kind in enumerate(config.kinds):
                row0, column0 = edge + level * side, edge + column * side
                tile = TILES[kind](side, config.cell, difficulty, rng)
                self.heights[row0 : row0 + side, column0 : column0 + side] = tile
                centre = self._low + config.cell * (np.array([row0, column0]) + (side - 1) / 2)
                self.origins[level, column, :2] = centre
        self.origins[..., 2] = self.height_at(self.origins[..., :2])

    def height_at(self, xy: NDArray[np.floating]) -> NDArray[np.float64]:
        """Ground height [m] at points (..., 2) [m], bilinear between the cells; the edge's beyond the edge."""
        at = np.clip((xy - self._low) / self.config.cell, 0.0, np.array(self.heights.shape) - 1.000001)
        i = at.astype(np.intp)
        f = at - i
        r, c = i[..., 0], i[..., 1]
        near = self.heights[r, c] * (1 - f[..., 1]) + self.heights[r, c + 1] * f[..., 1]
        far = self.heights[r + 1, c] * (1 - f[..., 1]) + self.heights[r + 1, c + 1] * f[..., 1]
        result: NDArray[np.float64] = near * (1 - f[..., 0]) + far * f[..., 0]
        return result

    def add_to(self, spec: mujoco.MjSpec, friction: float) -> None:
        """Put the height field into a model; only robots touch it."""
        low, high = float(self.heights.min()), float(self.heights.max())
        span = max(high - low, 1e-3)
        rows, columns = self.heights.shape
        half = 0.5 * self.config.cell * (np.array(self.heights.shape) - 1)
        field = spec.add_hfield(name=NAME)
        # MuJoCo's rows run along y, columns along x.
        field.nrow, field.ncol = columns, rows
        field.size = [half[0], half[1], span, DEPTH]
        field.userdata = ((self.heights.T - low) / span).ravel().tolist()
        spec.worldbody.add_geom(
            name=NAME,
            type=mujoco.mjtGeom.mjGEOM_HFIELD,
            hfieldname=NAME,
            pos=(0.0, 0.0, low),
            contype=1,
            conaffinity=0,
            condim=3,
            friction=(friction, 0.02, 0.01),
            rgba=(0.72, 0.75, 0.78, 1.0),
        )


def scan_points(length: float = 1.6, width: float = 1.0, step: float = 0.1) -> NDArray[np.float64]:
    """(P, 2) points around a robot in its heading frame [m]; legged_gym's 17 x 11 grid by default."""
    x = np.arange(-length / 2, length / 2 + step / 2, step)
    y = np.arange(-width / 2, width / 2 + step / 2, step)
    return np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1).reshape(-1, 2)


def height_scan(
    terrain: Terrain, position: NDArray[np.floating], yaw: NDArray[np.floating], points: NDArray[np.floating]
) -> NDArray[np.float64]:
    """(N, P) ground heights under ``points`` (P, 2) that turn with each robot.

    Args:
        terrain: the ground.
        position: (N, 2 or 3) of the robots [m].
        yaw: (N,) their heading [rad].
        points: as from ``scan_points``.
    """
    cos, sin = np.cos(yaw)[:, None], np.sin(yaw)[:, None]
    x = position[:, :1] + cos * points[:, 0] - sin * points[:, 1]
    y = position[:, 1:2] + sin * points[:, 0] + cos * points[:, 1]
    return terrain.height_at(np.stack([x, y], axis=-1))
