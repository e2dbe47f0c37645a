"""A software renderer without any GL library: one ray per pixel, Lambert shading, one shadow-casting light.

MuJoCo intersects the rays (``mj_multiRay``), first from the camera, then from the light towards the points the camera
saw; a point that the light does not reach first is in shadow. Slow and plain, and it works on any machine.
"""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

_VISIBLE_GROUPS = np.array([1, 1, 1, 0, 0, 0], dtype=np.uint8)  # group 3 holds collision shapes
_SKY_TOP, _SKY_HORIZON = np.array([0.42, 0.53, 0.66]), np.array([0.86, 0.91, 0.96])
_FLOOR = np.array([0.60, 0.64, 0.68])
_MAX_RAYS = 48_000
# The argument `normal` came in during the 3.x series; it has no default where it exists.
_NORMAL_ARGUMENT: dict[str, None] = {"normal": None} if "normal:" in (mujoco.mj_multiRay.__doc__ or "") else {}


class RaycastRenderer:
    """Renders frames of one model by ray casting.

    Frames with more than 48 000 pixels are cast at a lower resolution and enlarged.

    Args:
        model: compiled model.
        width: [pixels].
        height: [pixels].
        camera: name of a camera of the model.
    """

    def __init__(self, model: mujoco.MjModel, width: int, height: int, camera: str) -> None:
        self._model = model
        self._camera = int(model.camera(camera).id)
        scale = min(1.0, (_MAX_RAYS / (width * height)) ** 0.5)
        self._size = (height, width)
        self._rows, self._columns = max(int(height * scale), 2), max(int(width * scale), 2)
        self._rays = self._camera_rays()
        self._colours = _geom_colours(model)

    def frame(self, data: mujoco.MjData) -> NDArray[np.uint8]:
        """Picture (H, W, 3) of the state."""
        rotation = data.cam_xmat[self._camera].reshape(3, 3)
        rays = self._rays @ rotation.T
        eye = data.cam_xpos[self._camera]
        geom, distance = _cast(self._model, data, eye, rays)
        hit = geom >= 0
        points = eye + rays * np.where(hit, distance, 1e3)[:, None]
        normals = self._normals(points, rays)
        colour = np.where(hit[:, None], self._colours[geom], _sky(rays))
        light, lit = self._light(data, points, normals)
        shade = 0.42 + 0.20 * np.abs(np.sum(normals * rays, axis=1)) + 0.48 * np.maximum(light, 0.0) * lit
        colour = np.where(hit[:, None], colour * shade[:, None], colour)
        image = np.clip(colour * 255.0, 0, 255).astype(np.uint8).reshape(self._rows, self._columns, 3)
        return _enlarge(image, self._size)

    def close(self) -> None:
        """Nothing to free; here so that all renderers are alike."""

    def _camera_rays(self) -> NDArray[np.float64]:
        """Unit rays (rows * columns, 3) in the camera's frame, which looks along -z."""
        half = np.tan(np.radians(float(self._model.cam_fovy[self._camera])) / 2)
        y = half * (1 - 2 * (np.arange(self._rows) + 0.5) / self._rows)
        x = half * self._size[1] / self._size[0] * (2 * (np.arange(self._columns) + 0.5) / self._columns - 1)
        grid = np.stack(np.broadcast_arrays(x[None, :], y[:, None], -1.0), axis=-1).reshape(-1, 3)
        return grid / np.linalg.norm(grid, axis=1, keepdims=True)

    def _normals(self, points: NDArray[np.float64], rays: NDArray[np.float64]) -> NDArray[np.float64]:
        """Surface normals (N, 3) from neighbouring points; of two neighbours the nearer one, to keep edges sharp."""
        grid = points.reshape(self._rows, self._columns, 3)
        normal = np.cross(_tangent(grid, 1), _tangent(grid, 0)).reshape(-1, 3)
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
        facing = np.sum(normal * rays, axis=1, keepdims=True)
        return np.where(facing > 0, -normal, normal)

    def _light(
        self, data: mujoco.MjData, points: NDArray[np.float64], normals: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Cosine of incidence (N,) of the first light and whether it reaches each point (N,)."""
        source = data.light_xpos[0] if self._model.nlight else np.array([1.0, -1.0, 3.0])
        to_point = points - source
        distance = np.linalg.norm(to_point, axis=1)
        to_point /= distance[:, None]
        geom, first = _cast(self._model, data, source, to_point)
        return -np.sum(normals * to_point, axis=1), (geom < 0) | (first > distance - 0.01)


def _cast(
    model: mujoco.MjModel, data: mujoco.MjData, origin: NDArray[np.float64], rays: NDArray[np.float64]
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Geom hit by each ray (N,), -1 for none, and the distance (N,)."""
    count = rays.shape[0]
    geom, distance = np.empty(count, dtype=np.int32), np.empty(count)
    mujoco.mj_multiRay(
        m=model, d=data, pnt=np.ascontiguousarray(origin), vec=np.ascontiguousarray(rays).ravel(),
        geomgroup=_VISIBLE_GROUPS, flg_static=True, bodyexclude=-1, geomid=geom, dist=distance, nray=count, cutoff=20.0,
        **_NORMAL_ARGUMENT,
    )  # fmt: skip
    return geom, distance


def _geom_colours(model: mujoco.MjModel) -> NDArray[np.float64]:
    """Colour (ngeom + 1, 3) of each geom: of its material where it has one; the last row answers index -1."""
    colours = np.ones((model.ngeom + 1, 3))
    for geom in range(model.ngeom):
        material = int(model.geom_matid[geom])
        colours[geom] = model.mat_rgba[material, :3] if material >= 0 else model.geom_rgba[geom, :3]
        if int(model.geom_type[geom]) == int(mujoco.mjtGeom.mjGEOM_PLANE):
            colours[geom] = _FLOOR
    return colours


def _sky(rays: NDArray[np.float64]) -> NDArray[np.float64]:
    height = np.clip(rays[:, 2:3], 0.0, 1.0) ** 0.5
    return _SKY_HORIZON * (1 - height) + _SKY_TOP * height


def _tangent(grid: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    step = np.diff(grid, axis=axis)
    first, last = np.take(step, [0], axis=axis), np.take(step, [-1], axis=axis)
    before, after = np.concatenate([first, step], axis=axis), np.concatenate([step, last], axis=axis)
    nearer = np.linalg.norm(before, axis=2, keepdims=True) < np.linalg.norm(after, axis=2, keepdims=True)
    return np.where(nearer, before, after)


def _enlarge(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Bilinear enlargement of (h, w, 3) to (H, W, 3)."""
    if image.shape[:2] == size:
        return image
    result = image.astype(np.float64)
    for axis in (0, 1):
        have, want = result.shape[axis], size[axis]
        position = np.clip((np.arange(want) + 0.5) * have / want - 0.5, 0, have - 1)
        low = np.minimum(position.astype(int), have - 2)
        weight = (position - low).reshape([-1, 1, 1] if axis == 0 else [1, -1, 1])
        result = np.take(result, low, axis) * (1 - weight) + np.take(result, low + 1, axis) * weight
    return np.round(result).astype(np.uint8)
