import sys
from pathlib import Path

import pytest

from policy_nodes.launching import LaunchArgument, LaunchError, describe
from policy_nodes.launching.description import resolve

from .ament import ament_environment

pytestmark = pytest.mark.pure

NODE = "- node: {pkg: demo, exec: sleeper, name: %s}\n"


@pytest.fixture
def launch(tmp_path):
    env = ament_environment(tmp_path / "ament")

    def launch_(text, arguments=None, **files):
        for name, content in files.items():
            (tmp_path / f"{name}.yaml").write_text(content)
        path = tmp_path / "main.launch.yaml"
        path.write_text("launch:\n" + text)
        return resolve(path, arguments or {}, env)

    launch_.folder = tmp_path
    return launch_


def names(nodes):
    return [node.name for node in nodes]


def test_describe(tmp_path):
    path = tmp_path / "x.launch.yaml"
    path.write_text(
        "launch:\n- arg: {name: bundle, description: the policy}\n- arg: {name: sim, default: false}\n"
        "- arg: {name: n, default: 3}\n- arg: {name: f, default: $(var n)}\n"
    )
    assert describe(path) == [
        LaunchArgument("bundle", None, "the policy"),
        LaunchArgument("sim", "false"),
        LaunchArgument("n", "3"),
        LaunchArgument("f", "$(var n)"),
    ]


def test_a_node_becomes_a_command_line(launch):
    (node,) = launch(
        "- arg: {name: rate, default: 50.0}\n"
        "- node:\n"
        "    pkg: demo\n    exec: arguments\n    name: arm\n    namespace: left\n    args: --fast 'a b'\n"
        "    respawn: true\n    respawn_delay: 1.5\n    output: screen\n"
        "    env: [{name: EXTRA, value: $(var rate)}]\n"
        "    remap: [{from: in, to: /out}]\n"
        "    param:\n"
        "      - {name: rate, value: $(var rate)}\n      - {name: flag, value: true}\n"
        "      - {name: list, value: [1.5, $(var rate)]}\n      - {name: empty, value: ''}\n"
        "      - {name: group, param: [{name: x, value: 1}]}\n      - {from: $(dirname)/p.yaml}\n",
        p="arm: {ros__parameters: {x: 1}}",
    )
    assert Path(node.command[0]).name == "arguments"
    assert list(node.command[1:]) == [
        "--fast", "a b", "--ros-args", "-r", "__node:=arm", "-r", "__ns:=/left", "-r", "in:=/out",
        "-p", "rate:=50.0", "-p", "flag:=true", "-p", "list:=[1.5, 50.0]", "-p", "empty:=''", "-p", "group.x:=1",
        "--params-file", str(launch.folder / "p.yaml"),
    ]  # fmt: skip
    assert (node.respawn, node.respawn_delay, node.output, node.env) == (True, 1.5, "screen", {"EXTRA": "50.0"})


def test_arguments_defaults_and_conditions(launch):
    text = "- arg: {name: sim, default: 'false'}\n- node: {pkg: demo, exec: sleeper, name: a, if: $(var sim)}\n"
    text += "- node: {pkg: demo, exec: sleeper, name: b, unless: $(var sim)}\n"
    assert names(launch(text)) == ["b"]
    assert names(launch(text, {"sim": "True"})) == ["a"]
    with pytest.raises(LaunchError, match="'if' is 'maybe'"):
        launch(text, {"sim": "maybe"})


def test_a_required_argument(launch):
    with pytest.raises(LaunchError, match=r"'bundle' has no value \(the policy\)") as caught:
        launch("- arg: {name: bundle, description: the policy}\n")
    assert "bundle:=VALUE" in caught.value.fix


def test_an_unknown_argument_lists_the_known(launch):
    with pytest.raises(LaunchError, match="no argument sedd") as caught:
        launch("- arg: {name: seed, default: 0}\n", {"sedd": "1"})
    assert "seed" in caught.value.fix


def test_includes_share_variables_as_in_ros2_launch(launch):
    other = (
        "launch:\n- arg: {name: seed, default: '0'}\n- arg: {name: who, default: nobody}\n"
        "- let: {name: back, value: yes_$(var seed)}\n"
        "- node: {pkg: demo, exec: sleeper, name: $(var who)_$(var seed)}\n"
    )
    nodes = launch(
        "- arg: {name: seed, default: '7'}\n- include: {file: $(dirname)/other.yaml, arg: [{name: who, value: me}]}\n"
        + NODE % "$(var back)",
        other=other,
    )
    assert names(nodes) == ["me_7", "yes_7"]


def test_groups_keep_their_changes(launch):
    nodes = launch(
        "- let: {name: x, value: outer}\n"
        "- group:\n  - push_ros_namespace: {namespace: robot}\n  - let: {name: x, value: inner}\n"
        "  - set_env: {name: EXTRA, value: e}\n"
        "  - node: {pkg: demo, exec: sleeper, name: $(var x), namespace: arm}\n"
        + NODE % "$(var x)"
        + "- group: {if: false, children: [{node: {pkg: demo, exec: sleeper}}]}\n"
    )
    assert names(nodes) == ["inner", "outer"]
    assert "__ns:=/robot/arm" in nodes[0].command and nodes[0].env == {"EXTRA": "e"}
    assert not any("__ns" in part for part in nodes[1].command) and nodes[1].env == {}


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("- timer: {period: 1}\n", "action 'timer' is not supported"),
        ("- node: {pkg: demo, exec: sleeper, nmae: a}\n", "attribute nmae is not supported"),
        ("- node: {pkg: demo}\n", "'exec' is missing"),
        ("- node: {pkg: demo, exec: nothing}\n", "'nothing' of package 'demo' is not installed"),
        ("- node: {pkg: keel, exec: nothing}\n", "no executable 'nothing'"),
        ("- node: {pkg: elsewhere, exec: x}\n", "'elsewhere' is not installed"),
        ("- node: {pkg: demo, exec: sleeper, output: loud}\n", "output is 'loud'"),
        ("- node: {pkg: demo, exec: sleeper, respawn_delay: -1}\n", "'respawn_delay' is '-1'"),
        ("- node: {pkg: demo, exec: sleeper, param: [{name: x}]}\n", "'x' has no value"),
        ("- node: {pkg: demo, exec: sleeper, param: [{from: /no/file}]}\n", "/no/file"),
        ("- node: {pkg: demo, exec: sleeper, param: {name: x}}\n", "'param' must be a list"),
        ("- include: {file: $(dirname)/none.yaml}\n", "none.yaml"),
        ("- include: {file: $(dirname)/main.launch.yaml}\n", "16 deep"),
        ("- let: {name: x, value: [1]}\n", "plain value"),
        ("- node\n", "list of actions"),
        ("[", "not YAML"),
        ("  node: {}\n", "no launch file"),
    ],
)
def test_mistakes_are_named(launch, text, cause):
    with pytest.raises(LaunchError, match=cause) as caught:
        launch(text)
    assert caught.value.fix


def test_the_launch_files_of_keel():
    root = Path(__file__).parents[3]
    nodes = resolve(root / "launch" / "manipulation.launch.yaml", {"bundle": "/x.keel", "sim": "true", "seed": "5"}, {})
    assert {"sim_node", "safety_node", "monitor_node", "policy_node"} <= set(names(nodes))
    assert nodes[0].command[:3] == (sys.executable, "-m", "policy_nodes.nodes._entry")
    assert any("seed:=5" in node.command for node in nodes)
