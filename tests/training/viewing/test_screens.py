import mujoco
import numpy as np
import pytest
from PIL import Image

from policy_nodes.errors import ConfigError
from training.viewing import screens
from training.viewing.screens import Closed, Film, Window, camera_of

SCENE = """
<mujoco>
  <worldbody>
    <light pos="0 0 3"/><camera name="side" pos="0 -2 1" xyaxes="1 0 0 0 0.4 0.9"/>{more}
    <geom type="plane" size="2 2 0.1" rgba="0.2 0.3 0.4 1"/>
    <body pos="0 0 0.3"><freejoint/><geom size="0.2" rgba="0.9 0.2 0.1 1"/></body>
  </worldbody>
</mujoco>
"""


def scene(more=""):
    model = mujoco.MjModel.from_xml_string(SCENE.format(more=more))
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return model, data


@pytest.fixture(autouse=True)
def software(monkeypatch):
    monkeypatch.setenv("KEEL_RENDERER", "software")


def test_a_known_camera_is_preferred_to_the_first():
    assert camera_of(scene()[0]) == "side"
    assert camera_of(scene('<camera name="tracking"/>')[0]) == "tracking"
    with pytest.raises(ConfigError, match="no camera"):
        camera_of(mujoco.MjModel.from_xml_string("<mujoco/>"))


@pytest.mark.parametrize("suffix", ["webp", "gif"])
def test_a_film_has_a_frame_per_period_of_simulated_time(tmp_path, suffix):
    model, data = scene()
    film = Film(model, tmp_path / "sub" / f"view.{suffix}", width=32, height=24, fps=10.0)
    for tick in range(26):  # 0.5 s at 50 Hz, and one more
        data.qpos[0] = 0.02 * tick  # else equal frames are merged by the encoder
        mujoco.mj_forward(model, data)
        film.show(data, 0.02 * tick)
    film.close()
    with Image.open(tmp_path / "sub" / f"view.{suffix}") as picture:
        assert picture.n_frames == 6 and picture.size == (32, 24)
        assert np.asarray(picture.convert("RGB")).std() > 5  # not a blank picture


def test_other_files_and_rates_are_refused_before_anything_is_rendered(tmp_path):
    model, _ = scene()
    with pytest.raises(ConfigError, match=r"\.mp4"):
        Film(model, tmp_path / "view.mp4")
    with pytest.raises(ConfigError, match="frames per second"):
        Film(model, tmp_path / "view.gif", fps=100.0)


def test_a_film_of_nothing_is_an_error_and_writes_nothing(tmp_path):
    film = Film(scene()[0], tmp_path / "view.webp", width=32, height=24)
    with pytest.raises(ConfigError, match="before its first frame"):
        film.close()
    assert list(tmp_path.iterdir()) == []


def test_without_a_display_the_fix_is_a_film(monkeypatch):
    monkeypatch.setattr(screens.sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(ConfigError) as error:
        Window(*scene())
    assert "--video" in error.value.fix


class FakeViewer:
    def __init__(self):
        self.running, self.syncs = True, 0

    def is_running(self):
        return self.running

    def sync(self):
        self.syncs += 1

    def close(self):
        self.running = False


def test_a_window_waits_for_real_time_and_ends_when_it_is_closed(monkeypatch):
    from mujoco import viewer

    fake, waited, now = FakeViewer(), [], [100.0]
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(viewer, "launch_passive", lambda model, data: fake)
    model, data = scene()
    window = Window(model, data, clock=lambda: now[0], sleep=waited.append)
    now[0] = 100.3
    window.show(data, 0.5)
    window.show(data, 0.1)  # late already: no waiting
    assert waited == [pytest.approx(0.2)] and fake.syncs == 2
    fake.running = False
    with pytest.raises(Closed):
        window.show(data, 0.6)
