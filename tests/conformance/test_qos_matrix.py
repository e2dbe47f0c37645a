"""Which offered quality of service satisfies which requested one, and who is told when it does not."""

import itertools

import pytest
from rclpy.duration import Duration
from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.qos import DurabilityPolicy, LivelinessPolicy, QoSPolicyKind, QoSProfile, ReliabilityPolicy
from std_msgs.msg import String

pytestmark = pytest.mark.ros

BEST_EFFORT, RELIABLE = ReliabilityPolicy.BEST_EFFORT, ReliabilityPolicy.RELIABLE
VOLATILE, TRANSIENT_LOCAL = DurabilityPolicy.VOLATILE, DurabilityPolicy.TRANSIENT_LOCAL
AUTOMATIC, MANUAL = LivelinessPolicy.AUTOMATIC, LivelinessPolicy.MANUAL_BY_TOPIC
KINDS = list(itertools.product((BEST_EFFORT, RELIABLE), (VOLATILE, TRANSIENT_LOCAL)))


def name(kind):
    return f"{kind[0].name}-{kind[1].name}"


def seconds(value):
    return Duration(seconds=value)


class Pair:
    """A publisher and a subscription of one topic, and what each is told."""

    def __init__(self, node, offered, requested):
        self.offered_events, self.requested_events, self.received = [], [], []
        self.publisher = node.create_publisher(
            String, "pair", QoSProfile(depth=5, **offered),
            event_callbacks=PublisherEventCallbacks(incompatible_qos=self.offered_events.append),
        )  # fmt: skip
        self.subscription = node.create_subscription(
            String, "pair", lambda msg: self.received.append(msg.data), QoSProfile(depth=5, **requested),
            event_callbacks=SubscriptionEventCallbacks(incompatible_qos=self.requested_events.append),
        )  # fmt: skip

    def publish_until_received(self):
        self.publisher.publish(String(data="x"))  # again and again: best effort promises nothing for one sample
        return self.received

    def assert_connected(self, node, spin_until):
        assert spin_until(lambda: self.publisher.get_subscription_count() == 1, node)
        assert spin_until(self.publish_until_received, node)
        assert self.offered_events == [] and self.requested_events == []

    def assert_refused(self, node, spin_until, kinds):
        assert spin_until(lambda: self.offered_events and self.requested_events, node)
        for event in (self.offered_events[0], self.requested_events[0]):
            assert event.total_count == 1 and event.total_count_change == 1
            assert int(event.last_policy_kind) in {int(kind) for kind in kinds}
        self.publisher.publish(String(data="x"))
        assert not spin_until(lambda: self.received, node, timeout=0.05)
        assert self.publisher.get_subscription_count() == 0


@pytest.mark.parametrize("requested", KINDS, ids=name)
@pytest.mark.parametrize("offered", KINDS, ids=name)
def test_reliability_and_durability(node, spin_until, offered, requested):
    pair = Pair(
        node,
        {"reliability": offered[0], "durability": offered[1]},
        {"reliability": requested[0], "durability": requested[1]},
    )
    wrong = set()
    if (offered[0], requested[0]) == (BEST_EFFORT, RELIABLE):
        wrong.add(QoSPolicyKind.RELIABILITY)
    if (offered[1], requested[1]) == (VOLATILE, TRANSIENT_LOCAL):
        wrong.add(QoSPolicyKind.DURABILITY)
    if wrong:
        pair.assert_refused(node, spin_until, wrong)
    else:
        pair.assert_connected(node, spin_until)


@pytest.mark.parametrize(
    ("offered", "requested", "connected"),
    [(None, None, True), (5.0, None, True), (5.0, 5.0, True), (5.0, 6.0, True), (None, 5.0, False), (6.0, 5.0, False)],
)
def test_deadline(node, spin_until, offered, requested, connected):
    pair = Pair(
        node,
        {} if offered is None else {"deadline": seconds(offered)},
        {} if requested is None else {"deadline": seconds(requested)},
    )
    if connected:
        pair.assert_connected(node, spin_until)
    else:
        pair.assert_refused(node, spin_until, {QoSPolicyKind.DEADLINE})


@pytest.mark.parametrize(
    ("offered", "requested", "connected"),
    [
        ((AUTOMATIC, None), (AUTOMATIC, None), True),
        ((MANUAL, 5.0), (AUTOMATIC, 5.0), True),
        ((MANUAL, 5.0), (MANUAL, 6.0), True),
        ((AUTOMATIC, 5.0), (MANUAL, 5.0), False),
        ((MANUAL, 6.0), (MANUAL, 5.0), False),
        ((AUTOMATIC, None), (AUTOMATIC, 5.0), False),
    ],
)
def test_liveliness(node, spin_until, offered, requested, connected):
    def profile(kind, lease):
        return {"liveliness": kind} | ({} if lease is None else {"liveliness_lease_duration": seconds(lease)})

    pair = Pair(node, profile(*offered), profile(*requested))
    if connected:
        pair.assert_connected(node, spin_until)
    else:
        pair.assert_refused(node, spin_until, {QoSPolicyKind.LIVELINESS})


@pytest.mark.parametrize(
    ("policy", "offered", "requested"),
    [
        ("RELIABILITY", {"reliability": BEST_EFFORT}, {"reliability": RELIABLE}),
        ("DURABILITY", {"durability": VOLATILE}, {"durability": TRANSIENT_LOCAL}),
        ("DEADLINE", {}, {"deadline": seconds(5.0)}),
        ("LIVELINESS", {"liveliness": AUTOMATIC}, {"liveliness": MANUAL}),
    ],
)
def test_both_sides_warn_when_nobody_listens_to_the_event(node, spin_until, capfd, policy, offered, requested):
    node.create_publisher(String, "silent", QoSProfile(depth=1, **offered))
    node.create_subscription(String, "silent", lambda msg: None, QoSProfile(depth=1, **requested))
    printed = []

    def warnings():
        printed.extend(capfd.readouterr().err.splitlines())
        return [line for line in printed if "incompatible QoS" in line]

    assert spin_until(lambda: len(warnings()) >= 2, node)
    for side in ("offering incompatible QoS", "requesting incompatible QoS"):
        (line,) = [line for line in warnings() if side in line]
        assert "WARN" in line and "silent'" in line and policy in line
