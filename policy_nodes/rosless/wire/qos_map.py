"""ROS quality of service to DDS policies, one to one as rmw_cyclonedds does it."""

from __future__ import annotations

from cyclonedds.core import Policy, Qos

from policy_nodes.rosless.duration import Duration
from policy_nodes.rosless.errors import UnsupportedError, unsupported
from policy_nodes.rosless.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    LivelinessPolicy,
    QoSPolicyKind,
    QoSProfile,
    ReliabilityPolicy,
)
from policy_nodes.rosless.wire.capi import INFINITE_NS

# DDS policy ids (DDS 1.4, table of built-in policies) in incompatible-QoS statuses.
POLICY_KIND_OF_DDS_ID = {
    2: QoSPolicyKind.DURABILITY,
    4: QoSPolicyKind.DEADLINE,
    8: QoSPolicyKind.LIVELINESS,
    11: QoSPolicyKind.RELIABILITY,
    13: QoSPolicyKind.HISTORY,
    21: QoSPolicyKind.LIFESPAN,
}


def span_ns(duration: Duration) -> int:
    """DDS duration of a ROS one: zero means unspecified, that is infinite."""
    return duration.nanoseconds or INFINITE_NS


def check_supported(qos: QoSProfile) -> None:
    """Refuse what would endanger a control process or is not implemented.

    Raises:
        UnsupportedError: KEEP_ALL, a BEST_AVAILABLE or an UNKNOWN policy.
    """
    if qos.history == HistoryPolicy.KEEP_ALL:
        raise UnsupportedError(
            "History KEEP_ALL is refused: a reliable KEEP_ALL publisher blocks every thread of its process while a "
            "subscriber is stopped (measured: 6 s, on real rclpy too).",
            "Use KEEP_LAST with a depth that holds the burst you expect.",
        )
    for policy in (qos.history, qos.reliability, qos.durability, qos.liveliness):
        if policy.name in ("BEST_AVAILABLE", "UNKNOWN"):
            raise unsupported(f"QoS {type(policy).__name__}.{policy.name}")


def to_dds(qos: QoSProfile, user_data: str) -> Qos:
    """DDS policies of a reader or writer.

    Args:
        qos: the ROS profile, already checked with :func:`check_supported`.
        user_data: announced with the endpoint: type hash and client or service identity.
    """
    depth = qos.depth if qos.depth > 0 else 1
    transient = qos.durability == DurabilityPolicy.TRANSIENT_LOCAL
    manual = qos.liveliness == LivelinessPolicy.MANUAL_BY_TOPIC
    lease = span_ns(qos.liveliness_lease_duration)
    policies = [
        Policy.WriterDataLifecycle(autodispose=False),
        Policy.History.KeepLast(depth),
        Policy.Reliability.BestEffort
        if qos.reliability == ReliabilityPolicy.BEST_EFFORT
        else Policy.Reliability.Reliable(max_blocking_time=INFINITE_NS),
        Policy.Durability.TransientLocal if transient else Policy.Durability.Volatile,
        Policy.Liveliness.ManualByTopic(lease) if manual else Policy.Liveliness.Automatic(lease),
        Policy.DataRepresentation(use_cdrv0_representation=True),
        Policy.Userdata(user_data.encode()),
    ]
    if transient:
        policies.append(Policy.DurabilityService(0, Policy.History.KeepLast(depth), -1, -1, -1))
    if qos.lifespan.nanoseconds:
        policies.append(Policy.Lifespan(qos.lifespan.nanoseconds))
    if qos.deadline.nanoseconds:
        policies.append(Policy.Deadline(qos.deadline.nanoseconds))
    return Qos(*policies)


def from_dds(qos: Qos) -> QoSProfile:
    """ROS profile of a discovered endpoint; its history is not announced on the wire (depth 0, UNKNOWN)."""
    reliable = not isinstance(qos[Policy.Reliability], type(Policy.Reliability.BestEffort))
    transient = qos[Policy.Durability] == Policy.Durability.TransientLocal
    liveliness = qos[Policy.Liveliness]
    manual = isinstance(liveliness, Policy.Liveliness.ManualByTopic)

    def span(policy: object, attribute: str) -> Duration:
        return Duration(nanoseconds=getattr(policy, attribute, INFINITE_NS))

    return QoSProfile(
        history=HistoryPolicy.UNKNOWN,
        depth=0,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if transient else DurabilityPolicy.VOLATILE,
        lifespan=span(qos[Policy.Lifespan], "lifespan"),
        deadline=span(qos[Policy.Deadline], "deadline"),
        liveliness=LivelinessPolicy.MANUAL_BY_TOPIC if manual else LivelinessPolicy.AUTOMATIC,
        liveliness_lease_duration=span(liveliness, "lease_duration"),
    )
