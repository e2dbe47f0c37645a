"""``rclpy.lifecycle``: managed nodes."""

from policy_nodes.rosless.lifecycle.entities import (
    LifecycleState,
    ManagedEntity,
    SimpleManagedEntity,
    TransitionCallbackReturn,
)
from policy_nodes.rosless.lifecycle.node import LifecycleNode, LifecycleNodeMixin
from policy_nodes.rosless.lifecycle.publisher import LifecyclePublisher

# names under which rclpy exports them as well
State = LifecycleState
Node = LifecycleNode
NodeMixin = LifecycleNodeMixin
Publisher = LifecyclePublisher

__all__ = [
    "LifecycleNode",
    "LifecycleNodeMixin",
    "LifecyclePublisher",
    "LifecycleState",
    "ManagedEntity",
    "Node",
    "NodeMixin",
    "Publisher",
    "SimpleManagedEntity",
    "State",
    "TransitionCallbackReturn",
]
