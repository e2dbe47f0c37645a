import numpy as np
import pytest

from policy_nodes.bundle.onnx_metadata import PolicyMetadata, parse_metadata
from policy_nodes.errors import ConfigError
from tests.training.convert.policies import holosoma, mjlab
from training.convert.settings import Given, resolve

METADATA = parse_metadata(mjlab())


def test_metadata_alone_lacks_only_the_rate():
    with pytest.raises(ConfigError, match=r"does not say its control frequency\.") as error:
        resolve(Given(), METADATA)
    assert error.value.fix == "give --rate-hz"
    settings = resolve(Given(rate_hz=50.0), METADATA)
    assert settings.joints == ("hip", "knee")
    assert settings.action_scale.tolist() == [0.25, 0.5]
    assert settings.history == (1,) * 6
    assert settings.command_low is None


def test_everything_missing_is_named_at_once_with_its_option():
    with pytest.raises(ConfigError) as error:
        resolve(Given(), PolicyMetadata())
    for option in (
        "--joint-names",
        "--stiffness",
        "--damping",
        "--default-pos",
        "--action-scale",
        "--observations",
        "--rate-hz",
    ):
        assert option in error.value.fix


def test_options_win_and_one_value_is_for_all():
    given = Given(
        rate_hz=100.0, stiffness=(30.0,), default_pos=(0.0, -1.0), history=(5,), command_limit=(1.0, 0.5, 2.0)
    )
    settings = resolve(given, METADATA)
    assert settings.stiffness.tolist() == [30.0, 30.0]
    assert settings.default_pos.tolist() == [0.0, -1.0]
    assert settings.history == (5,) * 6
    assert settings.command_low.tolist() == [-1.0, -0.5, -2.0]


def test_command_range_of_the_file():
    given = Given(rate_hz=50.0, default_pos=(0.0,), action_scale=(0.25,), observations=("joint_pos",))
    settings = resolve(given, parse_metadata(holosoma()))
    assert np.array_equal(settings.command_low, [-0.5, -0.3, -1.0])
    assert np.array_equal(settings.command_high, [1.0, 0.3, 1.0])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (Given(stiffness=(1.0, 2.0, 3.0)), "3 values of joint_stiffness for 2"),
        (Given(action_scale=(0.0,)), "scale is zero"),
        (Given(history=(0,)), "--history is 0"),
        (Given(history=(1, 2)), "2 values of observation history for 6"),
        (Given(observations=("a", "a")), "named twice"),
        (Given(observation_scale={"x": 1.0}), "names 'x'"),
        (Given(command_limit=(1.0, -1.0, 1.0)), "not positive"),
        (Given(rate_hz=-5.0), "-5 Hz"),
    ],
)
def test_what_makes_no_sense(given, said):
    from dataclasses import replace

    with pytest.raises(ConfigError, match=said) as error:
        resolve(replace(given, rate_hz=given.rate_hz or 50.0), METADATA)
    assert error.value.fix
