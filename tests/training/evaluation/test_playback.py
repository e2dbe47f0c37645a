import json

import numpy as np
import pytest

from sim.tasks.pick_place.world import PickPlaceWorld
from training.evaluation import playback, video
from training.evaluation.playback import film_run


class Seen:
    """Stands for the renderer: notes the joints and the cube that it is shown."""

    def __init__(self):
        self.frames = []

    def frame(self, data):
        self.frames.append(data.qpos.copy())
        return np.full((4, 4, 3), 25 * (len(self.frames) % 10), np.uint8)


@pytest.fixture
def seen(monkeypatch):
    renderer = Seen()
    monkeypatch.setattr(video, "shared_renderer", lambda *args: renderer)
    return renderer


@pytest.fixture
def run_directory(tmp_path):
    time = np.arange(0.0, 6.0, 0.02)
    world = PickPlaceWorld()
    joints = np.tile(world.joint_state()[0], (len(time), 1))
    joints[:, 0] = time / 10
    cube = np.tile(world.object_poses()["cube"], (len(time), 1))
    cube[(time > 3.0) & (time < 4.0)] = np.nan  # the tracker fails for a second
    goal = np.tile(world.object_poses()["goal"], (len(time), 1))
    np.savez(tmp_path / "trace.npz", joint_t=time, joint_position=joints, object_t=time, object_cube=cube,
             object_goal=goal)  # fmt: skip
    run = {"episodes": [{"t_start": 1.0, "t_end": 2.0}], "faults": [{"name": "observation_nan", "t_injected": 3.0}]}
    (tmp_path / "run.json").write_text(json.dumps(run))
    return tmp_path


def test_first_episode_and_every_fault_are_filmed(run_directory, seen):
    world = PickPlaceWorld()
    written = film_run(run_directory, world)
    assert [path.name for path in written] == ["first_episode.webp", "fault_observation_nan.webp"]
    assert all(path.is_file() for path in written)
    first = json.loads(written[0].with_suffix(".json").read_text())["frames"]
    assert first[0] == pytest.approx(1.0) and 2.8 < first[-1] < 3.0  # the episode and a second more
    fault = json.loads(written[1].with_suffix(".json").read_text())["frames"]
    assert fault[0] == pytest.approx(3.0 - playback.BEFORE_S) and fault[-1] <= 3.0 + playback.AFTER_S


def test_the_film_shows_the_recorded_joints_and_no_nan(run_directory, seen):
    world = PickPlaceWorld()
    with np.load(run_directory / "trace.npz") as archive:
        playback.film(world, dict(archive), 2.5, 4.5, run_directory / "x.webp")
    joint = int(world.model.joint("panda_joint1").qposadr[0])
    times = json.loads((run_directory / "x.json").read_text())["frames"]
    np.testing.assert_allclose([frame[joint] for frame in seen.frames], np.array(times) / 10, atol=0.0021)
    assert np.isfinite(seen.frames).all()
