"""``rclpy.lifecycle.Publisher``: publishes only while its node is active."""

from __future__ import annotations

from typing import Any

from policy_nodes.rosless.lifecycle.entities import SimpleManagedEntity
from policy_nodes.rosless.publisher import Publisher


class LifecyclePublisher(SimpleManagedEntity, Publisher):
    """Managed publisher; messages published while the node is not active are dropped, as in rclpy."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        SimpleManagedEntity.__init__(self)
        Publisher.__init__(self, *args, **kwargs)

    @SimpleManagedEntity.when_enabled
    def publish(self, msg: Any) -> None:
        """Send a message if active, see `Publisher.publish`."""
        Publisher.publish(self, msg)
