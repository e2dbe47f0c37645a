import math

import pytest

from policy_nodes.rosless.exceptions import (
    InvalidParameterException,
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterAlreadyDeclaredException,
    ParameterImmutableException,
    ParameterNotDeclaredException,
    ParameterUninitializedException,
)
from policy_nodes.rosless.idl import message_class
from policy_nodes.rosless.parameters import Parameter
from policy_nodes.rosless.parameters.descriptors import accepted, refused

from .fake_node import FakeNode

pytestmark = pytest.mark.pure

Descriptor = message_class("rcl_interfaces/msg/ParameterDescriptor")
IntegerRange = message_class("rcl_interfaces/msg/IntegerRange")
FloatingPointRange = message_class("rcl_interfaces/msg/FloatingPointRange")


def test_declare_get_set():
    node = FakeNode()
    assert node.declare_parameter("gain", 2.0).value == 2.0
    assert node.get_parameter("gain").value == 2.0 and node.has_parameter("gain")
    (result,) = node.set_parameters([Parameter("gain", value=3.0)])
    assert result.successful and node.get_parameter("gain").value == 3.0
    assert node.get_parameters(["gain"])[0].value == 3.0
    assert node.describe_parameter("gain").name == "gain"
    assert node.describe_parameter("gain").type == Parameter.Type.DOUBLE


@pytest.mark.parametrize("value", [1, "1.0", True, [1.0]])
def test_static_types_are_strict(value):
    node = FakeNode()
    node.declare_parameter("gain", 2.0)
    (result,) = node.set_parameters([Parameter("gain", value=value)])
    assert not result.successful and result.reason.startswith("Wrong parameter type, expected 'Type.DOUBLE'")
    assert node.get_parameter("gain").value == 2.0


def test_an_integer_override_of_a_double_raises():
    node = FakeNode(context_overrides={"gain": 5})
    with pytest.raises(InvalidParameterTypeException, match="expecting type 'DOUBLE'"):
        node.declare_parameter("gain", 2.0)
    assert not node.has_parameter("gain")


def test_overrides_constructor_wins_and_can_be_ignored():
    node = FakeNode(context_overrides={"a": 1, "b": 2}, parameter_overrides=[Parameter("b", value=3)])
    assert [node.declare_parameter(name, 0).value for name in "ab"] == [1, 3]
    node.undeclare_parameter("a")
    assert node.declare_parameter("a", 0, ignore_override=True).value == 0


def test_automatic_declaration():
    node = FakeNode(context_overrides={"limits.max": 1.5}, automatically_declare=True)
    assert node.get_parameter("limits.max").value == 1.5
    assert node.get_parameters_by_prefix("limits")["max"].value == 1.5
    assert set(node.get_parameters_by_prefix("")) == {"limits.max"}


def test_declaration_errors():
    node = FakeNode()
    node.declare_parameter("a", 1)
    with pytest.raises(ParameterAlreadyDeclaredException):
        node.declare_parameters("", [("new", 1), ("a", 1)])
    assert not node.has_parameter("new")
    with pytest.raises(InvalidParameterException):
        node.declare_parameter("", 1)
    with pytest.raises(TypeError):
        node.declare_parameters("", [(5, 1)])
    with pytest.raises(TypeError):
        node.declare_parameters("", [("x", 1, "descriptor")])
    with pytest.raises(ValueError, match="without a default"):
        node.declare_parameter("x", None, Descriptor())
    with pytest.raises(ValueError, match="NOT_SET"):
        node.declare_parameter("x", Parameter.Type.NOT_SET)
    with pytest.raises(ValueError, match="dynamic_typing"):
        node.declare_parameter("x", Parameter.Type.DOUBLE, Descriptor(dynamic_typing=True))
    assert [item.name for item in node.declare_parameters("group", [("x", 1), ("y", 2)])] == ["group.x", "group.y"]


def test_declaration_by_type_stays_uninitialized_until_set():
    node = FakeNode()
    node.declare_parameter("bundle", Parameter.Type.STRING)
    with pytest.raises(ParameterUninitializedException):
        node.get_parameter("bundle")
    assert node.get_parameter_or("bundle", Parameter("bundle", value="x")).value == "x"
    node.set_parameters([Parameter("bundle", value="y")])
    assert node.get_parameter("bundle").value == "y"


def test_name_only_is_deprecated_and_dynamic():
    node = FakeNode()
    with pytest.warns(UserWarning, match="deprecated"):
        node.declare_parameter("any")
    assert node.get_parameter("any").value is None
    assert node.set_parameters_atomically([Parameter("any", value=5)]).successful
    assert node.set_parameters_atomically([Parameter("any", value="x")]).successful


def test_undeclared():
    node = FakeNode()
    for use in (node.get_parameter, node.describe_parameter, node.undeclare_parameter, node.get_parameter_type):
        with pytest.raises(ParameterNotDeclaredException):
            use("missing")
    with pytest.raises(ParameterNotDeclaredException):
        node.set_parameters([Parameter("missing", value=1)])
    assert node.get_parameter_or("missing").type_ is Parameter.Type.NOT_SET

    node = FakeNode(allow_undeclared=True)
    assert node.get_parameter("missing").type_ is Parameter.Type.NOT_SET
    assert node.set_parameters_atomically([Parameter("missing", value=1)]).successful
    assert node.describe_parameter("missing").dynamic_typing
    assert node.set_parameters_atomically([Parameter("missing")]).successful and not node.has_parameter("missing")
    assert len(node.events[-1].deleted_parameters) == 1


def test_read_only():
    node = FakeNode(context_overrides={"joints": ["a"]})
    assert node.declare_parameter("joints", ["b"], Descriptor(read_only=True)).value == ["a"]
    (result,) = node.set_parameters([Parameter("joints", value=["c"])])
    assert not result.successful and "read-only" in result.reason
    for change in (lambda: node.undeclare_parameter("joints"), lambda: node.set_descriptor("joints", Descriptor())):
        with pytest.raises(ParameterImmutableException):
            change()


@pytest.mark.parametrize(
    ("value", "fits"), [(-4, True), (2, True), (-1, True), (0, False), (3, True), (-5, False), (4, False)]
)
def test_integer_range_with_step(value, fits):
    node = FakeNode()
    bounds = IntegerRange(from_value=-4, to_value=3, step=3)  # -4, -1, 2, and the edge 3, which is no step
    node.declare_parameter("n", -4, Descriptor(integer_range=[bounds]))
    assert node.set_parameters([Parameter("n", value=value)])[0].successful is fits


@pytest.mark.parametrize(
    ("value", "fits"),
    [(0.0, True), (1.0, True), (0.3, True), (0.30000001, True), (0.31, False), (-0.1, False), (1.1, False),
     (math.nan, False), (math.inf, False)],
)  # fmt: skip
def test_floating_point_range_with_step(value, fits):
    node = FakeNode()
    bounds = FloatingPointRange(from_value=1.0, to_value=0.0, step=0.1)
    node.declare_parameter("x", 0.5, Descriptor(floating_point_range=[bounds]))
    assert node.set_parameters([Parameter("x", value=value)])[0].successful is fits


def test_a_default_out_of_range_raises():
    node = FakeNode()
    with pytest.raises(InvalidParameterValueException, match="out of range"):
        node.declare_parameter("n", 9, Descriptor(integer_range=[IntegerRange(from_value=0, to_value=5)]))


def test_atomic_setting_changes_all_or_nothing():
    node = FakeNode()
    node.declare_parameters("", [("a", 1), ("b", 1)])
    result = node.set_parameters_atomically([Parameter("a", value=2), Parameter("b", value=2.0)])
    assert not result.successful and node.get_parameter("a").value == 1
    results = node.set_parameters([Parameter("a", value=2), Parameter("b", value=2.0)])
    assert [result.successful for result in results] == [True, False]
    assert node.get_parameter("a").value == 2
    assert not node.set_parameters_atomically([Parameter("a")]).successful  # static parameters cannot be unset


def test_callbacks_in_order_newest_first():
    node, calls = FakeNode(), []
    node.declare_parameter("a", 1)

    def pre(parameters):
        calls.append("pre")
        return [Parameter("a", value=parameters[0].value * 10)]

    node.add_pre_set_parameters_callback(pre)
    node.add_on_set_parameters_callback(lambda p: calls.append("on1") or accepted())
    node.add_on_set_parameters_callback(lambda p: calls.append("on2") or accepted())
    node.add_post_set_parameters_callback(lambda p: calls.append(("post", p[0].value, node.get_parameter("a").value)))
    assert node.set_parameters_atomically([Parameter("a", value=2)]).successful
    assert calls == ["pre", "on2", "on1", ("post", 20, 20)]
    node.remove_pre_set_parameters_callback(pre)
    with pytest.raises(ValueError, match="not in list"):
        node.remove_on_set_parameters_callback(pre)


def test_a_refusing_callback_keeps_the_value_and_fails_declarations():
    node = FakeNode()
    node.declare_parameter("a", 1)
    node.add_on_set_parameters_callback(lambda parameters: refused("not now"))
    before = len(node.events)
    assert node.set_parameters_atomically([Parameter("a", value=2)]).reason == "not now"
    assert node.get_parameter("a").value == 1 and len(node.events) == before
    with pytest.raises(InvalidParameterValueException, match="not now"):
        node.declare_parameter("b", 1)


def test_an_emptied_list_is_refused():
    node = FakeNode()
    node.declare_parameter("a", 1)
    node.add_pre_set_parameters_callback(lambda parameters: [])
    assert "cannot be empty" in node.set_parameters_atomically([Parameter("a", value=2)]).reason


def test_events_name_the_node_and_tell_new_from_changed():
    node = FakeNode(namespace="/left")
    node.declare_parameter("a", 1)
    node.set_parameters([Parameter("a", value=2)])
    new, changed = node.events
    assert new.node == changed.node == "/left/arm" and new.stamp.sec == 7
    assert [p.name for p in new.new_parameters] == ["a"] and not new.changed_parameters
    assert changed.changed_parameters[0].value.integer_value == 2 and not changed.new_parameters


def test_set_descriptor():
    node = FakeNode()
    node.declare_parameter("n", 9)
    narrow = Descriptor(type=int(Parameter.Type.INTEGER), integer_range=[IntegerRange(from_value=0, to_value=5)])
    with pytest.raises(InvalidParameterValueException):
        node.set_descriptor("n", narrow)
    value = node.set_descriptor("n", narrow, Parameter("n", value=4).get_parameter_value())
    assert value.integer_value == node.get_parameter("n").value == 4
    assert node.describe_parameter("n").integer_range[0].to_value == 5
