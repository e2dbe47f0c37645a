from pathlib import Path

import numpy as np
import pytest

from policy_nodes.errors import ConfigError
from training.viewing.scenes import scene_of

EXAMPLES = Path(__file__).parents[3] / "examples"
FORWARD = (0.8, 0.0, 0.0)


def play(what, seconds, seed=0, command=FORWARD):
    scene, shown = scene_of(str(what), seconds, seed, command), []
    words = scene.play(lambda data, time: shown.append((time, data.qpos.copy())))
    return words, shown


def test_a_gait_walks_in_a_model_with_meshes():
    words, shown = play(EXAMPLES / "go1_velocity_flat.keel", 2.0)
    assert words.startswith("walked") and "upright, ACTIVE" in words
    assert len(shown) == 100 and shown[-1][0] == pytest.approx(1.98)
    assert shown[-1][1][0] - shown[0][1][0] > 0.7  # forward, 2 s at up to 0.8 m/s from standing
    assert scene_of(str(EXAMPLES / "go1_velocity_flat.keel"), 1.0, 0, FORWARD).model.nmesh > 0


def test_a_gait_follows_the_command():
    _, shown = play(EXAMPLES / "go1_velocity_flat.keel", 1.5, command=(0.0, 0.0, 0.0))
    assert np.linalg.norm(shown[-1][1][:2] - shown[0][1][:2]) < 0.15


def test_a_task_bundle_runs_an_episode_and_its_end_is_told():
    words, shown = play(EXAMPLES / "panda_pick_place.keel", 0.4, seed=100_000)
    assert words == "timeout after 0.4 s" and len(shown) == 20


def test_a_task_is_shown_by_its_expert():
    words, shown = play("panda_pick_place", 0.3)
    assert words == "the expert was not done after 0.3 s" and len(shown) == 15
    assert not np.allclose(shown[0][1], shown[-1][1])


def test_a_batched_task_is_shown_under_zero_actions():
    words, shown = play("Hopper", 0.08)
    assert "zero actions" in words and len(shown) == 10


@pytest.mark.parametrize(("what", "named"), [("nonsense", "nonsense"), ("pusht", "pusht")])
def test_what_cannot_be_shown_is_named(what, named):
    with pytest.raises(ConfigError, match=named):
        scene_of(what, 1.0, 0, FORWARD)


def test_a_gait_for_less_than_a_control_period_shows_one():
    words, shown = play(EXAMPLES / "go1_velocity_flat.keel", 0.001)
    assert words.startswith("walked 0.0 m, upright") and len(shown) == 1
