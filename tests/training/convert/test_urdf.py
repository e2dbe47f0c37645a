import pytest

from policy_nodes.errors import ConfigError
from tests.training.convert.policies import JOINTS, URDF
from training.convert.safety import from_urdf, from_yaml
from training.convert.urdf import UrdfLimit, joint_limits


def test_limits_by_name():
    assert joint_limits(URDF, ["knee", "hip"]) == {
        "knee": UrdfLimit(-2.6, -0.5, 25.0),
        "hip": UrdfLimit(-1.0, 1.0, 20.0),
    }


@pytest.mark.parametrize(
    ("text", "joint", "said"),
    [
        (URDF, "ankle", "no joint 'ankle'"),
        (URDF, "wheel", "is not a revolute joint with limits"),
        ("<robot>", "hip", "is not XML"),
        ("<!DOCTYPE x [<!ENTITY a 'b'>]><robot/>", "hip", "document type"),
        (URDF.replace('lower="-1.0"', 'lower="x"'), "hip", "is no number"),
        (URDF.replace('lower="-1.0"', 'lower="nan"'), "hip", "unusable"),
        (URDF.replace('velocity="20"', 'velocity="0"'), "hip", "unusable"),
        (URDF.replace('lower="-1.0"', ""), "hip", "unusable"),
    ],
)
def test_what_cannot_be_used_names_the_joint(text, joint, said):
    with pytest.raises(ConfigError, match=said) as error:
        joint_limits(text, [joint])
    assert "--safety" in error.value.fix


def test_a_description_needs_acceleration_and_jerk_beside_it():
    config = from_urdf(URDF, JOINTS, 300.0, 3e4)
    assert config.names == list(JOINTS)
    assert (config.joints[1].position_max, config.joints[1].velocity, config.joints[1].jerk) == (-0.5, 25.0, 3e4)
    with pytest.raises(ConfigError, match="no limit of jerk") as error:
        from_urdf(URDF, JOINTS, 300.0, None)
    assert "--jerk" in error.value.fix


def test_yaml_is_put_into_the_order_of_the_policy(tmp_path):
    from tests.training.convert.policies import SAFETY

    path = tmp_path / "safety.yaml"
    path.write_text(SAFETY)
    assert from_yaml(path, JOINTS).names == ["hip", "knee"]
    with pytest.raises(ConfigError, match="lacks ankle"):
        from_yaml(path, ["hip", "knee", "ankle"])
    with pytest.raises(ConfigError, match="limits knee, not moved"):
        from_yaml(path, ["hip"])
