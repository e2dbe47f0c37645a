"""Nodes that die, come back under their name, or come late."""

import signal

import pytest
from rclpy.duration import Duration
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import String
from std_srvs.srv import Trigger

pytestmark = pytest.mark.ros

LATCHED = QoSProfile(depth=3, durability=DurabilityPolicy.TRANSIENT_LOCAL)
ALIVE = QoSProfile(depth=1, liveliness_lease_duration=Duration(seconds=1.0))

WORKER = """
import sys
from policy_nodes.rosless.activate import ensure_ros
ensure_ros()
import rclpy
from rclpy.duration import Duration
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import String
from std_srvs.srv import Trigger
life = sys.argv[1]
rclpy.init(args=[])
node = Node('worker')
latched = node.create_publisher(String, 'history', QoSProfile(depth=3, durability=DurabilityPolicy.TRANSIENT_LOCAL))
for number in range(5):
    latched.publish(String(data=f'{life}{number}'))
beat = node.create_publisher(String, 'beat', QoSProfile(depth=1, liveliness_lease_duration=Duration(seconds=1.0)))
node.create_timer(0.05, lambda: beat.publish(String(data=life)))
def answer(request, response):
    response.success, response.message = True, life
    return response
node.create_service(Trigger, 'who', answer)
try:
    rclpy.spin(node)
except (KeyboardInterrupt, ExternalShutdownException):
    pass
finally:
    node.destroy_node()
    rclpy.try_shutdown()
"""

LISTENER = """
from policy_nodes.rosless.activate import ensure_ros
ensure_ros()
import rclpy
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import String
rclpy.init(args=[])
node = Node('late')
received = []
latched = QoSProfile(depth=3, durability=DurabilityPolicy.TRANSIENT_LOCAL)
node.create_subscription(String, 'history', lambda msg: received.append(msg.data), latched)
while len(received) < 3:
    rclpy.spin_once(node, timeout_sec=0.1)
print(*received, flush=True)
"""


@pytest.fixture
def ask(node, spin_until):
    """Who answers the service; None when nobody does in time."""
    client = node.create_client(Trigger, "who")

    def ask_(timeout):
        future = client.call_async(Trigger.Request())
        return future.result().message if spin_until(future.done, node, timeout=timeout) else None

    return ask_


def test_a_killed_node_is_noticed_and_its_successor_takes_over(node, spin_until, run_python, ask):
    beats, changes = [], []
    node.create_subscription(
        String, "beat", lambda msg: beats.append(msg.data), ALIVE,
        event_callbacks=SubscriptionEventCallbacks(liveliness=changes.append),
    )  # fmt: skip
    first = run_python(WORKER, "a")
    assert spin_until(lambda: beats, node)
    assert spin_until(lambda: ask(1.0) == "a", node)
    assert changes[-1].alive_count == 1
    first.send_signal(signal.SIGKILL)
    first.wait(timeout=5)
    assert spin_until(lambda: changes[-1].alive_count == 0, node, timeout=5.0)  # the lease is 1 s
    run_python(WORKER, "b")
    assert spin_until(lambda: "b" in beats, node)
    assert beats[beats.index("b") :].count("a") == 0
    assert spin_until(lambda: ask(1.0) == "b", node)
    assert changes[-1].alive_count == 1
    # the dead process leaves the graph when its participant lease ends (10 s), the new one stays
    assert spin_until(lambda: node.get_node_names().count("worker") == 1, node, timeout=25.0)
    assert spin_until(lambda: node.count_publishers("beat") == 1, node, timeout=10.0)
    assert ask(5.0) == "b"


def test_a_node_that_ends_properly_leaves_at_once_and_may_return(node, spin_until, run_python, ask):
    for life in "ab":
        child = run_python(WORKER, life)
        assert spin_until(lambda life=life: ask(1.0) == life, node)
        child.terminate()
        assert child.wait(timeout=5) == 0, child.stderr.read()
        assert spin_until(lambda: "worker" not in node.get_node_names(), node, timeout=3.0)
        assert spin_until(lambda: node.count_publishers("beat") == 0, node, timeout=15.0)
        assert ask(0.1) is None


def test_late_joiners_get_the_history_that_was_kept(node, spin_until, run_python):
    run_python(WORKER, "a")
    assert spin_until(lambda: node.count_publishers("history") == 1, node)
    latched, volatile = [], []
    node.create_subscription(String, "history", lambda msg: latched.append(msg.data), LATCHED)
    assert spin_until(lambda: latched[-1:] == ["a4"], node)
    node.create_subscription(String, "history", lambda msg: volatile.append(msg.data), 3)
    listener = run_python(LISTENER)  # in a process that did not exist when it was published
    out, err = listener.communicate(timeout=20)
    assert out.split() == ["a2", "a3", "a4"], err
    assert not spin_until(lambda: volatile, node, timeout=0.2)
