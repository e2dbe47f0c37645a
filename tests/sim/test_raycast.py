import mujoco
import numpy as np
import pytest

from sim.raycast import RaycastRenderer, _enlarge

SCENE = """
<mujoco><worldbody>
  <light pos="0 0 4"/>
  <camera name="front" pos="0 -3 0.5" xyaxes="1 0 0 0 0 1" fovy="45"/>
  <geom name="ground" type="box" size="3 3 .05" pos="0 0 -.55" rgba="0 1 0 1"/>
  <geom name="ball" type="sphere" size=".5" rgba="1 0 0 1"/>
  <geom name="hidden" type="sphere" size=".9" group="3" rgba="0 0 1 1"/>
</worldbody></mujoco>"""


@pytest.fixture(scope="module")
def scene():
    model = mujoco.MjModel.from_xml_string(SCENE)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return model, data


def colour_name(pixel):
    return "rgb"[int(np.argmax(pixel))]


def test_colours_appear_where_the_geometry_says(scene):
    model, data = scene
    image = RaycastRenderer(model, 80, 60, "front").frame(data)
    assert image.shape == (60, 80, 3) and image.dtype == np.uint8
    # The camera looks along +y from z = 0.5: height z at distance 3 is in row 30 - 30 (z - 0.5) / (3 tan 22.5 deg).
    assert colour_name(image[42, 40]) == "r"
    assert colour_name(image[58, 5]) == "g"
    assert colour_name(image[2, 40]) == "b" and image[2, 40].min() > 90  # the sky


def test_the_ball_ends_where_its_radius_says(scene):
    model, data = scene
    image = RaycastRenderer(model, 160, 120, "front").frame(data).astype(int)
    red = (image[..., 0] > 2 * image[..., 1]) & (image[..., 0] > 2 * image[..., 2])
    columns = np.flatnonzero(red.any(axis=0))
    focal = 60 / np.tan(np.radians(22.5))
    # The silhouette of a sphere of radius r seen from distance d: tan(asin(r / d)); here d = sqrt(9.25).
    half_width = focal * np.tan(np.arcsin(0.5 / np.sqrt(9.25)))
    assert (columns[-1] - columns[0] + 1) / 2 == pytest.approx(half_width, abs=1.5)
    assert (columns[-1] + columns[0] + 1) / 2 == pytest.approx(80, abs=1.0)


def test_the_top_of_the_ball_is_brighter_than_its_underside_and_it_casts_a_shadow(scene):
    model, data = scene
    image = RaycastRenderer(model, 160, 120, "front").frame(data).astype(int)
    red_rows = np.flatnonzero(image[:, 80, 0] > 2 * image[:, 80, 1])
    assert image[red_rows[2], 80, 0] > image[red_rows[-3], 80, 0] + 30
    assert image[red_rows[-1] + 3, 80, 1] < image[red_rows[-1] + 3, 8, 1] - 30


def test_large_frames_are_cast_smaller_and_enlarged(scene):
    model, data = scene
    small = RaycastRenderer(model, 200, 150, "front").frame(data).astype(int)
    large = RaycastRenderer(model, 800, 600, "front").frame(data).astype(int)
    assert large.shape == (600, 800, 3)
    averaged = large.reshape(150, 4, 200, 4, 3).mean(axis=(1, 3))
    assert np.abs(averaged - small).mean() < 3.0


def test_enlarging_is_linear_between_pixel_centres():
    image = np.array([[[0], [100]]], dtype=np.uint8).repeat(2, axis=0).repeat(3, axis=2)
    row = _enlarge(image, (2, 4))[0, :, 0]
    assert row.tolist() == [0, 25, 75, 100]
    assert _enlarge(image, (2, 2)) is image
