"""keel limits: from URDF and from MJCF as MuJoCo compiles it."""

import numpy as np
import pytest
import yaml

from policy_nodes.errors import ConfigError
from policy_nodes.safety.config import JointLimit, load_safety_config
from policy_nodes.safety.filter.model import FilterModel
from policy_nodes.safety.limits import Limits
from tests.policy_nodes.safety.test_model_limits import URDF
from tests.policy_nodes.safety.test_urdf_geometry import ARM
from training.commands.limits import Args, run

MJCF = """<mujoco><compiler angle="degree"/><worldbody><body><joint name="hip" type="hinge" range="-90 45"/>
<geom size="0.1"/><body><joint name="slide" type="slide" range="0 0.5"/><geom size="0.1"/>
<body><joint name="free_turning" type="hinge"/><geom size="0.1"/></body></body></body></worldbody>
<actuator><motor joint="hip" forcerange="-30 30" gear="2"/></actuator></mujoco>"""


def test_mjcf_with_degrees_gears_and_a_velocity_from_the_command_line(tmp_path):
    model, target = tmp_path / "robot.xml", tmp_path / "limits.yaml"
    model.write_text(MJCF)
    assert run(Args(model, velocity=2.0, output=target)) == 0
    text = target.read_text()
    joints = [JointLimit.model_validate(each) for each in yaml.safe_load(text)["joints"]]
    assert [joint.name for joint in joints] == ["hip", "slide"]
    assert (joints[0].position_min, joints[0].position_max) == pytest.approx((-1.5708, 0.7854), abs=1e-4)
    assert joints[0].effort == pytest.approx(60.0) and joints[1].effort is None
    assert "# assumed from --ramp 0.2: hip: jerk" in text


def test_urdf_and_moveit_to_standard_output(tmp_path, capsys):
    model, moveit = tmp_path / "robot.urdf", tmp_path / "joint_limits.yaml"
    model.write_text(URDF)
    moveit.write_text("joint_limits: {a: {has_jerk_limits: true, max_jerk: 7500.0}}")
    assert run(Args(model, joints=("a",), moveit=moveit)) == 0
    (joint,) = yaml.safe_load(capsys.readouterr().out)["joints"]
    assert joint["jerk"] == 7500.0 and joint["velocity"] == 2.0


def test_what_cannot_be_read_is_named(tmp_path):
    model = tmp_path / "robot.xml"
    model.write_text(MJCF)
    with pytest.raises(ConfigError, match="velocity"):
        run(Args(model))
    model.write_text("<mujoco><worldbody><body><joint/></body></worldbody></mujoco>")
    with pytest.raises(ConfigError, match=r"robot\.xml"):
        run(Args(model, velocity=1.0))
    with pytest.raises(ConfigError, match="cannot read"):
        run(Args(tmp_path / "absent.urdf"))


GEOMETRY = """<mujoco><compiler angle="radian"/><worldbody><body name="base"><geom type="box" size="0.05 0.05 0.1"/>
<body name="one" pos="0 0 0.2"><joint name="a" axis="0 1 0" range="-2.5 2.5"/>
<geom type="capsule" fromto="0 0 0 0.4 0 0" size="0.03"/><geom size="9" contype="0" conaffinity="0"/>
<body name="two" pos="0.4 0 0"><joint name="b" axis="0 1 0" range="-2.8 2.8"/>
<geom type="capsule" fromto="0 0 0 0.4 0 0" size="0.03"/>
<body name="hand" pos="0.4 0 0"><geom type="sphere" size="0.04"/></body></body></body></body></worldbody></mujoco>"""


def test_the_filter_section_of_a_model_and_a_workspace_that_the_tool_keeps(tmp_path, capsys):
    model, target = tmp_path / "arm.xml", tmp_path / "safety.yaml"
    model.write_text(GEOMETRY)
    box = (-0.9, -0.5, 0.05, 0.9, 0.5, 1.0)
    assert run(Args(model, velocity=1.0, tip="hand", margin=0.02, workspace=box, output=target)) == 0
    config = load_safety_config(target)
    section = config.filter
    assert [link.name for link in section.chain] == ["base", "a", "b", "hand"]
    assert [body.name for body in section.bodies] == ["base", "one", "two", "hand"]
    # The drawn sphere of 9 m does not collide; the rods are read as they are.
    one = section.bodies[1]
    assert one.radius == pytest.approx(0.0301) and sorted([one.start[0], one.end[0]]) == pytest.approx([0.0, 0.4])
    # Neighbours are no pair; two joints apart the base can be touched.
    assert {(pair.first, pair.second) for pair in section.pairs} == {("base", "two"), ("base", "hand")}
    limits = Limits.of(config.joints, 0.01)
    kept = FilterModel(section, config.names, limits)
    values = kept.distances(np.array([[0.0, 0.0], [1.0, 0.0]]), {})
    assert values[0].min() > 0.0 > values[1].min()  # pointing down past the table is outside the box


def test_a_workspace_without_a_tool_and_a_tool_that_is_not_there_are_refused(tmp_path):
    model = tmp_path / "arm.xml"
    model.write_text(GEOMETRY)
    with pytest.raises(ConfigError, match="--workspace needs"):
        run(Args(model, velocity=1.0, workspace=(0, 0, 0, 1, 1, 1)))
    with pytest.raises(ConfigError, match=r"no body 'gripper'.*Fix: use one of base, one, two, hand"):
        run(Args(model, velocity=1.0, tip="gripper"))


def test_the_filter_section_of_a_urdf_names_meshes_that_were_not_read(tmp_path, capsys):
    model = tmp_path / "arm.urdf"
    model.write_text(ARM)
    assert run(Args(model, tip="tool")) == 0
    text = capsys.readouterr().out
    assert "# link fore has a shape that was not read: describe it by hand" in text
    assert [body["name"] for body in yaml.safe_load(text)["filter"]["bodies"]] == ["base", "upper", "tool"]


@pytest.mark.parametrize(("option", "value"), [("velocity", 0.0), ("velocity", -1.0), ("ramp", 0.0), ("ramp", -0.2)])
def test_numbers_that_are_no_limits_are_refused_by_name(tmp_path, option, value):
    model = tmp_path / "robot.xml"
    model.write_text(MJCF)
    with pytest.raises(ConfigError, match=f"--{option} is {value}"):
        run(Args(model, **{"velocity": 1.0, option: value}))


def test_a_velocity_of_zero_is_one_that_nobody_knew(tmp_path, capsys):
    """Some exporters write velocity="0"; the command line stands in, and without it the joint is named."""
    model = tmp_path / "robot.urdf"
    model.write_text(
        '<robot name="r"><joint name="j" type="revolute"><limit lower="-1" upper="1" velocity="0" effort="5"/></joint>'
        "</robot>"
    )
    with pytest.raises(ConfigError, match="joint 'j' has no velocity limit"):
        run(Args(model))
    assert run(Args(model, velocity=3.0)) == 0
    (joint,) = yaml.safe_load(capsys.readouterr().out)["joints"]
    # full speed in 0.2 s, full acceleration in a tenth of that
    assert (joint["velocity"], joint["acceleration"], joint["jerk"]) == pytest.approx((3.0, 15.0, 750.0))
