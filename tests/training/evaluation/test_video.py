import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from sim.tasks.pick_place.world import PickPlaceWorld
from training.evaluation import video
from training.evaluation.playback import film
from training.evaluation.video import VideoRecorder, save_webp


class FakeRenderer:
    def frame(self, data):
        return np.full((8, 12, 3), int(data.time * 200), np.uint8)


@pytest.fixture
def world(monkeypatch):
    monkeypatch.setattr(video, "shared_renderer", lambda *args: FakeRenderer())
    return PickPlaceWorld()


def test_ten_frames_a_second_whatever_the_control_rate(world, tmp_path):
    recorder = VideoRecorder(world)
    for tick in range(1, 51):
        world.data.time = tick * 0.02
        recorder(world, tick * 0.02)
    recorder.save(tmp_path / "deep" / "film.webp", seed=3)
    facts = json.loads((tmp_path / "deep/film.json").read_text())
    assert facts["seed"] == 3 and facts["frames"] == pytest.approx([0.02 + 0.1 * k for k in range(10)])
    with Image.open(tmp_path / "deep/film.webp") as film:
        assert film.n_frames == 10 and film.size == (12, 8)
    assert sorted(p.name for p in (tmp_path / "deep").iterdir()) == ["film.json", "film.webp"]


def test_frame_times_are_those_of_the_file_when_equal_frames_are_merged(world, tmp_path):
    """A robot that stands still is encoded as one long frame; the times must still fit the frames that are there."""
    recorder = VideoRecorder(world)
    for tick in range(1, 51):
        world.data.time = 0.2 if tick < 30 else 1.0
        recorder(world, tick * 0.02)
    recorder.save(tmp_path / "film.webp")
    with Image.open(tmp_path / "film.webp") as film:
        assert film.n_frames == 2
    assert json.loads((tmp_path / "film.json").read_text())["frames"] == pytest.approx([0.02, 0.62])


def test_an_interrupted_write_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(self, path, **options):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(Image.Image, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_webp(tmp_path / "film.webp", [np.zeros((4, 4, 3), np.uint8)])
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def stand_in(monkeypatch):
    """A world of which only the time is filmed."""
    monkeypatch.setattr(video, "shared_renderer", lambda *args: FakeRenderer())
    return SimpleNamespace(model=None, data=SimpleNamespace(time=0.0), show=lambda joint, poses: None)


def test_an_episode_that_was_never_enabled_leaves_no_film_and_costs_no_evaluation(stand_in, tmp_path):
    VideoRecorder(stand_in).save(tmp_path / "rollout_1.webp", seed=1, success=False)
    assert list(tmp_path.iterdir()) == []


def test_a_single_frame_is_a_film_too(stand_in, tmp_path):
    recorder = VideoRecorder(stand_in)
    recorder(stand_in, 0.02)
    recorder.save(tmp_path / "film.webp")
    assert json.loads((tmp_path / "film.json").read_text())["frames"] == pytest.approx([0.02])


@pytest.mark.parametrize(
    ("span", "seen", "written"),
    [((0.5, 1.5), True, True), ((5.0, 7.0), True, False), ((1.5, 0.5), True, False), ((0.5, 1.5), False, False)],
)
def test_a_span_without_a_record_or_an_object_that_was_never_seen_leaves_no_film(
    stand_in, tmp_path, span, seen, written
):
    time = np.arange(0.0, 2.0, 0.02)
    poses = np.zeros((len(time), 7)) if seen else np.full((len(time), 7), np.nan)
    trace = {
        "joint_t": time, "joint_position": np.zeros((len(time), 8)), "object_t": time, "object_cube": poses,
        "object_goal": poses,
    }  # fmt: skip
    film(stand_in, trace, *span, tmp_path / "film.webp")
    assert (tmp_path / "film.webp").exists() is written
