"""What is written in a launch file is what the node's parameter, argument or variable says in the end."""

import shlex
from pathlib import Path

import pytest

from policy_nodes.launching import LaunchError
from policy_nodes.launching.description import resolve
from policy_nodes.launching.elements import Element, plain_text
from policy_nodes.launching.node_action import join_namespaces
from policy_nodes.launching.packages import executable_command, share_directory
from policy_nodes.launching.substitutions import Substituter
from policy_nodes.rosless.arguments import parse
from policy_nodes.rosless.parameters import parse_value

from .ament import ament_environment

pytestmark = pytest.mark.pure

FILE = Path("/l/x.launch.yaml")


def substituter(**variables):
    return Substituter(variables, {"HOME": "/home/me"}, FILE)


@pytest.fixture
def node(tmp_path):
    env = ament_environment(tmp_path / "ament")

    def node_(attributes, **arguments):
        path = tmp_path / "main.launch.yaml"
        declared = "".join(f"- arg: {{name: {name}}}\n" for name in arguments)
        path.write_text(f"launch:\n{declared}- node: {{pkg: demo, exec: sleeper, {attributes}}}\n")
        (process,) = resolve(path, arguments, env)
        return process

    return node_


def parameters(process):
    """As rcl would read them."""
    return {item.name: parse_value(item.text) for item in parse(process.command).params}


@pytest.mark.parametrize(
    "value", ["a b", "it's", 'say "hi"', "back\\slash", "a)b", "$(dirname)", "", "$", "\0", "ünï", "'"]
)
def test_an_inner_value_is_one_word_whatever_it_holds(value):
    substitute = substituter(x=value, name="MISSING")
    assert substitute("<$(env MISSING $(var x))>") == f"<{value}>"
    assert substitute("<$(env $(var name) $(var x))>") == f"<{value}>"
    assert substitute("$(env MISSING '1 $(var x) 2')") == f"1 {value} 2"
    assert substitute("$(env MISSING p$(var x)$(var x)q)") == f"p{value}{value}q"


def test_three_levels():
    assert substituter(a="b", b="c", c="deep")("$(var $(var $(var a)))") == "deep"


def test_errors_show_inner_values_and_no_placeholders():
    with pytest.raises(LaunchError, match=r"\$\(command a b\) is not supported"):
        substituter(x="a b")("$(command $(var x))")
    with pytest.raises(LaunchError, match=r"cannot read \$\(env 'a b\)"):
        substituter(x="a b")("$(env '$(var x))")


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("['left, arm', x]", ["left, arm", "x"]),
        ("['a: b', 'c']", ["a: b", "c"]),
        ("['[1]', '{x}', '#1', 'a #b']", ["[1]", "{x}", "#1", "a #b"]),
        ('["it\'s", "\'q\'"]', ["it's", "'q'"]),
        ("['', 'x']", ["", "x"]),
        ("['*a', '&b', '!c', '%d', '@e']", ["*a", "&b", "!c", "%d", "@e"]),
        ("[/a/b, left_arm, x:y]", ["/a/b", "left_arm", "x:y"]),
        ("[1.5, 2.0]", [1.5, 2.0]),
        ("[1, -2]", [1, -2]),
        ("[true, false]", [True, False]),
        ("['1.5', '2.5']", [1.5, 2.5]),  # as with real launch files: text that reads as a number is one
        ("'1e-3'", 0.001),
        ("1.0e-05", 1e-5),
        ("1e20", 1e20),
        ("''", ""),
        ("ünï", "ünï"),
        ("'[1, 2]'", [1, 2]),
    ],
)  # fmt: skip
def test_parameters_arrive_as_they_were_written(node, written, value):
    found = parameters(node(f"param: [{{name: p, value: {written}}}]"))["p"]
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize("value", ["a,b", "x: y", "it's", "[z]"])
def test_an_argument_in_a_sequence_is_one_item(node, value):
    assert parameters(node("param: [{name: p, value: [$(var v), end]}]", v=value))["p"] == [value, "end"]


def test_groups_of_parameters_have_dotted_names(node):
    process = node("param: [{name: a, param: [{name: b, param: [{name: c, value: 1}]}, {name: d, value: 2}]}]")
    assert parameters(process) == {"a.b.c": 1, "a.d": 2}


def test_a_parameter_file_that_cannot_be_read_is_named(node, tmp_path):
    (tmp_path / "bad.yaml").write_text("a: [")
    with pytest.raises(LaunchError, match=r"bad\.yaml"):
        node(f"param: [{{from: {tmp_path / 'bad.yaml'}}}]")
    with pytest.raises(LaunchError, match=r"absent\.yaml") as caught:
        node("param: [{from: /absent.yaml}]")
    assert "from:" in caught.value.fix
    with pytest.raises(LaunchError, match="parameter 'p' has no value"):
        node("param: [{name: p}]")


def test_arguments_are_split_as_a_shell_splits_them(node):
    command = node("args: \"--x 'a b' c\\\\ d\"").command
    assert command[1:] == ("--x", "a b", "c d")


def test_an_open_quotation_in_args_is_named(node):
    with pytest.raises(LaunchError, match=r"node 'sleeper': cannot read args: No closing quotation") as caught:
        node('args: "it\'s"')
    assert "quotation" in caught.value.fix


@pytest.mark.parametrize(
    ("outer", "inner", "joined"),
    [
        ("", "", ""), ("", "a", "/a"), ("a", "b", "/a/b"), ("/a", "b", "/a/b"), ("/a/", "b", "/a/b"),
        ("/a", "/b", "/b"), ("/a", "", "/a"), ("/", "a", "/a"), ("", "/", "/"), ("a", "", "/a"),
    ],
)  # fmt: skip
def test_namespaces(outer, inner, joined):
    assert join_namespaces(outer, inner) == joined


def test_name_and_namespace_become_remap_rules(node):
    rules = {rule.kind: rule.replacement for rule in parse(node("name: arm, namespace: left").command).remaps}
    assert rules == {"node_name": "arm", "namespace": "/left"}
    assert "--ros-args" not in node("respawn: false").command


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (False, "false"), (3, "3"), (0.1, "0.1"), (1e-7, "1e-07"), ("x", "x"), (float("inf"), "inf")],
)
def test_scalars_as_text(value, text):
    assert plain_text(value) == text


def element(**content):
    return Element("node", content, substituter(yes="true", no="0"), ("a", "list"))


@pytest.mark.parametrize(
    ("text", "flag"), [("true", True), ("TRUE ", True), (1, True), (False, False), ("$(var no)", False)]
)
def test_truth_values(text, flag):
    assert element(a=text).flag("a", not flag) is flag
    assert element().flag("a", flag) is flag


@pytest.mark.parametrize("text", ["yes", "on", "2", "", "truely"])
def test_what_is_no_truth_value_is_refused(text):
    with pytest.raises(LaunchError, match="'a' is") as caught:
        element(a=text).flag("a", True)
    assert "true or false" in caught.value.fix


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "x", "", "1e400"])
def test_what_is_no_number_of_seconds_is_refused(text):
    with pytest.raises(LaunchError, match="'a' is"):
        element(a=text).number("a", 1.0)


@pytest.mark.parametrize(("text", "value"), [("1.5", 1.5), (0, 0.0), ("2e1", 20.0), ("-0", 0.0)])
def test_numbers_of_seconds(text, value):
    assert element(a=text).number("a", 7.0) == value


def test_if_and_unless_must_both_agree():
    assert [element(**{"if": a, "unless": b}).wanted for a in (True, False) for b in (True, False)] == [
        False, True, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize("content", [None, [1], {"x": 1}])
def test_a_value_that_is_not_plain_is_named(content):
    with pytest.raises(LaunchError, match="expected a plain value"):
        element(a=content).text("a")


def test_a_list_that_is_none_and_an_attribute_nobody_knows():
    with pytest.raises(LaunchError, match="'list' must be a list"):
        element(list="x").elements("list", ())
    with pytest.raises(LaunchError, match="attribute b, c is not supported"):
        element(a=1, b=2, c=3)
    with pytest.raises(LaunchError, match="expected attributes, got"):
        Element("node", "x", substituter(), ())


def test_the_first_prefix_wins(tmp_path):
    for prefix in ("one", "two"):
        (tmp_path / prefix / "share" / "demo").mkdir(parents=True)
        program = tmp_path / prefix / "lib" / "demo" / "run"
        program.parent.mkdir(parents=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    env = {"AMENT_PREFIX_PATH": f":{tmp_path / 'two'}:{tmp_path / 'one'}"}
    assert share_directory("demo", env) == tmp_path / "two" / "share" / "demo"
    assert executable_command("demo", "run", env) == [str(tmp_path / "two" / "lib" / "demo" / "run")]
    (tmp_path / "two" / "lib" / "demo" / "run").chmod(0o644)  # not executable: the next one
    assert executable_command("demo", "run", env) == [str(tmp_path / "one" / "lib" / "demo" / "run")]


def test_missing_packages_and_executables_are_named():
    with pytest.raises(LaunchError, match="'nothing' has no share directory"):
        share_directory("nothing", {})
    with pytest.raises(LaunchError, match="'run' of package 'nothing'"):
        executable_command("nothing", "run", {"AMENT_PREFIX_PATH": ""})
    with pytest.raises(LaunchError, match="no executable 'fly'") as caught:
        executable_command("keel", "fly", {})
    assert "safety_node" in caught.value.fix
    assert shlex.join(executable_command("keel", "safety_node", {})).endswith(
        "-m policy_nodes.nodes._entry safety_node"
    )
