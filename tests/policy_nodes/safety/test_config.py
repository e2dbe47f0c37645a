from pathlib import Path

import pytest
import yaml

from policy_nodes.errors import ConfigError
from policy_nodes.safety.config import SafetyConfig, dump_safety_config, load_safety_config
from policy_nodes.safety.reasons import Reason
from tests.policy_nodes.safety.rig import config, limits


def test_round_trip(tmp_path: Path) -> None:
    original = config(alarm_reaction="hold", reactions={"chunk_exhausted": {"backup": "hold", "stop_category": 1}})
    file = tmp_path / "safety.yaml"
    dump_safety_config(original, file)
    assert load_safety_config(file) == original
    assert [entry.name for entry in tmp_path.iterdir()] == ["safety.yaml"]


def test_defaults_and_overrides_of_reactions() -> None:
    settings = config(reactions={"chunk_exhausted": {"stop_category": 0}})
    assert settings.stop_reaction(Reason.CHUNK_EXHAUSTED).stop_category == 0
    assert settings.stop_reaction(Reason.JOINT_STATE_STALE).stop_category == 1
    assert settings.stop_reaction(Reason.OBSERVATION_STALE).backup == "jerk_limited_stop"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"joints": []}, "joints"),
        ({"surprise": 1}, "surprise"),
        ({"joint_state_timeout_s": 0}, "joint_state_timeout_s"),
        ({"chunk_grace_s": float("nan")}, "chunk_grace_s"),
        ({"alarm_reaction": "shout"}, "alarm_reaction"),
        ({"reactions": {"nonsense": {"stop_category": 1}}}, "nonsense"),
        ({"reactions": {"estop": {"stop_category": 2}}}, "IEC 60204-1"),
        ({"reactions": {"estop": {"stop_category": 1, "backup": "hold"}}}, "hold"),
        ({"reactions": {"chunk_late": {"stop_category": 1}}}, "does not stop"),
        ({"joints": [limits()[0].model_dump()] * 2}, "shoulder"),
        ({"joints": [{**limits()[0].model_dump(), "position_min": 3.0}]}, "position_min"),
        ({"joints": [{**limits()[0].model_dump(), "jerk": 0.0}]}, "jerk"),
    ],
)
def test_bad_values_are_named(tmp_path: Path, change: dict[str, object], message: str) -> None:
    data = {**SafetyConfig(joints=limits()).model_dump(mode="json"), **change}
    file = tmp_path / "safety.yaml"
    file.write_text(yaml.safe_dump(data))
    with pytest.raises(ConfigError, match=message) as error:
        load_safety_config(file)
    assert error.value.fix


@pytest.mark.parametrize("text", ["", "a: [", "\x00\x01"])
def test_not_yaml(tmp_path: Path, text: str) -> None:
    file = tmp_path / "safety.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"safety\.yaml"):
        load_safety_config(file)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_safety_config(tmp_path / "absent.yaml")
