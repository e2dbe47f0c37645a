"""``rclpy.wait_for_message``: receive one message without spinning."""

from __future__ import annotations

import time
from typing import Any

from policy_nodes.rosless.qos import QoSProfile
from policy_nodes.rosless.wire.waitset import Guard, WaitSet


def wait_for_message(
    msg_type: type, node: Any, topic: str, *, qos_profile: QoSProfile | int = 1, time_to_wait: float = -1
) -> tuple[bool, Any]:
    """Wait for the next message of a topic.

    Args:
        msg_type: message class.
        node: subscribes for the while.
        topic: topic name.
        qos_profile: profile or depth.
        time_to_wait: s; negative waits until shutdown.

    Returns:
        (True, message), or (False, None) after the time or on shutdown.
    """
    participant = node.context.session().entity
    guard, waitset = Guard(participant), WaitSet(participant)
    node.context.track_guard(guard)
    subscription = node.create_subscription(msg_type, topic, lambda _: None, qos_profile)
    end = None if time_to_wait < 0 else time.monotonic() + time_to_wait
    try:
        waitset.update({guard.entity, *subscription._conditions()})
        while node.context.ok():
            if (taken := subscription.handle.take_message(msg_type, False)) is not None:
                return True, taken[0]
            left = 0.1 if end is None else end - time.monotonic()
            if left <= 0:
                break
            waitset.wait(int(min(left, 0.1) * 1e9))
        return False, None
    finally:
        node.destroy_subscription(subscription)
        waitset.close()
        guard.close()


__all__ = ["wait_for_message"]
