import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_nodes.rosless.exceptions import (
    InvalidNamespaceException,
    InvalidNodeNameException,
    InvalidServiceNameException,
    InvalidTopicNameException,
)
from policy_nodes.rosless.names import (
    RemapRule,
    expand,
    join,
    normalise_namespace,
    remap,
    remap_node,
    validate_namespace,
    validate_node_name,
    validate_topic_name,
)

pytestmark = pytest.mark.pure

TOKEN = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)


@pytest.mark.parametrize("name", ["a", "A_9", "_hidden", "x" * 255])
def test_valid_node_names(name):
    assert validate_node_name(name)


@pytest.mark.parametrize(("name", "index"), [("", 0), ("a-b", 1), ("a/b", 1), ("9a", 0), ("ä", 0), ("x" * 256, 255)])
def test_invalid_node_names_point_at_the_fault(name, index):
    with pytest.raises(InvalidNodeNameException) as caught:
        validate_node_name(name)
    assert str(caught.value).splitlines()[-1] == "   " + " " * index + "^"


@pytest.mark.parametrize("namespace", ["/", "/a", "/a/b_c/d9"])
def test_valid_namespaces(namespace):
    assert validate_namespace(namespace)


@pytest.mark.parametrize("namespace", ["", "a", "/a/", "/a//b", "/9a", "/a b", "/~"])
def test_invalid_namespaces(namespace):
    with pytest.raises(InvalidNamespaceException):
        validate_namespace(namespace)


def test_namespace_arguments():
    assert normalise_namespace(None) == normalise_namespace("") == "/"
    assert normalise_namespace("a/b") == "/a/b"
    assert join("/", "n") == "/n" and join("/a", "n") == "/a/n"


@pytest.mark.parametrize("name", ["a", "/a/b", "~", "~/a", "{node}/x", "/a/{ns}", "a{node}b"])
def test_valid_topic_names(name):
    assert validate_topic_name(name)


@pytest.mark.parametrize("name", ["", "a/", "/", "a//b", "9", "a/9", "a~", "~a", "a b", "{node", "node}", "ä"])
def test_invalid_topic_names(name):
    with pytest.raises(InvalidTopicNameException, match="Invalid topic name"):
        validate_topic_name(name)
    with pytest.raises(InvalidServiceNameException, match="Invalid service name"):
        validate_topic_name(name, is_service=True)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chatter", "/ns/chatter"),
        ("/chatter", "/chatter"),
        ("a/b", "/ns/a/b"),
        ("~", "/ns/me"),
        ("~/x", "/ns/me/x"),
        ("{node}/x", "/ns/me/x"),
        ("/{node}", "/me"),
        ("{ns}/x", "/ns/x"),
        ("{namespace}/x", "/ns/x"),
    ],
)
def test_expansion_by_the_design_article(name, expected):
    assert expand(name, "me", "/ns") == expected


def test_expansion_at_the_root():
    assert expand("a", "me", "/") == "/a"
    assert expand("~/a", "me", "/") == "/me/a"


def test_unknown_substitution_and_too_long_names():
    with pytest.raises(InvalidTopicNameException, match="unknown substitution"):
        expand("{what}", "me", "/")
    with pytest.raises(InvalidTopicNameException, match="length"):
        expand("x" * 250, "me", "/")


@settings(max_examples=50)
@given(st.lists(TOKEN, min_size=1, max_size=4), TOKEN, st.lists(TOKEN, max_size=3))
def test_expansion_is_absolute_valid_and_idempotent(tokens, node, namespace):
    ns = "/" + "/".join(namespace)
    full = expand("/".join(tokens), node, ns)
    assert full.startswith("/") and validate_namespace(full)
    assert expand(full, node, ns) == full


def test_first_matching_rule_wins():
    rules = [RemapRule("topic", "a", "b"), RemapRule("topic", "/ns/a", "/c")]
    assert remap("/ns/a", rules, "me", "/ns") == "/ns/b"
    assert remap("/other/a", rules, "me", "/ns") == "/other/a"


def test_rules_for_one_node_or_kind():
    rules = [
        RemapRule("topic", "a", "b", node="other"),
        RemapRule("service_only", "a", "s"),
        RemapRule("topic_only", "a", "t"),
    ]
    assert remap("/a", rules, "me", "/") == "/t"
    assert remap("/a", rules, "me", "/", is_service=True) == "/s"
    assert remap("/a", rules, "other", "/") == "/b"


def test_remap_of_private_names():
    assert remap("/me/x", [RemapRule("topic", "~/x", "y")], "me", "/") == "/y"


def test_node_and_namespace_rules():
    rules = [
        RemapRule("node_name", "", "chosen", node="old"),
        RemapRule("node_name", "", "all"),
        RemapRule("namespace", "", "/there"),
    ]
    assert remap_node("old", "/here", rules) == ("chosen", "/there")
    assert remap_node("new", "/here", rules[:2]) == ("all", "/here")
