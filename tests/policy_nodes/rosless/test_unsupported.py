"""What the layer lacks fails with a clear message instead of doing nothing."""

import pytest

import policy_nodes.rosless.activate as activate

pytestmark = [pytest.mark.ros, pytest.mark.skipif(activate.STACK != "rosless", reason="a real ROS 2 is used")]


@pytest.fixture
def node():
    import rclpy
    from rclpy.node import Node

    rclpy.init(args=[])
    yield Node("limits")
    rclpy.try_shutdown()


def test_keep_all_is_refused(node):
    from rclpy.qos import HistoryPolicy, QoSProfile
    from std_msgs.msg import String

    profile = QoSProfile(history=HistoryPolicy.KEEP_ALL)
    with pytest.raises(NotImplementedError, match="KEEP_ALL is refused"):
        node.create_publisher(String, "a", profile)
    with pytest.raises(NotImplementedError, match="KEEP_ALL is refused"):
        node.create_subscription(String, "a", lambda msg: None, profile)
    assert node.count_publishers("a") == 0


def test_subscription_options(node):
    from std_msgs.msg import String

    with pytest.raises(NotImplementedError, match="not supported by rosless"):
        node.create_subscription(String, "a", lambda msg: None, 1, qos_overriding_options=object())


def test_other_limits(node):
    from rclpy.event_handler import SubscriptionEventCallbacks, UnsupportedEventTypeError
    from rclpy.node import Node
    from rclpy.qos import QoSProfile, ReliabilityPolicy
    from std_msgs.msg import String

    with pytest.raises(NotImplementedError, match="enable_logger_service"):
        Node("other", enable_logger_service=True)
    with pytest.raises(NotImplementedError, match="BEST_AVAILABLE"):
        node.create_publisher(String, "a", QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_AVAILABLE))
    with pytest.raises(UnsupportedEventTypeError, match="incompatible_type"):
        node.create_subscription(
            String, "a", print, 1, event_callbacks=SubscriptionEventCallbacks(incompatible_type=print)
        )


def test_callbacks_with_wrong_arity_are_refused(node):
    from std_msgs.msg import String

    with pytest.raises(RuntimeError, match="callback"):
        node.create_subscription(String, "a", lambda: None, 1)
