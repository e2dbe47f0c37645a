"""Which faults a bundle can suffer, and from which streams."""

from types import SimpleNamespace

import numpy as np
import pytest

from policy_nodes.running.campaign.catalogue import CASES
from policy_nodes.running.campaign.moments import NS
from policy_nodes.running.campaign.sources import applies, declared, limits_of, read_term, source_of
from policy_nodes.safety.reasons import Reason

pytestmark = pytest.mark.pure

JOINTS, POSE = "sensor_msgs/msg/JointState", "geometry_msgs/msg/PoseStamped"
IMU, TWIST = "sensor_msgs/msg/Imu", "geometry_msgs/msg/Twist"


def term(name, kind, field="", age=0.1, own=False):
    return SimpleNamespace(name=name, message_type=kind, field=field, max_age_s=age, own_action=own)


ARM = SimpleNamespace(terms=[term("q", JOINTS), term("cube", POSE)], files={"calibration.npz": ""})
DOG = SimpleNamespace(
    terms=[
        term("rates", IMU, "angular_velocity", 0.05),
        term("gravity", IMU, "projected_gravity", 0.1),
        term("command", TWIST, "planar", 0.5),
        term("last_action", "trajectory_msgs/msg/JointTrajectory", own=True),
    ],
    files={},
)


def names(manifest):
    return {case.name for case in CASES.values() if applies(case, manifest)}


def test_a_fault_needs_something_to_touch():
    arm, dog = names(ARM), names(DOG)
    assert {"objects_drop", "alarms_raised", "monitor_killed", "joints_nan", "estop"} <= arm
    assert not {name for name in arm if name.startswith(("imu_", "drive_"))}
    assert {"imu_overturned", "drive_nan", "joints_nan", "estop", "policy_killed"} <= dog
    assert not {name for name in dog if name.startswith(("objects_", "alarms_", "monitor_"))}
    assert len(arm) >= 60 and len(dog) >= 55


def test_a_bad_chunk_is_a_bad_observation_where_the_policy_sees_its_own_actions():
    assert declared(CASES["chunks_nan"], ARM) is CASES["chunks_nan"]
    assert Reason.OBSERVATION_NOT_FINITE in declared(CASES["chunks_nan"], DOG).may_stop
    assert Reason.COMMAND_FAR_FROM_STATE in declared(CASES["chunks_nan"], DOG).may_stop
    assert declared(CASES["chunks_duplicate"], DOG).may_stop == ()
    assert declared(CASES["joints_nan"], DOG) is CASES["joints_nan"]


def test_objects_have_a_source_each_and_an_imu_one_for_all_its_terms():
    assert [source_of(item) for item in ARM.terms] == ["joints", "objects/cube"]
    assert [source_of(item) for item in DOG.terms] == ["imu", "imu", "drive", ""]


def test_of_two_terms_of_one_topic_the_stricter_age_counts():
    safety = SimpleNamespace(
        joint_state_timeout_s=0.1, monitor_timeout_s=0.5, extrapolation_limit_s=0.05, max_rejects=3
    )
    limits = limits_of(safety, DOG.terms)
    assert limits.max_age_ns["imu"] == NS // 20 and limits.max_age_ns["drive"] == NS // 2
    assert limits.max_age_ns["joints"] == NS // 10 and "" not in limits.max_age_ns
    assert (limits.hold_ns, limits.max_rejects) == (NS // 20, 3)


@pytest.mark.parametrize(
    ("quat_xyzw", "gravity"),
    [
        ([0.0, 0.0, 0.0, 1.0], [0.0, 0.0, -1.0]),
        ([1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0]),  # on its back
        ([np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)], [0.0, -1.0, 0.0]),  # rolled by 90 degrees: R^T (0, 0, -1)
    ],
)
def test_imu_terms_by_hand(quat_xyzw, gravity):
    values = np.array([*quat_xyzw, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    np.testing.assert_allclose(read_term(term("g", IMU, "projected_gravity"), values), gravity, atol=1e-12)
    np.testing.assert_array_equal(read_term(term("w", IMU, "angular_velocity"), values), [1, 2, 3])
    np.testing.assert_array_equal(read_term(term("a", IMU, "linear_acceleration"), values), [4, 5, 6])
    np.testing.assert_array_equal(read_term(term("o", IMU, "orientation"), values), quat_xyzw)
    assert read_term(term("cube", POSE), values) is values
