"""ROS 2 interfaces without ROS: message and service classes, CDR codec and type hashes.

``message_class("sensor_msgs/msg/JointState")`` gives a class shaped like rclpy's; ``serialize`` and ``deserialize``
convert it to the bytes on the wire; ``rihs01`` gives the hash that other ROS 2 nodes compare.
"""

from policy_nodes.rosless.idl.classes import Message, Service, all_packages, message_class, service_class
from policy_nodes.rosless.idl.codec import HEADER, deserialize, deserializer, rihs01, serialize

__all__ = [
    "HEADER", "Message", "Service", "all_packages", "deserialize", "deserializer", "message_class", "rihs01",
    "serialize", "service_class",
]  # fmt: skip
