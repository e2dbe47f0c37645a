import pytest

from policy_nodes.rosless.arguments import ParamAssignment, merge, parse, parse_param, parse_remap
from policy_nodes.rosless.exceptions import RCLInvalidROSArgsError, UnknownROSArgsError
from policy_nodes.rosless.names import RemapRule

pytestmark = pytest.mark.pure


def test_everything_at_once():
    line = (
        "prog x --ros-args -r a:=b --remap __ns:=/n -p gain:=0.5 --params-file f.yaml --log-level debug "
        "--log-level node:=WARN -e /e --disable-rosout-logs -- y"
    )
    result = parse(line.split())
    assert result.others == ["prog", "x", "y"]
    assert result.remaps == [RemapRule("topic", "a", "b"), RemapRule("namespace", "", "/n")]
    assert result.params == [ParamAssignment(None, "gain", "0.5")]
    assert result.params_files == ["f.yaml"]
    assert result.log_levels == [(None, "debug"), ("node", "warn")]
    assert result.enclave == "/e" and not result.rosout and result.stdout


def test_without_ros_args_nothing_is_ros():
    assert parse(["prog", "-r", "a:=b"]).others == ["prog", "-r", "a:=b"]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a:=b", RemapRule("topic", "a", "b")),
        ("node:a:=b", RemapRule("topic", "a", "b", "node")),
        ("/x/a:=/b", RemapRule("topic", "/x/a", "/b")),
        ("node:~/a:=/b", RemapRule("topic", "~/a", "/b", "node")),
        ("__node:=n", RemapRule("node_name", "", "n")),
        ("old:__node:=n", RemapRule("node_name", "", "n", "old")),
        ("__name:=n", RemapRule("node_name", "", "n")),
        ("__ns:=/n", RemapRule("namespace", "", "/n")),
        ("rostopic://a:=b", RemapRule("topic_only", "a", "b")),
        ("rosservice://a:=rosservice://b", RemapRule("service_only", "a", "b")),
        ("node:rosservice://a:=b", RemapRule("service_only", "a", "b", "node")),
    ],
)
def test_remap_rules(text, rule):
    assert parse_remap(text) == rule


@pytest.mark.parametrize("text", ["a", ":=b", "a:=", "a=b"])
def test_bad_remap_rules(text):
    with pytest.raises(RCLInvalidROSArgsError):
        parse_remap(text)


def test_parameters_keep_their_yaml():
    assert parse_param("a.b:=[1, 2]") == ParamAssignment(None, "a.b", "[1, 2]")
    assert parse_param("node:a:=x:=y") == ParamAssignment("node", "a", "x:=y")
    assert parse_param("url:=http://host:80") == ParamAssignment(None, "url", "http://host:80")
    assert parse_param("empty:=") == ParamAssignment(None, "empty", "")


@pytest.mark.parametrize("words", [["-r"], ["-p"], ["--params-file"], ["--log-level", "loud"], ["-p", "x"]])
def test_malformed_arguments(words):
    with pytest.raises(RCLInvalidROSArgsError):
        parse(["--ros-args", *words])


def test_unknown_arguments_are_named():
    with pytest.raises(UnknownROSArgsError, match="--colour"):
        parse(["--ros-args", "--colour"])


def test_a_nodes_own_arguments_win():
    own = parse(["--ros-args", "-r", "a:=mine", "-p", "x:=1"])
    process = parse(["--ros-args", "-r", "a:=theirs", "-p", "x:=2", "--disable-rosout-logs"])
    merged = merge(own, process)
    assert [rule.replacement for rule in merged.remaps] == ["mine", "theirs"]  # the first match wins
    assert [item.text for item in merged.params] == ["2", "1"]  # the last value wins
    assert not merged.rosout
