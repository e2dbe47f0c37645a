import pytest

from policy_nodes.rosless import qos
from policy_nodes.rosless.duration import Duration
from policy_nodes.rosless.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    InvalidQoSProfileException,
    QoSPresetProfiles,
    QoSProfile,
    ReliabilityPolicy,
)

pytestmark = pytest.mark.pure


def test_defaults_are_rclpys():
    profile = QoSProfile(depth=5)
    assert profile.history == HistoryPolicy.KEEP_LAST and profile.depth == 5
    assert profile.reliability == ReliabilityPolicy.RELIABLE and profile.durability == DurabilityPolicy.VOLATILE
    assert profile.deadline == profile.lifespan == profile.liveliness_lease_duration == Duration()
    assert not profile.avoid_ros_namespace_conventions


def test_history_and_depth_belong_together():
    with pytest.raises(InvalidQoSProfileException):
        QoSProfile()
    with pytest.raises(InvalidQoSProfileException):
        QoSProfile(history=HistoryPolicy.KEEP_LAST)
    assert QoSProfile(history=HistoryPolicy.KEEP_ALL).depth == 10
    with pytest.warns(UserWarning, match="zero depth"):
        QoSProfile(depth=0)


def test_values_are_checked_and_integers_become_policies():
    profile = QoSProfile(depth=1, reliability=2)
    assert profile.reliability is ReliabilityPolicy.BEST_EFFORT
    with pytest.raises(TypeError):
        profile.deadline = 1.0
    with pytest.raises(TypeError):
        profile.reliability = "reliable"
    with pytest.raises(ValueError, match="9"):
        profile.durability = 9
    with pytest.raises(AttributeError):
        profile.colour = 1


def test_equality_and_text():
    assert QoSProfile(depth=1) == QoSProfile(depth=1) != QoSProfile(depth=2)
    assert "depth=1" in str(QoSProfile(depth=1))


def test_old_names_and_short_keys():
    assert qos.QoSReliabilityPolicy is ReliabilityPolicy
    assert ReliabilityPolicy.get_from_short_key("best_effort") == ReliabilityPolicy.BEST_EFFORT
    assert ReliabilityPolicy.BEST_EFFORT.short_key == "best_effort" and "reliable" in ReliabilityPolicy.short_keys()
    assert QoSPresetProfiles.get_from_short_key("sensor_data") == qos.qos_profile_sensor_data
    assert qos.qos_profile_sensor_data.depth == 5 and qos.qos_profile_parameters.depth == 1000
    assert qos.qos_policy_name_from_kind(1 << 4) == "RELIABILITY"
