import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_nodes.rosless.exceptions import RCLInvalidROSArgsError
from policy_nodes.rosless.parameters import ParameterFileError, load_params_file, parse_value
from policy_nodes.rosless.parameters.yaml_rules import load_params_text, node_matches, parse_scalar

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001), ("1_000", "1_000"), ("on", True), ("Off", False), ("YES", True), ("y", True), ("n", False),
        ("oN", "oN"), ("5", 5), ("+5", 5), ("-5", -5), ("0x1F", 31), ("010", 8), ("08", 8.0), ("0", 0), ("-0", 0),
        ("5.", 5.0), (".5", 0.5), ("1.5E+2", 150.0), ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", float(2**63)), ("1e400", "1e400"), ("1e-400", "1e-400"), ("0e-400", 0.0),
        (".inf", math.inf), ("-.INF", -math.inf), ("inf", math.inf), ("-Infinity", -math.inf), ("0x1.8p1", 3.0),
        ("1.2.3", "1.2.3"), ("~", "~"), ("null", "null"), ("text", "text"), ("12:30:45", "12:30:45"), ("e5", "e5"),
        ("2024-01-01", "2024-01-01"), ("0b11", "0b11"), ("0o17", "0o17"), ("1 ", "1 "),
    ],
)  # fmt: skip
def test_scalars_as_rcl_reads_them(text, value):
    parsed = parse_scalar(text)
    assert parsed == value and type(parsed) is type(value)


def test_nan_spellings():
    assert all(math.isnan(parse_scalar(text)) for text in (".nan", ".NaN", ".NAN", "nan", "NaN", "-nan"))
    assert parse_scalar(".Nan") == ".Nan"


@pytest.mark.parametrize("text", ["5", "true", "1.5", "on"])
def test_quotes_make_text(text):
    assert parse_value(f"'{text}'") == parse_value(f'"{text}"') == parse_value(f"!!str {text}") == text


@settings(max_examples=200, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63 - 1))
def test_python_numbers_survive(number):
    parsed = parse_scalar(repr(number))
    if number != 0 and abs(number) < 2.3e-308:
        return  # strtod reports a range error for denormal numbers on some systems only
    assert parsed == number and type(parsed) is type(number)


def test_sequences():
    assert parse_value("[1.0, 2e1]") == [1.0, 20.0]
    assert parse_value("[a, 'b']") == ["a", "b"]
    assert parse_value("[]") is None
    for text in ("[1, 2.0]", "[true, 1]", "[[1], [2]]", "[{a: 1}]", "{a: 1}", "", "[1", "&x 1\n---\n*x"):
        with pytest.raises(ParameterFileError):
            parse_value(text)


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("/**", "/arm", True), ("/**", "/a/b/arm", True), ("**", "/arm", True), ("arm", "/arm", True),
        ("/arm", "/arm", True), ("arm", "/ns/arm", False), ("/ns/arm", "/ns/arm", True), ("/*/arm", "/ns/arm", True),
        ("/*/arm", "/a/b/arm", False), ("/**/arm", "/a/b/arm", True), ("/**/arm", "/arm", True), ("/*", "/arm", True),
        ("/*", "/ns/arm", False), ("/ns/*", "/ns/arm", True), ("arm", "/arm2", False),
    ],
)  # fmt: skip
def test_node_patterns(pattern, name, matches):
    assert node_matches(pattern, name) is matches


FILE = """
/**:
  ros__parameters:
    rate: 50.0
    names: [a, b]
arm:
  ros__parameters:
    rate: 100.0
    limits: {velocity: {max: 1.5}, on: true}
/left:
  arm:
    ros__parameters: {rate: 1}
/right/arm: {ros__parameters: {rate: 2, empty: []}}
"""


def test_selection_and_nesting():
    common = {"names": ["a", "b"]}
    assert load_params_text(FILE, "arm") == {**common, "rate": 100.0, "limits.velocity.max": 1.5, "limits.on": True}
    assert load_params_text(FILE, "arm", "/left") == {**common, "rate": 1}
    assert load_params_text(FILE, "arm", "right") == {**common, "rate": 2, "empty": None}
    assert load_params_text(FILE, "leg", "/") == {**common, "rate": 50.0}


def test_later_entries_win_whatever_their_pattern():
    text = "arm: {ros__parameters: {x: 1}}\n/**: {ros__parameters: {x: 2}}\n"
    assert load_params_text(text, "arm") == {"x": 2}


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("arm: {rate: 1}", "before 'ros__parameters'"),
        ("ros__parameters: {rate: 1}", "no node name"),
        ("arm: {ros__parameters: {rate: }}", "line 1: no value"),
        ("arm: {ros__parameters: {rate: [1, a]}}", "mixes int, str"),
        ("other: {ros__parameters: {rate: [1, a]}}", "mixes"),
        ("arm: {ros__parameters: {a: &x 1, b: *x}}", "alias"),
        ("arm: [", "not YAML"),
        ("", "no mapping"),
        ("5", "no mapping"),
    ],
)
def test_what_rcl_refuses(text, cause):
    with pytest.raises(ParameterFileError, match=cause) as caught:
        load_params_text(text, "arm")
    assert isinstance(caught.value, RCLInvalidROSArgsError) and caught.value.fix


def test_files(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(FILE)
    assert load_params_file(path, "arm")["rate"] == 100.0
    with pytest.raises(ParameterFileError, match=r"missing\.yaml"):
        load_params_file(tmp_path / "missing.yaml", "arm")
