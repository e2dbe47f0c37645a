"""Message classes that a contract can name."""

from __future__ import annotations

from geometry_msgs.msg import PoseStamped, Twist, TwistStamped, WrenchStamped
from nav_msgs.msg import Odometry
from sensor_msgs.msg import Image, Imu, JointState
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

from policy_nodes.errors import ContractError

_TYPES = {
    "sensor_msgs/msg/JointState": JointState,
    "sensor_msgs/msg/Image": Image,
    "sensor_msgs/msg/Imu": Imu,
    "geometry_msgs/msg/PoseStamped": PoseStamped,
    "geometry_msgs/msg/Twist": Twist,
    "geometry_msgs/msg/TwistStamped": TwistStamped,
    "geometry_msgs/msg/WrenchStamped": WrenchStamped,
    "nav_msgs/msg/Odometry": Odometry,
    "std_msgs/msg/Float64MultiArray": Float64MultiArray,
    "trajectory_msgs/msg/JointTrajectory": JointTrajectory,
}


def message_type(name: str) -> type:
    """Class of the interface ``package/msg/Name``.

    Raises:
        ContractError: contracts cannot use this type.
    """
    if name not in _TYPES:
        raise ContractError(
            f"message type '{name}' is not supported in a contract.", f"use one of {', '.join(_TYPES)}."
        )
    return _TYPES[name]
