"""Quality of service, chosen on purpose. KEEP_LAST only: a stopped subscriber must never block a control process."""

from __future__ import annotations

from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, HistoryPolicy, LivelinessPolicy, QoSProfile, ReliabilityPolicy

SENSOR = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
"""Sensor streams: the newest sample, compatible with every publisher."""

POLLED = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)
"""Sensor streams of a node that reads them in its own rhythm: what has come in between is kept."""

STREAM = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=10, reliability=ReliabilityPolicy.RELIABLE)
"""What drivers and the simulator publish: reliable, so that any subscriber matches."""

COMMAND = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.RELIABLE)
"""Chunks and commands as seen by observers: only the newest counts, its age is checked by stamp."""

RECORD = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=200, reliability=ReliabilityPolicy.RELIABLE)
"""What a recorder asks for: it may be late, but must not lose samples."""

LATCHED = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
"""States that a late joiner must see."""

LEASE_S = 1.0
"""Silence of a whole process after which its publishers count as dead (liveliness AUTOMATIC)."""


def watched(period_s: float) -> QoSProfile:
    """For a periodic stream whose silence matters: deadline of two periods, liveliness with a lease.

    Both ends of ``~/action_chunk`` use it; the command topic offers it, and a driver may ask for it. A peer that asks
    for a shorter deadline than is offered is not matched, and both sides are warned (incompatible QoS).
    """
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=1,
        reliability=ReliabilityPolicy.RELIABLE,
        deadline=Duration(seconds=2.0 * period_s),
        liveliness=LivelinessPolicy.AUTOMATIC,
        liveliness_lease_duration=Duration(seconds=LEASE_S),
    )
