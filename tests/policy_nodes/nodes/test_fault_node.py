"""The relay without a wire: what it passes on, corrupts, holds back, and forgets when the fault is over."""

from types import SimpleNamespace

import numpy as np
import pytest
import rclpy
from rclpy.parameter import Parameter
from rclpy.serialization import serialize_message
from std_srvs.srv import Trigger

from policy_nodes.nodes import fault_node as module
from policy_nodes.nodes.conversions import chunk_to_message
from policy_nodes.nodes.fault_node import FaultNode
from policy_nodes.running.campaign.ledger import Ledger
from policy_nodes.types import ActionChunk
from tests.policy_nodes.bundle_fixture import JOINTS
from tests.policy_nodes.nodes.bundles import drifting_bundle

pytestmark = pytest.mark.ros


@pytest.fixture
def node(tmp_path):
    rclpy.try_shutdown()
    rclpy.init(args=["--ros-args", "-p", f"bundle:={drifting_bundle(tmp_path, 0.1)}", "-p", "quiet_monitor:=true"])
    made = FaultNode()
    made.timers_made = []
    made.create_timer = lambda period_s, action: made.timers_made.append((period_s, action))
    made.destroy_timer = lambda timer: None
    made.relay = next(relay for relay in made._relays if relay.source == "chunks")
    made.sent = []
    made.relay.publish = made.sent.append
    yield made
    del made.create_timer, made.destroy_timer  # rclpy's nodes destroy theirs by them
    made.destroy_node()
    rclpy.try_shutdown()


def begin(node, fault):
    result = node._on_parameters([Parameter("fault", value=fault)])
    assert result.successful, result.reason


def chunk(node, sequence):
    values = np.full((16, len(JOINTS)), 0.1 * sequence)
    data = serialize_message(chunk_to_message(ActionChunk(node._now(), 20_000_000, values, sequence), JOINTS))
    node._pass(node.relay, data)
    return data


def test_without_a_fault_bytes_pass_as_they_are(node):
    assert [chunk(node, 1), chunk(node, 2)] == node.sent


def test_what_a_fault_held_back_arrives_late_while_it_lasts_and_never_after_it(node):
    begin(node, "chunks_delay")
    first, _ = chunk(node, 1), chunk(node, 2)
    assert node.sent == [] and [period for period, _ in node.timers_made] == [1.5, 1.5]
    node.timers_made[0][1]()
    assert node.sent == [first]
    begin(node, "")
    node.timers_made[1][1]()
    assert node.sent == [first], "an old chunk after the fault would count against the next trial"
    begin(node, "chunks_delay")
    node.timers_made[1][1]()
    assert node.sent == [first], "nor does the same fault, begun again, let it through"


def test_duplicates_are_the_same_bytes(node):
    begin(node, "chunks_duplicate")
    data = chunk(node, 1)
    assert node.sent == [data, data]


def test_only_the_stream_of_the_fault_is_touched_and_the_ledger_says_what_was_delivered(node):
    begin(node, "joints_nan")
    data = chunk(node, 1)
    assert node.sent == [data]
    answer = node._on_ledger(Trigger.Request(), Trigger.Response())
    found = Ledger.from_json(answer.message)
    assert answer.success and [record.genuine for record in found.records["chunks"]] == [True]
    begin(node, "chunks_drop")
    chunk(node, 2)
    assert node.sent == [data]
    left = Ledger.from_json(node._on_ledger(Trigger.Request(), Trigger.Response()).message).records["chunks"]
    assert left == found.records["chunks"], "the newest of before, and nothing since"


def test_an_unknown_fault_is_refused_and_the_present_one_stays(node):
    begin(node, "chunks_drop")
    result = node._on_parameters([Parameter("fault", value="chunks_melt")])
    assert not result.successful and result.reason == "'chunks_melt' is no fault of the catalogue"
    chunk(node, 1)
    assert node.sent == []


def test_a_missing_bundle_is_named():
    rclpy.try_shutdown()
    rclpy.init(args=[])
    try:
        with pytest.raises(module.ConfigError, match="parameter 'bundle' is empty"):
            FaultNode()
    finally:
        rclpy.try_shutdown()


def test_other_parameters_are_none_of_its_business():
    touched = SimpleNamespace(_relays=None)
    assert FaultNode._on_parameters(touched, [Parameter("bundle", value="x")]).successful
