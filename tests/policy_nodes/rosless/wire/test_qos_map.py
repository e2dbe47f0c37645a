import pytest
from cyclonedds.core import Policy

from policy_nodes.rosless.duration import Duration
from policy_nodes.rosless.errors import UnsupportedError
from policy_nodes.rosless.qos import DurabilityPolicy, HistoryPolicy, LivelinessPolicy, QoSProfile, ReliabilityPolicy
from policy_nodes.rosless.wire.capi import INFINITE_NS
from policy_nodes.rosless.wire.qos_map import check_supported, from_dds, to_dds

pytestmark = pytest.mark.pure


def test_default_profile_as_rmw_cyclonedds_maps_it():
    qos = to_dds(QoSProfile(depth=7), "typehash=x;")
    assert qos[Policy.History] == Policy.History.KeepLast(7)
    assert qos[Policy.Reliability] == Policy.Reliability.Reliable(max_blocking_time=INFINITE_NS)
    assert qos[Policy.Durability] == Policy.Durability.Volatile
    assert qos[Policy.WriterDataLifecycle] == Policy.WriterDataLifecycle(autodispose=False)
    assert qos[Policy.DataRepresentation] == Policy.DataRepresentation(use_cdrv0_representation=True)
    assert qos[Policy.Userdata].data == b"typehash=x;"
    assert Policy.Deadline not in qos and Policy.Lifespan not in qos and Policy.DurabilityService not in qos


def test_transient_local_also_sets_the_durability_service():
    qos = to_dds(QoSProfile(depth=3, durability=DurabilityPolicy.TRANSIENT_LOCAL), "")
    assert qos[Policy.DurabilityService].history == Policy.History.KeepLast(3)


def test_round_trip_of_what_is_on_the_wire():
    profile = QoSProfile(
        depth=1,
        reliability=ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
        lifespan=Duration(seconds=1),
        deadline=Duration(seconds=2),
        liveliness=LivelinessPolicy.MANUAL_BY_TOPIC,
        liveliness_lease_duration=Duration(seconds=3),
    )
    back = from_dds(to_dds(profile, ""))
    assert (back.history, back.depth) == (HistoryPolicy.UNKNOWN, 0)  # not announced on the wire
    for name in ("reliability", "durability", "lifespan", "deadline", "liveliness", "liveliness_lease_duration"):
        assert getattr(back, name) == getattr(profile, name), name


def test_depth_zero_means_one():
    with pytest.warns(UserWarning, match="zero depth"):
        profile = QoSProfile(depth=0)
    assert to_dds(profile, "")[Policy.History] == Policy.History.KeepLast(1)


def test_refused_policies():
    with pytest.raises(UnsupportedError) as caught:
        check_supported(QoSProfile(history=HistoryPolicy.KEEP_ALL))
    assert "KEEP_LAST" in caught.value.fix
    with pytest.raises(UnsupportedError, match="BEST_AVAILABLE"):
        check_supported(QoSProfile(depth=1, durability=DurabilityPolicy.BEST_AVAILABLE))
    check_supported(QoSProfile(depth=1))
