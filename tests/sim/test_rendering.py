import numpy as np
import pytest

from sim import rendering
from sim.errors import RenderError
from sim.rendering import Renderer, choose_backend


@pytest.fixture
def no_wish(monkeypatch):
    monkeypatch.delenv("KEEL_RENDERER", raising=False)
    monkeypatch.delenv("MUJOCO_GL", raising=False)


@pytest.mark.parametrize(
    ("working", "chosen"),
    [({"egl", "osmesa"}, "egl"), ({"osmesa"}, "osmesa"), (set(), "software")],
)
def test_the_first_backend_that_works_is_chosen(monkeypatch, no_wish, working, chosen):
    monkeypatch.setattr(rendering, "gl_works", lambda name: name in working)
    assert choose_backend() == chosen


def test_mujoco_gl_is_a_hint_and_keel_renderer_a_demand(monkeypatch, no_wish):
    monkeypatch.setattr(rendering, "gl_works", lambda name: True)
    monkeypatch.setenv("MUJOCO_GL", "osmesa")
    assert choose_backend() == "osmesa"
    monkeypatch.setenv("KEEL_RENDERER", "software")
    assert choose_backend() == "software"
    monkeypatch.setattr(rendering, "gl_works", lambda name: False)
    monkeypatch.setenv("KEEL_RENDERER", "egl")
    with pytest.raises(RenderError, match="does not work here"):
        choose_backend()
    monkeypatch.setenv("KEEL_RENDERER", "crayons")
    with pytest.raises(RenderError, match="crayons"):
        choose_backend()


def is_cube(image):
    image = image.astype(int)
    return (image[..., 0] > 120) & (image[..., 0] > 2 * image[..., 1]) & (image[..., 0] > 2 * image[..., 2])


def is_goal(image):
    image = image.astype(int)
    return (image[..., 1] > 90) & (image[..., 1] > 1.3 * image[..., 0])


def top_pixel(xy, size):
    """Column and row of a point on the table in the camera `top`: above (0.45, 0), 1.55 m up, fovy 45, x up, y left."""
    focal = size / 2 / np.tan(np.radians(22.5))
    return size / 2 - focal * xy[1] / 1.55, size / 2 - focal * (xy[0] - 0.45) / 1.55


def place(world):
    world.displace_cube((0.55, -0.20, world.config.cube.half_size), 0.3)
    world.set_goal((0.60, 0.20))


def check_objects(world, image):
    size = image.shape[0]
    for mask, name in ((is_cube(image), "cube"), (is_goal(image), "goal")):
        rows, columns = np.nonzero(mask)
        assert rows.size > 12, f"{name} is not visible"
        column, row = top_pixel(world.object_poses()[name][:2], size)
        assert abs(columns.mean() - column) < 5 and abs(rows.mean() - row) < 5


def test_the_software_renderer_shows_cube_and_goal_where_they_are(world):
    place(world)
    with Renderer(world.model, 160, 160, camera="top", backend="software") as renderer:
        assert renderer.backend == "software"
        check_objects(world, renderer.frame(world.data))


def test_the_overview_shows_cube_goal_and_robot_before_a_table_and_a_sky(world):
    place(world)
    image = Renderer(world.model, 200, 150, backend="software").frame(world.data)
    assert is_cube(image).sum() > 15 and is_goal(image).sum() > 10
    white = (image.min(axis=2) > 170) & (np.ptp(image.astype(int), axis=2) < 25)
    assert white.sum() > 400
    assert image[3, 3, 2] > image[3, 3, 0] > 80


def test_the_best_backend_agrees_with_the_software_renderer(world):
    best = choose_backend()
    if best == "software":
        pytest.skip("no OpenGL library renders here")
    place(world)
    with Renderer(world.model, 160, 160, camera="top", backend=best) as renderer:
        check_objects(world, renderer.frame(world.data))


def test_wrong_requests_name_what_is_there(world):
    with pytest.raises(RenderError, match="overview, top"):
        Renderer(world.model, 64, 64, camera="selfie", backend="software")
    with pytest.raises(RenderError, match="too small"):
        Renderer(world.model, 0, 64, backend="software")
    with pytest.raises(RenderError, match="vulkan"):
        Renderer(world.model, 64, 64, backend="vulkan")
