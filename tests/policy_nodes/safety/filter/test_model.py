import numpy as np
import pytest
from pydantic import ValidationError

from policy_nodes.errors import ConfigError
from tests.policy_nodes.safety.arms import model, planar
from tests.policy_nodes.safety.rig import term

TIP = {"name": "tip", "link": "tip", "start": [0.0, 0.0, 0.0], "radius": 0.05}
BALL = {"name": "ball", "position": [1.5, 0.0, 0.0], "radius": 0.1}


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({}, "nothing is configured"),
        ({"obstacles": [BALL]}, "no body can stay clear"),
        ({"joint_margin": 2.9}, "leaves a joint no range"),
        (
            {"workspace": {"link": "tip", "minimum": [5, -1, -1], "maximum": [6, 1, 1]}},
            "'tool above min of the workspace in x' is violated by 4.0",
        ),
        ({"bodies": [TIP], "obstacles": [{**BALL, "radius": 9.0}]}, "'tip clear of ball' is violated by"),
        (
            {
                "bodies": [TIP, {**TIP, "name": "last", "link": "j1", "radius": 0.6}],
                "pairs": [{"first": "tip", "second": "last"}],
            },
            "'tip clear of last' is violated by 0.16",
        ),
        (
            {
                "workspace": {"link": "tip", "minimum": [0.7, -0.2, -1], "maximum": [2, 0.2, 1]},
                "bodies": [TIP],
                "obstacles": [{**BALL, "position": [1.0, 0.0, 0.0], "radius": 0.5}],
            },
            "no configuration satisfies every barrier",
        ),
    ],
)
def test_contradictions_are_refused_at_configure(sections: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        model(planar(2), **sections)
    assert error.value.fix


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"bodies": [TIP, TIP]}, "same name"),
        ({"bodies": [{**TIP, "link": "moon"}]}, "unknown links or bodies: moon"),
        ({"bodies": [TIP], "obstacles": [{**BALL, "bodies": ["foot"]}]}, "unknown links or bodies: foot"),
        ({"bodies": [TIP], "obstacles": [{**BALL, "term": "cube"}]}, "either position or term"),
        ({"bodies": [TIP], "obstacles": [{"name": "x", "radius": 0.1}]}, "either position or term"),
        ({"bodies": [TIP], "obstacles": [BALL], "humans": [BALL]}, "two obstacles"),
        ({"bodies": [TIP], "pairs": [{"first": "tip", "second": "tip"}]}, "same body twice"),
        ({"workspace": {"link": "tip", "minimum": [1, 0, 0], "maximum": [0, 1, 1]}}, "along x"),
        ({"workspace": {"link": "tip", "minimum": [0, 0], "maximum": [0, 1, 1]}}, "minimum"),
        ({"bodies": [{**TIP, "radius": -1.0}]}, "radius"),
        ({"decay_rate": 0.0}, "decay_rate"),
    ],
)
def test_invalid_sections_are_named(sections: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        model(planar(2), **sections)


def test_moving_obstacles_follow_their_terms() -> None:
    arm = model(planar(2), bodies=[TIP], obstacles=[{"name": "ball", "term": "cube", "radius": 0.1, "margin": 0.0}])
    assert arm.moving == {"ball": "cube"}
    for x in (1.5, 2.0):
        np.testing.assert_allclose(arm.rows(np.zeros(2), {"ball": np.array([x, 0.0, 0.0])}).value, [x - 1.0 - 0.15])
    with pytest.raises(KeyError):
        arm.rows(np.zeros(2), {})


def test_terms_of_moving_obstacles_must_be_positions_in_the_base_frame() -> None:
    arm = model(planar(2), bodies=[TIP], obstacles=[{"name": "ball", "term": "cube", "radius": 0.1}])
    good = term("cube").model_copy(update={"frame_id": "base"})
    arm.check_terms([good], "base")
    arm.check_terms([good], None)
    wrong = [
        ([], None, "unknown observation term 'cube'"),
        ([good], "world", "is in frame 'base'"),
        ([good.model_copy(update={"unit": ["rad"] * 3})], None, "position in m"),
        ([good.model_copy(update={"axes": ["x", "y"], "unit": ["m"] * 2})], None, "position in m"),
    ]
    for terms, frame, message in wrong:
        with pytest.raises(ConfigError, match=message):
            arm.check_terms(terms, frame)


def test_a_small_but_possible_workspace_is_found() -> None:
    corner = {"link": "tip", "minimum": [0.60, 0.30, -0.01], "maximum": [0.61, 0.31, 0.01]}
    assert len(model(planar(3), workspace=corner).labels) == 6
