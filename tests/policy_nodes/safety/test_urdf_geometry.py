"""Chain and shapes of a URDF, by hand."""

import numpy as np
import pytest

from policy_nodes.errors import ConfigError
from policy_nodes.safety.kinematics import Kinematics
from policy_nodes.safety.urdf_geometry import urdf_links

ARM = """<robot name="r">
<link name="base"><collision><origin xyz="0 0 0.1"/><geometry><box size="0.2 0.2 0.2"/></geometry></collision></link>
<link name="upper"><collision><origin xyz="0.2 0 0" rpy="0 1.5707963267948966 0"/>
  <geometry><cylinder radius="0.05" length="0.4"/></geometry></collision></link>
<link name="fore"><collision><geometry><mesh filename="fore.stl"/></geometry></collision></link>
<link name="tool"><collision><geometry><sphere radius="0.03"/></geometry></collision></link>
<link name="other"/>
<joint name="a" type="revolute"><origin xyz="0 0 0.2"/><parent link="base"/><child link="upper"/><axis xyz="0 0 2"/>
  <limit lower="-2" upper="2" velocity="1"/></joint>
<joint name="b" type="prismatic"><origin xyz="0.4 0 0" rpy="0 0 1.5707963267948966"/><parent link="upper"/>
  <child link="fore"/><limit lower="0" upper="0.3" velocity="1"/></joint>
<joint name="flange" type="fixed"><origin xyz="0 0.1 0"/><parent link="fore"/><child link="tool"/></joint>
<joint name="side" type="floating"><parent link="base"/><child link="other"/></joint>
</robot>"""


def test_chain_and_shapes_to_the_tool() -> None:
    links, unknown = urdf_links(ARM, "tool")
    assert [link.name for link in links] == ["base", "upper", "fore", "tool"]
    chain = [link.chain for link in links]
    assert [(each.name, each.kind) for each in chain] == [
        ("base", "fixed"), ("a", "revolute"), ("b", "prismatic"), ("tool", "fixed"),
    ]  # fmt: skip
    assert (chain[1].axis, chain[2].axis) == ([0.0, 0.0, 1.0], [1.0, 0.0, 0.0])  # normalised; the default
    assert unknown == ["fore"]  # a mesh
    box, cylinder, ball = (links[k].shapes[0] for k in (0, 1, 3))
    np.testing.assert_allclose(box.half, [0.1, 0.1, 0.1])
    np.testing.assert_allclose(cylinder.half, [0.05, 0.05, 0.25])
    np.testing.assert_allclose(cylinder.pose[:3, 2], [1, 0, 0], atol=1e-12)  # its z lies along x
    np.testing.assert_allclose(ball.half, [0.03] * 3)


def test_where_the_tool_is() -> None:
    links, _ = urdf_links(ARM, "tool")
    arm = Kinematics([link.chain for link in links], ["a", "b"])
    # At rest the slide's frame is turned by 90 degrees: it slides along y, and the tool lies at -x of it.
    np.testing.assert_allclose(arm.frames(np.array([0.0, 0.2]))[-1][:3, 3], [0.3, 0.2, 0.2], atol=1e-12)
    np.testing.assert_allclose(arm.frames(np.array([np.pi / 2, 0.0]))[-1][:3, 3], [0.0, 0.3, 0.2], atol=1e-12)


def test_roll_pitch_and_yaw_are_about_fixed_axes() -> None:
    text = ARM.replace('<origin xyz="0 0.1 0"/>', '<origin rpy="0.3 -0.4 1.1"/>')
    found = np.array(urdf_links(text, "tool")[0][-1].chain.fixed)[:3, :3]
    x, y, z = (np.eye(3) + np.sin(a) * k + (1 - np.cos(a)) * k @ k for a, k in zip(
        (0.3, -0.4, 1.1), ([[0, 0, 0], [0, 0, -1], [0, 1, 0]], [[0, 0, 1], [0, 0, 0], [-1, 0, 0]],
                           [[0, -1, 0], [1, 0, 0], [0, 0, 0]]) * np.ones((3, 1, 1)), strict=True))  # fmt: skip
    np.testing.assert_allclose(found, z @ y @ x, atol=1e-12)


@pytest.mark.parametrize(
    ("old", "new", "tip", "message"),
    [
        ("", "", "hand", "no link 'hand'"),
        ("", "", "other", "of type 'floating'"),
        ('type="prismatic">', 'type="prismatic"><mimic joint="a"/>', "tool", "joint 'b' on the way"),
        ('size="0.2 0.2 0.2"', 'size="0.2 0.2"', "tool", "size='0.2 0.2'"),
        ('radius="0.03"', 'radius="thick"', "tool", "radius='thick'"),
        ('<parent link="base"/><child link="upper"/>', '<parent link="tool"/><child link="upper"/>', "tool", "a loop"),
    ],
)
def test_what_cannot_be_used_is_named(old: str, new: str, tip: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        urdf_links(ARM.replace(old, new) if old else ARM, tip)
