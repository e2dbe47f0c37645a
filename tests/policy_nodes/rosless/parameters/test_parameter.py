from array import array

import pytest

from policy_nodes.rosless.idl import message_class
from policy_nodes.rosless.parameters import Parameter, get_parameter_value, parameter_value_to_python

pytestmark = pytest.mark.pure

CASES = [
    (True, "BOOL"), (3, "INTEGER"), (2.5, "DOUBLE"), ("a", "STRING"), ([b"\x01", b"\xff"], "BYTE_ARRAY"),
    ([True, False], "BOOL_ARRAY"), ([1, 2], "INTEGER_ARRAY"), ((1.0, 2.0), "DOUBLE_ARRAY"), (["a"], "STRING_ARRAY"),
    (array("d", [1.0]), "DOUBLE_ARRAY"), (array("q", [1]), "INTEGER_ARRAY"), (None, "NOT_SET"), ([], "BYTE_ARRAY"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "kind"), CASES)
def test_type_and_message_round_trip(value, kind):
    parameter = Parameter("group.name", value=value)
    assert parameter.type_ is Parameter.Type[kind] and parameter.name == "group.name"
    again = Parameter.from_parameter_msg(parameter.to_parameter_msg())
    assert again.type_ is parameter.type_
    plain = parameter_value_to_python(parameter.get_parameter_value())
    assert plain == (list(value) if kind.endswith("ARRAY") else value)
    if isinstance(value, (list, tuple, array)):
        assert list(again.value) == list(value)


@pytest.mark.parametrize("value", [[1, 2.0], [1, "a"], [None], {"a": 1}, object(), 1j])
def test_values_without_a_type(value):
    with pytest.raises(TypeError):
        Parameter("x", value=value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [("DOUBLE", 1), ("INTEGER", 1.0), ("STRING", None), ("NOT_SET", 0), ("BYTE_ARRAY", [b"ab"]), ("BOOL_ARRAY", [1]),
     ("STRING_ARRAY", "ab"), ("DOUBLE_ARRAY", [1]), ("BOOL_ARRAY", array("b", [1]))],
)  # fmt: skip
def test_type_and_value_must_agree(kind, value):
    with pytest.raises(ValueError, match="do not agree"):
        Parameter("x", Parameter.Type[kind], value)


def test_type_must_be_a_type():
    with pytest.raises(TypeError, match="instance"):
        Parameter("x", 3, 2.5)


def test_types_are_numbered_as_in_the_message():
    numbers = message_class("rcl_interfaces/msg/ParameterType")
    for kind in Parameter.Type:
        assert getattr(numbers, f"PARAMETER_{kind.name}") == kind


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [("true", "BOOL", True), ("5", "INTEGER", 5), ("5.0", "DOUBLE", 5.0), ("a b", "STRING", "a b"),
     ("[1, 2]", "INTEGER_ARRAY", [1, 2]), ("[1, a]", "STRING", "[1, a]"), ("1e-3", "STRING", "1e-3"),
     ("", "STRING", ""), ("[]", "BOOL_ARRAY", [])],
)  # fmt: skip
def test_guess_from_text_follows_pyyaml_as_in_rclpy(text, kind, value):
    message = get_parameter_value(text)
    assert (message.type, parameter_value_to_python(message)) == (Parameter.Type[kind], value)


def test_unknown_type_number():
    message = message_class("rcl_interfaces/msg/ParameterValue")(type=99)
    with pytest.raises(RuntimeError, match="99"):
        parameter_value_to_python(message)
