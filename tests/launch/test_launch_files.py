"""The launch files: what they start, with which parameters, and that every argument is explained."""

from pathlib import Path

import pytest
import yaml

from policy_nodes.launching import LaunchError, describe
from policy_nodes.launching.description import resolve

pytestmark = pytest.mark.pure

DIRECTORY = Path(__file__).parents[2] / "launch"
FILES = sorted(DIRECTORY.glob("*.launch.yaml"))
LIFECYCLE = ("safety_node", "monitor_node", "policy_node")


def processes(file, **arguments):
    given = {"bundle": "/b.keel", **arguments} if file != "sim" else arguments
    return {node.name: node for node in resolve(DIRECTORY / f"{file}.launch.yaml", given, {})}


def parameters(node):
    words = node.command[node.command.index("--ros-args") :]
    return dict(words[i + 1].split(":=", 1) for i, word in enumerate(words) if word == "-p")


def remaps(node):
    return [node.command[i + 1] for i, word in enumerate(node.command) if word == "-r"]


def test_there_are_launch_files():
    names = [file.name.removesuffix(".launch.yaml") for file in FILES]
    assert names == ["faults", "locomotion", "manipulation", "robot", "sim"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_argument_is_described_and_only_the_bundle_is_required(file):
    arguments = describe(file)
    assert all(argument.description for argument in arguments)
    assert {argument.name for argument in arguments if argument.default is None} <= {"bundle"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_attributes_that_real_ros2_launch_does_not_substitute_are_literal(file):
    def nodes(actions):
        for action in actions:
            ((kind, content),) = action.items()
            if kind == "node":
                yield content
            if kind == "group":
                yield from nodes(content)

    for node in nodes(yaml.safe_load(file.read_text())["launch"]):
        assert node["output"] == "screen"
        # Jazzy's frontend takes a text here: a YAML boolean ends `ros2 launch` with a TypeError
        assert node.get("respawn", "false") in ("true", "false") and isinstance(node.get("respawn_delay", 0.0), float)


def test_a_robot_gets_no_simulator():
    assert set(processes("robot")) == set(processes("manipulation")) == set(LIFECYCLE)
    assert set(processes("robot", record="true", monitor="false")) == {"safety_node", "policy_node", "recorder_node"}
    with pytest.raises(LaunchError, match="'bundle' has no value"):
        resolve(DIRECTORY / "robot.launch.yaml", {}, {})


def test_simulation_adds_the_robot():
    found = processes("manipulation", sim="true", seed="7", simulator="my.robot:Robot", command_topic="/c/commands")
    assert set(found) == {"sim_node", *LIFECYCLE}
    given = parameters(found["sim_node"])
    assert (given["seed"], given["simulator"], given["command_topic"]) == ("7", "my.robot:Robot", "/c/commands")
    assert parameters(found["policy_node"])["seed"] == "7"


def test_only_policy_and_monitor_come_back_by_themselves():
    found = processes("manipulation", sim="true", record="true")
    assert {name for name, node in found.items() if node.respawn} == {"policy_node", "monitor_node"}
    assert all(found[name].respawn_delay >= 1.0 for name in ("policy_node", "monitor_node"))


def test_a_namespace_moves_nodes_and_contract_topics():
    for node in processes("manipulation", sim="true", record="true", namespace="left").values():
        assert "__ns:=/left" in remaps(node)
        assert parameters(node)["topic_prefix"] == "left"
    for node in processes("manipulation", sim="true", record="true").values():
        assert not [remap for remap in remaps(node) if remap.startswith("__ns")]
        assert parameters(node)["topic_prefix"] == "''"


def test_parameters_reach_the_nodes():
    found = processes("robot", provider="cuda", autostart="false", fifo_priority="80", use_sim_time="true")
    assert parameters(found["safety_node"])["fifo_priority"] == "80"
    assert parameters(found["monitor_node"])["provider"] == "cuda"
    for name in LIFECYCLE:
        given = parameters(found[name])
        assert (given["bundle"], given["autostart"], given["use_sim_time"]) == ("/b.keel", "false", "true")


@pytest.mark.ros
def test_every_parameter_of_a_launch_file_is_one_of_the_node():
    from policy_nodes.nodes import bundle_options, policy_node, recorder_node, safety_node, sim_node

    of_all = {option.name for option in bundle_options.OPTIONS}
    inference = of_all | {option.name for option in bundle_options.INFERENCE_OPTIONS}
    known = {
        "safety_node": of_all | {option.name for option in safety_node.OPTIONS},
        "policy_node": of_all | {option.name for option in policy_node.OPTIONS},
        "monitor_node": inference,
        "sim_node": {option.name for option in sim_node.OPTIONS},
        "recorder_node": {option.name for option in recorder_node.OPTIONS},
    }
    for name, node in processes("manipulation", sim="true", record="true").items():
        assert set(parameters(node)) <= known[name] | {"use_sim_time"}
