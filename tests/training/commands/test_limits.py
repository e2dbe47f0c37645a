"""keel limits: from URDF and from MJCF as MuJoCo compiles it."""

import pytest
import yaml

from policy_nodes.errors import ConfigError
from policy_nodes.safety.config import JointLimit
from tests.policy_nodes.safety.test_model_limits import URDF
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
