import numpy as np
import pytest

from policy_nodes.bundle.manifest import Manifest
from policy_nodes.errors import ContractError
from policy_nodes.inference.first_ticks import GRAVITY, FirstTicksCheck, FirstTicksConfig
from tests.policy_nodes.bundle_fixture import HIGH, JOINTS, LOW, manifest_fields

SECOND = 1_000_000_000
DEFAULT = [0.0, -0.3, 0.0, -2.2, 0.0, 2.0, 0.8, 0.02]
IMU_TERM = {
    "name": "imu", "topic": "/imu", "message_type": "sensor_msgs/msg/Imu", "field": "linear_acceleration",
    "axes": ["x", "y", "z"], "unit": ["m/s^2"] * 3, "minimum": [-50.0] * 3, "maximum": [50.0] * 3, "max_age_s": 0.1,
}  # fmt: skip


def manifest(offset=DEFAULT, **imu):
    """The Panda's contract with a default pose and an accelerometer in place of the cube."""
    raw = manifest_fields() | {"files": {}, "digest": "0" * 64}
    raw["actions"]["terms"][0]["offset"] = list(offset)
    raw["observations"][1]["terms"] = [IMU_TERM | imu]
    return Manifest.model_validate(raw)


def judge(contract=None, *, joints=DEFAULT, imu=(0.0, 0.0, GRAVITY), rate=50.0, names=JOINTS, delay=0.002, **config):
    """Half a second of messages, judged at its end."""
    check = FirstTicksCheck(contract or manifest(), 0, FirstTicksConfig(**config))
    if names is not None:
        check.on_joint_names(names)
    assert check.verdict(0) == ("checking", ())
    for index in range(int(0.5 * rate) + 1):
        stamp = round(index / rate * SECOND)
        check.on_sample("joint_position", stamp, stamp + round(delay * SECOND), joints)
        check.on_sample("imu", stamp, stamp + round(delay * SECOND), imu)
    return check.verdict(SECOND)


def items(result):
    assert (result[0] == "failed") == bool(result[1])
    for finding in result[1]:
        assert finding.sentence
        assert finding.fix
    return [finding.item for finding in result[1]]


def test_a_robot_that_fits():
    assert judge() == ("passed", ())


def test_names():
    verdict, findings = judge(names=[*JOINTS[:7], "panda_finger"])
    assert verdict == "failed"
    assert findings[0].item == "names"
    assert "'panda_finger_joint1', which this robot lacks; it has 'panda_finger'" in findings[0].sentence
    assert items(judge(names=[*JOINTS, JOINTS[0]])) == ["names"]
    assert items(judge(names=["wheel", *reversed(JOINTS)])) == []  # order and surplus are harmless


def test_two_publishers_share_the_topic():
    check = FirstTicksCheck(manifest(), 0)
    check.on_joint_names(JOINTS[:7])
    check.on_joint_names(JOINTS[7:])
    assert not [f for f in check.verdict(4 * SECOND)[1] if f.item == "names"]


def test_a_silent_topic_is_waited_for_and_then_named():
    check = FirstTicksCheck(manifest(), 0)
    for index in range(30):
        check.on_sample("joint_position", index * SECOND // 50, index * SECOND // 50, DEFAULT)
    assert check.verdict(2 * SECOND) == ("checking", ())
    verdict, findings = check.verdict(3 * SECOND)
    assert (verdict, [(f.item, f.term) for f in findings]) == ("failed", [("silent", "imu")])
    assert "arrived 0 times in 3.0 s, 5 are needed" in findings[0].sentence


def test_rate():
    """History is spaced by 20 ms: 40 Hz is within a quarter, 30 Hz is not."""
    assert items(judge(rate=40.0)) == []
    findings = judge(rate=30.0)[1]
    assert [f.item for f in findings] == ["rate", "rate"]
    assert "comes at 30.0 Hz, at least 40.0 Hz are needed: the history is spaced by 20 ms" in findings[0].sentence


def test_a_pause():
    check = FirstTicksCheck(manifest(), 0)
    for index in range(30):
        stamp = index * SECOND // 50 + (SECOND // 5 if index > 20 else 0)
        check.on_sample("joint_position", stamp, stamp, DEFAULT)
        check.on_sample("imu", stamp, stamp, (0, 0, GRAVITY))
    findings = check.verdict(SECOND)[1]
    assert [f.item for f in findings] == ["rate", "rate"]
    assert "paused for 220 ms, the limit is 100 ms" in findings[0].sentence


def test_stamps_out_of_order_and_clocks_apart():
    check = FirstTicksCheck(manifest(), 0)
    for index in (0, 1, 3, 2, 4, 5, 6):
        check.on_sample("joint_position", index * SECOND // 50, index * SECOND // 50, DEFAULT)
        check.on_sample("imu", index * SECOND // 50, index * SECOND // 50, (0, 0, GRAVITY))
    assert {f.item for f in check.verdict(SECOND)[1]} == {"order"}
    assert items(judge(delay=0.4)) == ["delay", "delay"]
    assert items(judge(delay=-0.2)) == ["delay", "delay"]


def test_degrees():
    joints = np.rad2deg(DEFAULT)
    verdict, findings = judge(joints=joints)
    assert "range" in items((verdict, findings))
    named = [f for f in findings if f.item == "range" and "panda_joint6" in f.sentence]
    assert named[0].fix == "the driver seems to publish degrees"


def test_range_names_the_joint_and_both_ranges():
    joints = list(DEFAULT)
    joints[0] = HIGH[0] + 0.2
    findings = judge(joints=joints, pose_tolerance=9.0)[1]
    assert [f.item for f in findings] == ["range"]
    assert "'joint_position' panda_joint1 is in [3.097, 3.097], the contract says [-2.9973, 2.9973] rad" in (
        findings[0].sentence
    )


def test_not_finite():
    assert items(judge(imu=(0.0, np.nan, GRAVITY))) == ["finite"]
    assert "at y" in judge(imu=(0.0, np.nan, GRAVITY))[1][0].sentence


@pytest.mark.parametrize(
    ("imu", "said"),
    [((0, 0, 1.0), "publishes g"), ((0, 0, 0.0), "removes gravity"), ((5.0, 0, GRAVITY), "must stand still")],
)
def test_gravity_norm(imu, said):
    findings = judge(imu=imu)[1]
    assert [f.item for f in findings] == ["gravity"]
    assert said in findings[0].fix


def test_tilt_is_asked_only_on_request():
    tilted = (GRAVITY * np.sin(0.5), 0.0, GRAVITY * np.cos(0.5))
    assert items(judge(imu=tilted)) == []
    findings = judge(imu=tilted, max_tilt=0.3)[1]
    assert [f.item for f in findings] == ["tilt"]
    assert "tilted by 0.50 rad" in findings[0].sentence


def test_projected_gravity_and_orientation():
    gravity = manifest(field="projected_gravity", unit=["1"] * 3)
    assert items(judge(gravity, imu=(0, 0, -1.0), max_tilt=0.3)) == []
    assert items(judge(gravity, imu=(0, 0, 1.0), max_tilt=0.3)) == ["tilt"]  # upside down, or the wrong sign
    assert items(judge(gravity, imu=(0, 0, -9.8))) == ["gravity"]
    axes = {"axes": ["x", "y", "z", "w"], "minimum": [-2.0] * 4, "maximum": [2.0] * 4}
    orientation = manifest(field="orientation", unit=["1"] * 4, **axes)
    assert items(judge(orientation, imu=(0, 0, 0.6, 0.8), max_tilt=0.3)) == []  # yaw is no tilt
    assert items(judge(orientation, imu=(np.sin(0.25), 0, 0, np.cos(0.25)), max_tilt=0.3)) == ["tilt"]
    assert items(judge(orientation, imu=(0, 0, 0, 0.5))) == ["gravity"]


def test_distance_from_the_default_pose():
    joints = list(DEFAULT)
    joints[3] += 0.35
    findings = judge(joints=joints)[1]
    assert [f.item for f in findings] == ["pose"]
    assert "'panda_joint4' is at -1.850, 0.350 away from the default pose -2.200" in findings[0].sentence
    assert items(judge(joints=joints, pose_tolerance=0.4)) == []
    assert items(judge(manifest(offset=[0.0] * 8), joints=joints)) == []  # absolute targets have no default pose


def test_wrong_size_does_not_crash_it():
    assert "range" in items(judge(joints=LOW[:3]))


def test_memory_is_bounded_and_unknown_terms_are_a_mistake_of_the_caller():
    check = FirstTicksCheck(manifest(), 0)
    for index in range(10_050):
        check.on_sample("imu", index, index, (0, 0, GRAVITY))
    assert len(check._values["imu"]) == 10_000
    with pytest.raises(KeyError):
        check.on_sample("other", 0, 0, [0.0])


def test_messages_that_do_not_fit_are_told_with_their_cause_and_not_as_silence():
    check = FirstTicksCheck(manifest(), 0)
    check.on_joint_names(JOINTS)
    for index in range(30):
        stamp = index * SECOND // 50
        check.on_sample("joint_position", stamp, stamp, DEFAULT)
        check.on_refused("imu", ContractError("frame is 'imu', the contract says 'base'.", "transform it with tf2"))
    verdict, findings = check.verdict(3 * SECOND)
    assert verdict == "failed"
    assert [(f.item, f.term, f.fix) for f in findings] == [("refused", "imu", "transform it with tf2")]
    assert findings[0].sentence == (
        "30 messages do not fit the contract, the last one: frame is 'imu', the contract says 'base'"
    )


def test_a_foreign_message_among_good_ones_is_a_finding_too():
    check = FirstTicksCheck(manifest(), 0)
    for index in range(26):
        stamp = index * SECOND // 50
        check.on_sample("joint_position", stamp, stamp, DEFAULT)
        check.on_sample("imu", stamp, stamp, (0, 0, GRAVITY))
    check.on_refused("imu", ContractError("frame is 'camera'.", "stop the second publisher"))
    assert [f.item for f in check.verdict(SECOND)[1]] == ["refused"]


def test_a_joint_under_another_name_is_told_once():
    """Its messages are refused because of the name: one finding, not three."""
    check = FirstTicksCheck(manifest(), 0)
    check.on_joint_names([*JOINTS[:7], "panda_finger"])
    for index in range(30):
        stamp = index * SECOND // 50
        check.on_sample("imu", stamp, stamp, (0, 0, GRAVITY))
        check.on_refused("joint_position", ContractError("joint 'panda_finger_joint1' is missing.", "rename it"))
    assert [f.item for f in check.verdict(3 * SECOND)[1]] == ["names"]
