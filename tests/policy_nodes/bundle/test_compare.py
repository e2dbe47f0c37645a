import pytest

from policy_nodes.bundle.compare import check_robot, contract_joints, order_differs
from policy_nodes.bundle.load import load_bundle
from tests.policy_nodes.bundle_fixture import JOINTS, make_bundle


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return load_bundle(make_bundle(tmp_path_factory.mktemp("bundle"))).manifest


def test_the_same_robot_in_any_order_with_more_joints(manifest):
    assert contract_joints(manifest) == JOINTS
    assert check_robot(manifest, [*reversed(JOINTS), "wheel"]) == []


def test_missing_joints_are_named_with_the_nearest_the_robot_has(manifest):
    robot = [f"fr3_joint{index}" for index in range(1, 8)] + [JOINTS[7]]
    sentences = check_robot(manifest, robot)
    assert len(sentences) == 7
    assert "commands joint 'panda_joint3', which this robot lacks" in sentences[2]
    assert "it has 'fr3_joint3'" in sentences[2]


def test_one_missing_joint_and_a_repeated_one(manifest):
    assert check_robot(manifest, [*JOINTS[1:], JOINTS[1]]) == [
        "the robot lists joint 'panda_joint2' 2 times",
        "bundle 'pick-place-tiny' (robot 'franka_panda') commands joint 'panda_joint1', which this robot lacks",
    ]


def test_order(manifest):
    assert not order_differs(manifest, ["base", *JOINTS])
    assert order_differs(manifest, [JOINTS[1], JOINTS[0], *JOINTS[2:]])
