"""Which name, namespace and parameter values a node ends up with, by rcl's order of precedence."""

import pytest

from policy_nodes.rosless.arguments import merge, parse
from policy_nodes.rosless.exceptions import InvalidNamespaceException, InvalidTopicNameException
from policy_nodes.rosless.names import (
    MAX_NAMESPACE,
    MAX_TOPIC_NAME,
    RemapRule,
    expand,
    remap,
    remap_node,
    validate_namespace,
    validate_topic_name,
)
from policy_nodes.rosless.node_parameters import parameters_of_node
from policy_nodes.rosless.parameters import ParameterFileError

pytestmark = pytest.mark.pure


def arguments(*words):
    return parse(["--ros-args", *words])


def test_lengths_are_rmws():
    assert (MAX_TOPIC_NAME, MAX_NAMESPACE) == (247, 245)  # 255 - 8, and two less for "/x"
    assert validate_namespace("/" + "a" * 244)
    with pytest.raises(InvalidNamespaceException, match="245"):
        validate_namespace("/" + "a" * 245)
    assert expand("/" + "a" * 246, "n", "/") == "/" + "a" * 246
    with pytest.raises(InvalidTopicNameException, match="247"):
        expand("/" + "a" * 247, "n", "/")


@pytest.mark.parametrize("name", ["{ä}", "{n ode}", "{no-de}", "a{"])
def test_a_substitution_holds_ascii_letters_digits_and_underscores_only(name):
    with pytest.raises(InvalidTopicNameException):
        validate_topic_name(name)


def test_a_namespace_rule_for_one_node_asks_for_its_final_name():
    rules = [RemapRule("namespace", "", "/left", "old"), RemapRule("namespace", "", "/right", "new")]
    assert remap_node("old", "/", rules) == ("old", "/left")
    assert remap_node("old", "/", [RemapRule("node_name", "", "new"), *rules]) == ("new", "/right")


def test_rules_in_their_order_and_the_nodes_own_first():
    own, process = arguments("-r", "__node:=mine"), arguments("-r", "__node:=theirs", "-r", "__ns:=ns")
    assert remap_node("arm", "/", merge(own, process).remaps) == ("mine", "/ns")


def test_a_topic_rule_sees_the_remapped_node():
    rules = arguments("-r", "__node:=hand", "-r", "hand:~/cmd:=/cmd").remaps
    name, namespace = remap_node("arm", "/ns", rules)
    assert remap(expand("~/cmd", name, namespace), rules, name, namespace) == "/cmd"
    assert remap(expand("~/cmd", "arm", namespace), rules, "arm", namespace) == "/ns/arm/cmd"


@pytest.fixture
def files(tmp_path):
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text("/**: {ros__parameters: {rate: 1, mode: first, only: true}}")
    second.write_text("/ns/arm: {ros__parameters: {mode: second}}\nleg: {ros__parameters: {rate: 9}}")
    return "--params-file", str(first), "--params-file", str(second)


def test_files_in_order_then_single_values(files):
    given = arguments(*files, "-p", "rate:=3", "-p", "rate:=4")
    assert parameters_of_node(given, "arm", "/ns") == {"rate": 4, "mode": "second", "only": True}
    assert parameters_of_node(given, "leg", "/") == {"rate": 4, "mode": "first", "only": True}


def test_single_values_for_one_node(files):
    given = arguments(*files, "-p", "leg:rate:=7", "-p", "arm:mode:=[a, b]")
    assert parameters_of_node(given, "arm", "/")["mode"] == ["a", "b"]
    assert parameters_of_node(given, "arm", "/")["rate"] == 1
    assert parameters_of_node(given, "leg", "/")["rate"] == 7


def test_a_missing_file_and_a_bad_value_say_what_is_wrong(tmp_path):
    with pytest.raises(ParameterFileError, match=r"absent\.yaml") as caught:
        parameters_of_node(arguments("--params-file", str(tmp_path / "absent.yaml")), "arm", "/")
    assert "path" in caught.value.fix
    with pytest.raises(ParameterFileError, match=r"\[1, x\]") as caught:
        parameters_of_node(arguments("-p", "rate:=[1, x]"), "arm", "/")
    assert caught.value.fix


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("a:=1", "a", 1), ("a.b:=-0.5", "a.b", -0.5), ("a:=on", "a", True), ("a:='on'", "a", "on"),
        ("a:=[1.0, 2.5]", "a", [1.0, 2.5]), ("a:=http://x:80/y", "a", "http://x:80/y"), ('a:=""', "a", ""),
        ("a:=ünï", "a", "ünï"), ("a:=1e3", "a", 1000.0), ("a:=[]", "a", None),
    ],
)  # fmt: skip
def test_values_are_read_as_yaml_by_rcls_rules(text, name, value):
    found = parameters_of_node(arguments("-p", text), "arm", "/")
    assert found == {name: value} and type(found[name]) is type(value)
