"""Two robots on one domain: each namespace is a closed world, contract topics included."""

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from std_msgs.msg import Float64MultiArray

from policy_nodes.nodes.qos import LATCHED, RECORD
from tests.policy_nodes.nodes.bundles import drifting_bundle
from tests.policy_nodes.nodes.graph import COMMANDS, Graph, Processes

pytestmark = pytest.mark.ros


def test_two_robots_in_two_namespaces(tmp_path):
    bundle = drifting_bundle(tmp_path, 0.2)
    logs = [tmp_path / "left", tmp_path / "right"]
    for directory in logs:
        directory.mkdir()
    states, commands = [], []
    with Graph(bundle, logs[0], "left") as left, Processes(bundle, logs[1], "right") as right:
        left.spy.create_subscription(
            DiagnosticArray, "/right/safety_node/state", lambda m: states.append(m.status[0].message), LATCHED
        )
        left.spy.create_subscription(Float64MultiArray, right.topic, commands.append, RECORD)
        left.ready()
        assert left.until(lambda: "READY" in states), right.log("safety_node")
        assert left.operator.foreign_nodes() == ["policy_node", "safety_node", "sim_node"]
        topics = {name for name, _ in left.spy.get_topic_names_and_types()}
        wanted = ("joint_states", "objects/cube/pose", COMMANDS.strip("/"), "policy_node/action_chunk")
        assert {f"/{robot}/{topic}" for robot in ("left", "right") for topic in wanted} <= topics
        assert not {f"/{topic}" for topic in wanted} & topics
        left.enable()
        assert left.until(lambda: np.ptp(left.recorded(), axis=0)[0] > 0.05)
        assert commands == [] and states[-1] == "READY"
        assert left.until(lambda: left.operator.view.diagnostics.get("safety_node", {}).get("state") == "ACTIVE", 3.0)
        assert left.kill("safety_node", 2) == 0
        assert right.processes["safety_node"].poll() is None and states[-1] == "READY"
