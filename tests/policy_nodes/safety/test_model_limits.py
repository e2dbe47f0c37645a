"""Limits from a robot description: what is taken, what is assumed, what is refused."""

import pytest

from policy_nodes.errors import ConfigError
from policy_nodes.safety.model_limits import joint_limits, urdf_limits, with_moveit

URDF = """<robot name="r">
<joint name="a" type="revolute"><limit lower="-1" upper="2" velocity="2.0" effort="87"/></joint>
<joint name="b" type="prismatic"><limit lower="0" upper="0.04" velocity="0.2" effort="20"/></joint>
<joint name="m" type="prismatic"><limit lower="0" upper="0.04" velocity="0.2"/><mimic joint="b"/></joint>
<joint name="w" type="continuous"/><joint name="f" type="fixed"/>
<joint name="slow" type="revolute"><limit lower="-1" upper="1" effort="5"/></joint>
</robot>"""


def test_values_of_the_urdf_and_named_assumptions():
    made, assumed = joint_limits(urdf_limits(URDF), ["b", "a"], ramp_s=0.25)
    assert [joint.name for joint in made] == ["b", "a"]
    arm = made[1]
    assert (arm.position_min, arm.position_max, arm.velocity, arm.effort) == (-1.0, 2.0, 2.0, 87.0)
    assert (arm.acceleration, arm.jerk) == (pytest.approx(8.0), pytest.approx(320.0))
    assert assumed == ["b: acceleration", "b: jerk", "a: acceleration", "a: jerk"]


def test_moveit_completes_and_overrides():
    moveit = {
        "joint_limits": {
            "a": {"has_velocity_limits": True, "max_velocity": 1.5, "has_acceleration_limits": True,
                  "max_acceleration": 15.0, "has_jerk_limits": True, "max_jerk": 7500.0},
            "b": {"has_acceleration_limits": False, "max_acceleration": 9.0},
            "unknown": {},
        }
    }  # fmt: skip
    made, assumed = joint_limits(with_moveit(urdf_limits(URDF), moveit), ["a", "b"])
    assert (made[0].velocity, made[0].acceleration, made[0].jerk) == (1.5, 15.0, 7500.0)
    assert made[1].acceleration == pytest.approx(1.0)
    assert assumed == ["b: acceleration", "b: jerk"]


@pytest.mark.parametrize(
    ("joints", "message"),
    [
        (["a", "zz"], "limits for zz"),
        (["w"], "limits for w"),
        (["m"], "limits for m"),
        (["slow"], "no velocity"),
    ],
)
def test_missing_joints_and_limits_are_refused(joints, message):
    with pytest.raises(ConfigError, match=message):
        joint_limits(urdf_limits(URDF), joints)


@pytest.mark.parametrize(
    "text", ["", "<robot", "<mujoco/>", "<!DOCTYPE robot><robot/>", URDF.replace('upper="2"', 'upper="wide"')]
)
def test_what_is_no_urdf_is_refused(text):
    with pytest.raises(ConfigError):
        urdf_limits(text)


def test_an_empty_range_and_a_foreign_moveit_file_are_refused():
    with pytest.raises(ConfigError, match="range"):
        joint_limits(urdf_limits(URDF.replace('lower="-1" upper="2"', 'lower="2" upper="2"')), ["a"])
    with pytest.raises(ConfigError, match="joint_limits"):
        with_moveit(urdf_limits(URDF), {"joints": {}})
