"""Small parts of the nodes: topics, states, events, robot fit, traces, and names that rclpy keeps for itself."""

import ast
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.lifecycle import LifecycleNode
from rclpy.qos import HistoryPolicy
from sensor_msgs.msg import JointState

from policy_nodes import nodes
from policy_nodes.bundle.load import load_bundle
from policy_nodes.errors import ConfigError, ContractError
from policy_nodes.nodes import qos
from policy_nodes.nodes.authority import RobotFit
from policy_nodes.nodes.contract_topics import joint_state_topic, require_joint_positions
from policy_nodes.nodes.foreign_types import foreign_types, type_name
from policy_nodes.nodes.parameters import Option, contract_topic
from policy_nodes.nodes.simulators import load_simulator
from policy_nodes.nodes.state_messages import is_alarming, state_key, state_line, state_message
from policy_nodes.nodes.stream_events import StreamEvents
from policy_nodes.nodes.trace import Trace
from policy_nodes.safety.governor import Decision
from policy_nodes.safety.reasons import Reason
from policy_nodes.safety.supervisor import State
from tests.policy_nodes.bundle_fixture import JOINTS
from tests.policy_nodes.nodes.bundles import drifting_bundle
from tests.policy_nodes.nodes.scripted_robot import ScriptedRobot

# Instance attributes of rclpy 7.1 (Jazzy): Node, LifecycleNodeMixin. A node of ours that assigns one breaks there.
OF_RCLPY = {
    "_allow_undeclared_parameters", "_callbacks", "_clients", "_clock", "_context", "_default_callback_group",
    "_descriptors", "_executor_weakref", "_guards", "_handle", "_logger", "_logger_service", "_managed_entities",
    "_name", "_namespace", "_on_set_parameters_callbacks", "_parameter_event_publisher", "_parameter_overrides",
    "_parameter_service", "_parameters", "_post_set_parameters_callbacks", "_pre_set_parameters_callbacks",
    "_publishers", "_rate_group", "_services", "_session", "_state_machine", "_subscriptions", "_time_source",
    "_timers", "_type_description_service", "_waitables",
}  # fmt: skip


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return load_bundle(drifting_bundle(tmp_path_factory.mktemp("bundle"), 0.0)).manifest


def decision(state, reason=None, backup=None, **more):
    fields = {"stamp_ns": 9, "command": None, "wanted": None, "limited": False, "stop_category": None, **more}
    return Decision(state=state, reason=reason, backup=backup, **fields)


@pytest.mark.ros
def test_no_attribute_collides_with_rclpy():
    rclpy.init(args=[])
    reserved = OF_RCLPY | set(vars(LifecycleNode("bare"))) | set(dir(LifecycleNode))
    rclpy.try_shutdown()
    found = {}
    for file in Path(nodes.__file__).parent.glob("*_node.py"):
        for item in ast.walk(ast.parse(file.read_text())):
            if isinstance(item, ast.Attribute) and isinstance(item.ctx, ast.Store) and item.attr in reserved:
                found[file.name] = item.attr
    assert found == {}


@pytest.mark.parametrize(
    ("topic", "prefix", "expected"),
    [
        ("/joint_states", "", "/joint_states"),
        ("/joint_states", "left", "/left/joint_states"),
        ("/joint_states", "/left/arm/", "/left/arm/joint_states"),
        ("/joint_states", "/", "/joint_states"),
        ("joint_states", "left", "joint_states"),
        ("~/joint_states", "left", "~/joint_states"),
    ],
)
def test_contract_topic(topic, prefix, expected):
    assert contract_topic(topic, prefix) == expected


def test_option_descriptors():
    integer = Option("n", 1, "count", 0, 5).descriptor
    assert (integer.integer_range[0].to_value, list(integer.floating_point_range)) == (5, [])
    real = Option("x", 1.0, "size", 0, 5).descriptor
    assert (real.floating_point_range[0].to_value, list(real.integer_range)) == (5.0, [])
    assert integer.read_only and integer.description == "count"


def test_only_joint_positions(manifest):
    require_joint_positions(manifest)
    term = manifest.actions.terms[0].model_copy(update={"mode": "effort"})
    actions = manifest.actions.model_copy(update={"terms": [term]})
    with pytest.raises(ContractError, match="'joint_target' commands effort of panda_joint1"):
        require_joint_positions(manifest.model_copy(update={"actions": actions}))


def test_joint_state_topic(manifest):
    assert joint_state_topic(manifest) == "/joint_states"
    terms = [term.model_copy(update={"topic": "/arm/joint_states"}) for term in manifest.observations[0].terms]
    moved = manifest.observations[0].model_copy(update={"terms": terms})
    assert joint_state_topic(manifest.model_copy(update={"observations": [moved]})) == "/arm/joint_states"
    assert joint_state_topic(manifest.model_copy(update={"observations": []})) == "/joint_states"


def test_robot_fit_remembers_whole_messages(manifest):
    fit, second = RobotFit(manifest), 1_000_000_000
    assert not fit.fits(JOINTS[:-1], 0)
    assert "panda_finger_joint1" in fit.problems[0]
    assert fit.fits([*JOINTS[::-1], "wheel"], second) and fit.problems == []
    assert not fit.fits(JOINTS[-1:], second + 1) and fit.problems == []
    assert not fit.fits(JOINTS[-1:], 3 * second) and len(fit.problems) == 7


def test_state_messages():
    stopping = decision(State.BACKUP, Reason.CHUNK_EXHAUSTED, "jerk_limited_stop", stop_category=2, detail="late")
    message = state_message(stopping)
    values = {item.key: item.value for item in message.status[0].values}
    assert message.status[0].message == "BACKUP" and message.status[0].level == DiagnosticStatus.ERROR
    assert values["reason"] == "CHUNK_EXHAUSTED" and values["stop_category"] == "2" and values["detail"] == "late"
    assert state_line(stopping) == "BACKUP CHUNK_EXHAUSTED jerk_limited_stop late"
    assert is_alarming(stopping)
    assert not is_alarming(decision(State.BACKUP, Reason.OPERATOR_DISABLE))
    assert not is_alarming(decision(State.ACTIVE))


def test_limits_and_a_finished_backup_are_no_news():
    assert state_key(decision(State.ACTIVE, Reason.LIMITED)) == state_key(decision(State.ACTIVE))
    first = decision(State.STOPPED, Reason.ESTOP, "jerk_limited_stop")
    assert state_key(first) == state_key(decision(State.STOPPED, Reason.ESTOP))
    assert state_key(decision(State.BACKUP, Reason.ESTOP, "hold")) != state_key(first)


def test_every_profile_keeps_the_last():
    for profile in (qos.SENSOR, qos.STREAM, qos.COMMAND, qos.LATCHED, qos.RECORD, qos.watched(0.16)):
        assert profile.history == HistoryPolicy.KEEP_LAST
    watched = qos.watched(0.16)
    assert watched.deadline.nanoseconds == 320_000_000
    assert watched.liveliness_lease_duration.nanoseconds == 1_000_000_000


def test_stream_events_are_counted_and_told_when_they_matter():
    said, matters = [], [False]
    log = SimpleNamespace(warning=lambda text, **_: said.append(text), error=said.append)
    events = StreamEvents(SimpleNamespace(get_logger=lambda: log), "action_chunk", lambda: matters[0])
    counts = SimpleNamespace(total_count=3, total_count_change=1)
    gone = SimpleNamespace(alive_count=0, not_alive_count=1, alive_count_change=-1, not_alive_count_change=1)
    back = SimpleNamespace(alive_count=1, not_alive_count=0, alive_count_change=1, not_alive_count_change=-1)
    events._on_deadline(counts)
    events._on_liveliness(gone)
    assert said == []
    matters[0] = True
    events._on_deadline(counts)
    events._on_liveliness(gone)
    events._on_liveliness(back)
    assert said == ["action_chunk: deadline missed", "action_chunk: its publisher is gone or frozen"]
    assert events.values() == {"action_chunk deadlines missed": "3", "action_chunk publishers lost": "2"}


def test_simulators_are_plug_ins():
    assert isinstance(load_simulator("tests.policy_nodes.nodes.scripted_robot:ScriptedRobot", 3), ScriptedRobot)
    for reference in ("", "json", "json:nothing", "no.such:thing"):
        with pytest.raises(ConfigError, match="cannot load the simulator"):
            load_simulator(reference, 0)


def test_a_trace_is_written_whole(tmp_path):
    trace = Trace(["a", "b"], 0.02, ["cube"])
    assert trace.save(tmp_path / "empty") is None
    trace.keep("joint", 2_000_000_000, np.ones((2, 2)))
    trace.keep("joint", 2_500_000_000, np.zeros((2, 2)))
    trace.keep("object", 2_000_000_000, np.zeros((1, 7)))
    trace.keep_scores(2_100_000_000, {"combined": 0.5, "rnd": 2.0})
    for stamp, state, backup in (
        (1, "READY", ""),
        (2, "READY", ""),
        (3, "BACKUP", "hold"),
        (4, "STOPPED", "hold"),
        (5, "STOPPED", ""),
    ):
        trace.keep_state(stamp, {"state": state, "reason": "", "backup": backup})
    path = trace.save(tmp_path / "run")
    with np.load(path, allow_pickle=False) as arrays:
        assert arrays["joint_t"].tolist() == [0.0, 0.5]
        assert arrays["joint_velocity"].tolist() == [[1.0, 1.0], [0.0, 0.0]]
        assert arrays["object_cube"].shape == (1, 7)
        assert arrays["score_fiper"].tolist() == [0.5] and arrays["score_rnd"].tolist() == [2.0]
        assert int(arrays["t0_ns"]) == 2_000_000_000
    events = json.loads((tmp_path / "run" / "events.json").read_text())["events"]
    assert [event["state"] for event in events] == ["READY", "BACKUP", "STOPPED"]
    assert sorted(file.name for file in path.parent.iterdir()) == ["events.json", "trace.npz"]


def test_a_full_trace_counts_what_it_loses(monkeypatch):
    monkeypatch.setattr("policy_nodes.nodes.trace.MAX_SAMPLES", 1)
    trace = Trace(["a"], 0.02, [])
    trace.keep("command", 1, np.zeros(1))
    trace.keep("command", 2, np.zeros(1))
    assert trace.lost == 1


@pytest.mark.ros
def test_a_peer_of_our_type_is_no_stranger_and_types_have_ros_names():
    assert type_name(JointState) == "sensor_msgs/msg/JointState"
    rclpy.try_shutdown()
    rclpy.init(args=[])
    node = rclpy.create_node("pair")
    ends = [
        node.create_publisher(JointState, "same", 1),
        node.create_subscription(JointState, "same", print, 1),
    ]
    assert foreign_types(node, ends) == []
    rclpy.try_shutdown()
