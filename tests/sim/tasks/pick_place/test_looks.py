import numpy as np
import pytest

from sim.tasks.pick_place.geometry import rotation_matrix
from sim.tasks.pick_place.looks import CAMERA, TOP_CAMERA, look_at


def test_a_camera_looks_along_minus_z_with_its_y_axis_up():
    eye, target = np.array([1.0, -1.0, 1.0]), np.array([0.2, 0.1, 0.3])
    w, x, y, z = look_at(eye, target)
    rotation = rotation_matrix([x, y, z, w])
    np.testing.assert_allclose(-rotation[:, 2], (target - eye) / np.linalg.norm(target - eye), atol=1e-9)
    assert rotation[2, 0] == pytest.approx(0.0, abs=1e-9)
    assert rotation[2, 1] > 0


@pytest.mark.parametrize("camera", [CAMERA, TOP_CAMERA])
def test_the_reachable_table_is_in_view(world, camera):
    region, data = world.config.training_region, world.data
    eye, rotation = data.camera(camera).xpos, data.camera(camera).xmat.reshape(3, 3)
    half = np.tan(np.radians(float(world.model.camera(camera).fovy[0])) / 2)
    for x in region.x:
        for y in region.y:
            seen = rotation.T @ (np.array([x, y, 0.0]) - eye)
            assert seen[2] < 0
            assert abs(seen[1] / -seen[2]) < half and abs(seen[0] / -seen[2]) < half * 4 / 3
