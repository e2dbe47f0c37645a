"""The assembled terrain: origins, heights between cells, and the same ground in MuJoCo."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from sim.errors import TaskError
from sim.terrain.grid import Terrain, TerrainConfig, height_scan, scan_points


@pytest.fixture(scope="module")
def terrain() -> Terrain:
    return Terrain(TerrainConfig(kinds=("slope", "stairs_up", "rough"), levels=3, tile=6.0, border=1.0))


def test_origins_are_the_tile_centres_on_the_ground(terrain: Terrain) -> None:
    assert terrain.origins.shape == (3, 3, 3)
    steps = np.diff(terrain.origins[:, :, :2], axis=0)
    np.testing.assert_allclose(steps, np.broadcast_to([6.0, 0.0], steps.shape))
    np.testing.assert_allclose(np.diff(terrain.origins[:, :, :2], axis=1)[..., 1], 6.0)
    ground = terrain.height_at(terrain.origins[:, :2, :2])
    np.testing.assert_allclose(ground, terrain.origins[:, :2, 2], atol=1e-9)


def test_heights_are_linear_between_cells(terrain: Terrain) -> None:
    low = terrain._low
    i, j = 75, 110
    corners = terrain.heights[i : i + 2, j : j + 2]
    middle = terrain.height_at(low + 0.1 * np.array([i + 0.5, j + 0.5]))
    assert middle == pytest.approx(corners.mean())
    assert terrain.height_at(low + 0.1 * np.array([i, j])) == pytest.approx(corners[0, 0])
    assert terrain.height_at(np.array([1e3, 1e3])) == pytest.approx(terrain.heights[-1, -1], abs=1e-6)


def test_mujoco_has_the_same_ground(terrain: Terrain) -> None:
    spec = mujoco.MjSpec()
    terrain.add_to(spec, 0.8)
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    rng = np.random.default_rng(0)
    hit = np.zeros(1, dtype=np.int32)
    points = terrain._low + 0.1 * rng.integers(2, np.array(terrain.heights.shape) - 2, size=(40, 2))
    for point in points + 0.01:
        distance = mujoco.mj_ray(model, data, np.array([*point, 10.0]), np.array([0.0, 0.0, -1.0]), None, 1, -1, hit)
        # MuJoCo splits a cell into two triangles; next to a corner both surfaces agree within the cell's bend.
        assert 10.0 - distance == pytest.approx(terrain.height_at(point), abs=0.03)


def test_scan_turns_with_the_robot(terrain: Terrain) -> None:
    points = scan_points()
    assert points.shape == (187, 2)
    position = np.array([[1.0, -2.0], [1.0, -2.0]])
    scan = height_scan(terrain, position, np.array([0.0, np.pi / 2]), points)
    np.testing.assert_allclose(scan[0], terrain.height_at(position[0] + points))
    turned = np.stack([-points[:, 1], points[:, 0]], axis=1)
    np.testing.assert_allclose(scan[1], terrain.height_at(position[0] + turned), atol=1e-9)


@pytest.mark.parametrize(
    "wrong", [{"kinds": ("lava",)}, {"kinds": ()}, {"levels": 0}, {"start_level": 9}, {"cell": 0.0}]
)
def test_impossible_terrains_are_refused(wrong: dict) -> None:
    with pytest.raises(TaskError):
        TerrainConfig(**wrong)
