"""What a node refuses, how it says so, and that it then ends with code 1 and nothing else on the screen."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import rclpy
from rclpy.lifecycle import TransitionCallbackReturn
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool

from policy_nodes.bundle.keys import generate_pair, load_private
from policy_nodes.bundle.load import load_bundle
from policy_nodes.bundle.signature import write_signature
from policy_nodes.errors import ConfigError, KeelError
from policy_nodes.nodes import realtime_options
from policy_nodes.nodes.monitor_node import MonitorNode
from policy_nodes.nodes.policy_node import PolicyNode
from policy_nodes.nodes.realtime_options import process_settings
from policy_nodes.nodes.recorder_node import RecorderNode
from policy_nodes.nodes.safety_node import SafetyNode
from policy_nodes.nodes.sim_node import SimNode
from tests.policy_nodes.bundle_fixture import JOINTS, manifest_fields
from tests.policy_nodes.nodes.bundles import drifting_bundle
from tests.policy_nodes.nodes.graph import COMMANDS, ROOT, node_command
from tests.policy_nodes.nodes.scripted_robot import OtherRobot

pytestmark = pytest.mark.ros
SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return drifting_bundle(tmp_path_factory.mktemp("bundle"), 0.1)


@pytest.fixture
def make():
    """Make a node with parameters in this process; destroyed after the test."""
    made = []

    def build(kind, **parameters):
        rclpy.try_shutdown()
        given = [text for key, value in parameters.items() for text in ("-p", f"{key}:={value}")]
        rclpy.init(args=["--ros-args", *given])
        made.append(kind())
        return made[-1]

    yield build
    for node in made:
        node.stop()
        node.destroy_node()
    rclpy.try_shutdown()


@pytest.mark.parametrize("kind", [SafetyNode, PolicyNode, MonitorNode, SimNode, RecorderNode])
def test_an_unknown_parameter_is_named_with_the_nearest(make, kind):
    with pytest.raises(ConfigError, match="has no parameter 'topic_prefiks'") as caught:
        make(kind, topic_prefiks="left")
    assert "did you mean 'topic_prefix'?" in caught.value.fix


@pytest.mark.parametrize(
    ("kind", "parameters", "text"),
    [
        (SafetyNode, {"stop_timeout_ms": "soon"}, "'stop_timeout_ms'.*expecting type 'INTEGER'"),
        (SafetyNode, {"stop_timeout_ms": -1}, "'stop_timeout_ms'.*out of range"),
        (SafetyNode, {"fifo_priority": 100}, "'fifo_priority'.*out of range"),
        (PolicyNode, {"threads": 1.5}, "'threads'.*expecting type 'INTEGER'"),
        (PolicyNode, {"autostart": 1}, "'autostart'.*expecting type 'BOOL'"),
        (PolicyNode, {"cpus": True}, "'cpus' is True"),
        (MonitorNode, {"cpus": 0.5}, "'cpus' is 0.5"),
        (SimNode, {"state_rate_hz": 0.5}, "'state_rate_hz'.*out of range"),
        (SimNode, {"simulator": "nowhere:robot"}, "cannot load the simulator 'nowhere:robot'"),
        (SimNode, {"simulator": "tests.policy_nodes.nodes.scripted_robot:refuses"}, "no graphics driver"),
        (RecorderNode, {}, "parameter 'bundle' is empty"),
        (RecorderNode, {"bundle": "/nowhere.keel"}, "nowhere.keel"),
    ],
)
def test_a_wrong_value_is_refused(make, kind, parameters, text):
    with pytest.raises(KeelError, match=text) as caught:
        make(kind, **parameters)
    assert caught.value.fix


@pytest.mark.parametrize(("given", "cpus"), [("0", [0]), ("'0'", [0]), ("0,1", [0, 1]), ("[0, 1]", [0, 1])])
def test_cpus_are_accepted_as_a_user_writes_them(make, bundle, monkeypatch, given, cpus):
    asked = []
    monkeypatch.setattr(realtime_options, "configure_process", lambda *settings: asked.append(settings) or [])
    process_settings(make(SafetyNode, bundle=bundle, autostart=False, cpus=given))()
    assert asked == [(None, cpus, False, True)]


def test_every_parameter_is_described_and_read_only(make, bundle):
    node = make(SafetyNode, bundle=bundle, autostart=False)
    names = ("bundle", "autostart", "topic_prefix", "joint_state_topic", "stop_timeout_ms", "fifo_priority", "cpus")
    for name in names:
        descriptor = node.describe_parameter(name)
        assert descriptor.description and descriptor.read_only
    low_high = node.describe_parameter("stop_timeout_ms").integer_range[0]
    assert (low_high.from_value, low_high.to_value) == (0, 60_000)
    assert not node.set_parameters([rclpy.Parameter("stop_timeout_ms", value=1)])[0].successful


def test_configure_without_a_bundle_fails_and_can_be_repeated(make):
    node = make(SafetyNode, autostart=False)
    node.start()
    assert node.trigger_configure() == FAILURE
    assert node.trigger_configure() == FAILURE
    assert node.health()[1] == "inactive"
    with pytest.raises(ConfigError, match="parameter 'bundle' is empty"):
        node.on_configure(None)
        raise node._refusal


def test_other_action_modes_are_refused_by_safety_and_policy_node(make, tmp_path):
    fields = manifest_fields()
    actions = fields["actions"]
    actions["terms"][0]["mode"] = "velocity"
    actions["terms"][0]["unit"] = ["rad/s"] * 7 + ["m/s"]
    wrong = drifting_bundle(tmp_path, 0.1, actions=actions)
    for kind in (SafetyNode, PolicyNode):
        node = make(kind, bundle=wrong)
        with pytest.raises(KeelError, match="'joint_target' commands velocity of panda_joint1"):
            node.start()


def test_the_monitor_needs_a_calibrated_bundle(make, bundle):
    node = make(MonitorNode, bundle=bundle)
    with pytest.raises(KeelError) as caught:
        node.start()
    assert "keel calibrate" in caught.value.fix


def test_a_corrupted_bundle(make, bundle, tmp_path):
    broken = Path(shutil.copytree(bundle, tmp_path / "broken.keel"))
    (broken / "safety.yaml").write_text("joints: []")
    node = make(SafetyNode, bundle=broken)
    with pytest.raises(KeelError, match=r"safety\.yaml"):
        node.start()


def test_an_unsigned_bundle_is_refused_where_signatures_are_required(make, bundle, tmp_path, monkeypatch):
    monkeypatch.delenv("KEEL_TRUSTED_KEYS", raising=False)
    node = make(SafetyNode, bundle=bundle, require_signature=True)
    with pytest.raises(ConfigError, match="no trusted keys are configured"):
        node.start()
    generate_pair(tmp_path / "key")
    node = make(PolicyNode, bundle=bundle, trusted_keys=tmp_path)
    with pytest.raises(KeelError, match="is not signed, and this machine runs signed bundles only"):
        node.start()


def test_a_signed_bundle_is_configured_and_a_strangers_is_not(make, bundle, tmp_path):
    signed = Path(shutil.copytree(bundle, tmp_path / "signed.keel"))
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    private, _ = generate_pair(ours / "robot")
    generate_pair(theirs / "stranger")
    write_signature(signed, load_bundle(signed).manifest.digest, load_private(private))
    node = make(SafetyNode, bundle=signed, autostart=False, require_signature=True, trusted_keys=ours)
    assert node.trigger_configure() == SUCCESS
    assert node.bundle.signature.trusted
    node = make(SafetyNode, bundle=signed, trusted_keys=theirs)
    with pytest.raises(KeelError, match="which this machine does not trust"):
        node.start()


def test_lifecycle_walk_with_restart(make, bundle):
    node = make(SafetyNode, bundle=bundle, autostart=False)
    for _ in range(2):
        assert node.trigger_configure() == SUCCESS
        assert node.trigger_activate() == SUCCESS
        assert node.failed() == ""
        assert node.health()[1].startswith("INIT")
        assert node.trigger_deactivate() == SUCCESS
        assert node._operator_services.enable(SetBool.Request(data=True), SetBool.Response()).message == (
            "Cannot enable: safety_node is not active."
        )
        assert node.trigger_cleanup() == SUCCESS


def joint_state(names):
    return JointState(name=list(names), position=[0.0] * len(names), velocity=[0.0] * len(names))


def test_another_robot_is_named_and_never_enabled(make, bundle):
    node = make(SafetyNode, bundle=bundle)
    node.start()
    receive = node._inputs._on_joint_state
    receive(joint_state(OtherRobot.joint_names))
    level, text, _ = node.health()
    assert level == b"\x02"
    assert "commands joint 'panda_joint1', which this robot lacks; it has 'fr3_joint1'" in text
    response = node._operator_services.enable(SetBool.Request(data=True), SetBool.Response())
    assert not response.success
    assert response.message.startswith("Cannot enable: ") and "panda_joint7" in response.message
    receive(joint_state(JOINTS[::-1]))  # the right robot, in another order
    receive(joint_state([JOINTS[-1]]))  # a gripper's own message beside it
    assert node.obstacles() == []


def other_types_in_another_process(code):
    """A process of the same domain whose node 'stranger' uses the wrong message type."""
    text = f"""
from policy_nodes.rosless.activate import ensure_ros
ensure_ros()
import rclpy
from std_msgs.msg import String
rclpy.init()
node = rclpy.create_node('stranger')
{code}
rclpy.spin(node)
"""
    return subprocess.Popen([sys.executable, "-c", text], cwd=ROOT)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (
            "publisher = node.create_publisher(String, '/joint_states', 10)",
            "/stranger publishes std_msgs/msg/String on /joint_states, which must be sensor_msgs/msg/JointState",
        ),
        (
            f"node.create_subscription(String, '{COMMANDS}', print, 10)",
            f"/stranger expects std_msgs/msg/String on {COMMANDS}, which must be std_msgs/msg/Float64MultiArray",
        ),
    ],
)
def test_a_topic_of_another_type_on_our_name_is_named(make, bundle, code, sentence):
    node = make(SafetyNode, bundle=bundle)
    node.start()
    process = other_types_in_another_process(code)
    try:
        end = time.monotonic() + 30.0
        while node.obstacles() != [sentence] and time.monotonic() < end:  # the peer's name may come after its topic
            rclpy.spin_once(node, timeout_sec=0.1)
        assert node.obstacles() == [sentence]
        response = node._operator_services.enable(SetBool.Request(data=True), SetBool.Response())
        assert (response.success, response.message) == (False, f"Cannot enable: {sentence}.")
        assert node.health()[1].endswith(sentence)
    finally:
        process.kill()
        process.wait()


def test_disabling_is_never_refused(make, bundle):
    node = make(SafetyNode, bundle=bundle, autostart=False)
    assert node.trigger_configure() == SUCCESS
    assert node._operator_services.enable(SetBool.Request(data=False), SetBool.Response()).success


@pytest.mark.parametrize(
    ("name", "parameters", "lines"),
    [
        ("safety_node", {"bundle": "/nowhere.keel"}, ["nowhere.keel", "fix:"]),
        ("policy_node", {"bundel": "x"}, ["policy_node has no parameter 'bundel'", "did you mean 'bundle'?"]),
    ],
)
def test_a_refused_start_ends_with_code_1_and_two_lines(name, parameters, lines):
    done = subprocess.run(
        node_command(name, **parameters), capture_output=True, text=True, cwd=ROOT, timeout=30, check=False
    )
    assert done.returncode == 1
    said = (done.stdout + done.stderr).strip().splitlines()
    assert len(said) == 2, said
    for line, text in zip(said, lines, strict=True):
        assert line.startswith(f"{name}: ") and text in line


def test_unreadable_ros_arguments(make):
    done = subprocess.run(
        [*node_command("sim_node"), "-p", "seed"], capture_output=True, text=True, cwd=ROOT, timeout=30, check=False
    )
    assert done.returncode == 1
    assert "cannot read the ROS arguments" in done.stderr and "Traceback" not in done.stderr


def test_gpu_settings_are_parameters_and_an_unknown_precision_is_refused(make, bundle):
    from policy_nodes.nodes.bundle_options import provider_settings

    node = make(PolicyNode, bundle=bundle, autostart=False, device=2, precision="float16", cuda_graph=True)
    settings = provider_settings(node)
    assert (settings.device, settings.precision, settings.cuda_graph) == (2, "float16", True)
    node = make(MonitorNode, bundle=bundle, autostart=False, precision="int4")
    with pytest.raises(ConfigError, match="'int4'"):
        provider_settings(node)
