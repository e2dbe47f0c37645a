import time

import pytest
from rclpy.duration import Duration
from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    LivelinessPolicy,
    QoSPolicyKind,
    QoSProfile,
    ReliabilityPolicy,
    qos_profile_sensor_data,
)
from std_msgs.msg import String

pytestmark = pytest.mark.ros


def matched(publisher, count=1):
    return lambda: publisher.get_subscription_count() == count


def test_best_effort_delivers(node, spin_until):
    received = []
    publisher = node.create_publisher(String, "sensor", qos_profile_sensor_data)
    node.create_subscription(String, "sensor", received.append, qos_profile_sensor_data)
    assert spin_until(matched(publisher), node)

    def publish_until_received():  # best effort promises nothing for a single sample
        publisher.publish(String(data="x"))
        return received

    assert spin_until(publish_until_received, node)


def test_transient_local_reaches_late_joiners(node, spin_until):
    latched = QoSProfile(depth=2, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    publisher = node.create_publisher(String, "latched", latched)
    for text in "abc":
        publisher.publish(String(data=text))
    received = []
    node.create_subscription(String, "latched", lambda msg: received.append(msg.data), latched)
    assert spin_until(lambda: len(received) == 2, node)
    assert received == ["b", "c"]
    late_volatile = []
    node.create_subscription(String, "latched", late_volatile.append, 10)
    assert spin_until(matched(publisher, 2), node)
    assert not spin_until(lambda: late_volatile, node, timeout=0.2)


def test_incompatible_reliability_is_warned_about_and_not_connected(node, spin_until, capfd):
    publisher = node.create_publisher(String, "mixed", QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))
    node.create_subscription(String, "mixed", lambda msg: None, 1)
    printed = []

    def warned():
        printed.append(capfd.readouterr().err)
        text = "".join(printed)
        return "offering incompatible QoS" in text and "requesting incompatible QoS" in text

    assert spin_until(warned, node)
    text = "".join(printed)
    assert "mixed'" in text and "RELIABILITY" in text and "[WARN]" in text
    assert publisher.get_subscription_count() == 0


def test_incompatible_qos_callback(node, spin_until):
    events = []
    callbacks = SubscriptionEventCallbacks(incompatible_qos=events.append)
    wanted = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    node.create_subscription(String, "durable", lambda msg: None, wanted, event_callbacks=callbacks)
    node.create_publisher(String, "durable", 1)
    assert spin_until(lambda: events, node)
    assert events[0].total_count == 1 and events[0].total_count_change == 1
    assert events[0].last_policy_kind == QoSPolicyKind.DURABILITY


def test_deadline_missed_on_both_sides(node, spin_until):
    offered, requested = [], []
    qos = QoSProfile(depth=1, deadline=Duration(seconds=0.1))
    publisher = node.create_publisher(
        String, "due", qos, event_callbacks=PublisherEventCallbacks(deadline=offered.append)
    )
    node.create_subscription(
        String, "due", lambda msg: None, qos, event_callbacks=SubscriptionEventCallbacks(deadline=requested.append)
    )
    assert spin_until(matched(publisher), node)
    publisher.publish(String())
    assert spin_until(lambda: offered and requested, node)
    assert requested[0].total_count >= 1 and offered[0].total_count_change >= 1


def test_manual_liveliness(node, spin_until):
    lost, changed = [], []
    qos = QoSProfile(
        depth=1, liveliness=LivelinessPolicy.MANUAL_BY_TOPIC, liveliness_lease_duration=Duration(seconds=0.5)
    )
    publisher = node.create_publisher(
        String, "alive", qos, event_callbacks=PublisherEventCallbacks(liveliness=lost.append)
    )
    node.create_subscription(
        String, "alive", lambda msg: None, qos, event_callbacks=SubscriptionEventCallbacks(liveliness=changed.append)
    )
    assert spin_until(matched(publisher), node)
    publisher.assert_liveliness()
    assert spin_until(lambda: changed and changed[-1].alive_count == 1, node)
    assert spin_until(lambda: changed[-1].alive_count == 0 and changed[-1].not_alive_count == 1, node)
    assert spin_until(lambda: lost, node)
    publisher.publish(String())
    assert spin_until(lambda: changed[-1].alive_count == 1, node)


def test_matched_events(node, spin_until):
    publisher_events, subscription_events = [], []
    publisher = node.create_publisher(
        String, "match", 1, event_callbacks=PublisherEventCallbacks(matched=publisher_events.append)
    )
    subscription = node.create_subscription(
        String,
        "match",
        lambda msg: None,
        1,
        event_callbacks=SubscriptionEventCallbacks(matched=subscription_events.append),
    )
    assert spin_until(lambda: publisher_events and subscription_events, node)
    assert publisher_events[0].current_count == 1 and subscription_events[0].current_count == 1
    node.destroy_subscription(subscription)
    assert spin_until(lambda: publisher_events[-1].current_count == 0, node)
    assert publisher_events[-1].current_count_change == -1
    assert publisher.get_subscription_count() == 0


def test_lifespan_expires_latched_samples(node, spin_until):
    qos = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL, lifespan=Duration(seconds=0.1))
    publisher = node.create_publisher(String, "short", qos)
    publisher.publish(String(data="old"))
    time.sleep(0.25)
    received = []
    node.create_subscription(String, "short", received.append, qos)
    assert spin_until(matched(publisher), node)
    assert not spin_until(lambda: received, node, timeout=0.2)


def test_an_integer_is_a_depth(node):
    publisher = node.create_publisher(String, "depth", 7)
    assert publisher.qos_profile == QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=7)
    with pytest.raises(ValueError, match="depth"):
        node.create_publisher(String, "depth", -1)
    with pytest.raises(TypeError):
        node.create_publisher(String, "depth", "10")


def test_wait_for_all_acked(node, spin_until):
    publisher = node.create_publisher(String, "acked", 10)
    node.create_subscription(String, "acked", lambda msg: None, 10)
    assert spin_until(matched(publisher), node)
    publisher.publish(String())
    assert publisher.wait_for_all_acked(Duration(seconds=5))
