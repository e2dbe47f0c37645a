import pytest

from policy_nodes.rosless.parameters import Parameter

from .fake_node import FakeNode

pytestmark = pytest.mark.pure


@pytest.fixture
def node():
    made = FakeNode(namespace="/ns")
    made.declare_parameters("", [("rate", 50.0), ("limits.velocity.max", 1.5), ("limits.position", [1.0])])
    return made


def test_six_services_under_the_node_name(node):
    assert sorted(node.services) == [
        "arm/describe_parameters", "arm/get_parameter_types", "arm/get_parameters", "arm/list_parameters",
        "arm/set_parameters", "arm/set_parameters_atomically",
    ]  # fmt: skip
    assert FakeNode(start_services=False).services == {}


def test_queries(node):
    values = node.call("get_parameters", names=["rate", "limits.position"]).values
    assert values[0].double_value == 50.0 and list(values[1].double_array_value) == [1.0]
    assert list(node.call("get_parameter_types", names=["rate"]).types) == [3]
    assert node.call("describe_parameters", names=["rate"]).descriptors[0].name == "rate"


@pytest.mark.parametrize(
    ("service", "field"),
    [("get_parameters", "values"), ("get_parameter_types", "types"), ("describe_parameters", "descriptors")],
)
def test_one_unknown_name_empties_the_answer(node, service, field):
    assert len(getattr(node.call(service, names=["rate", "missing"]), field)) == 0


@pytest.mark.parametrize(
    ("prefixes", "depth", "names", "groups"),
    [
        ([], 0, ["rate", "limits.velocity.max", "limits.position"], ["limits.velocity", "limits"]),
        ([], 1, ["rate"], []),
        ([], 2, ["rate", "limits.position"], ["limits"]),
        (["limits"], 1, ["limits.position"], ["limits"]),
        (["limits"], 0, ["limits.velocity.max", "limits.position"], ["limits.velocity", "limits"]),
        (["rate"], 1, ["rate"], []),
        (["lim"], 0, [], []),
    ],
)
def test_listing(node, prefixes, depth, names, groups):
    result = node.call("list_parameters", prefixes=prefixes, depth=depth).result
    assert (result.names, result.prefixes) == (names, groups)


def test_listing_checks_its_arguments(node):
    for prefixes, depth in (("limits", 0), ([1], 0), ([], 1.0)):
        with pytest.raises(TypeError):
            node.list_parameters(prefixes, depth)
    with pytest.raises(ValueError, match="depth"):
        node.list_parameters([], -1)


def test_setting(node):
    messages = [Parameter("rate", value=v).to_parameter_msg() for v in (20.0, 20)]
    messages.append(Parameter("missing", value=1).to_parameter_msg())
    results = node.call("set_parameters", parameters=messages).results
    assert [result.successful for result in results] == [True, False, False]
    assert "undeclared" in results[2].reason
    result = node.call("set_parameters_atomically", parameters=messages).result
    assert not result.successful and node.get_parameter("rate").value == 20.0


def test_an_impossible_type_number_is_refused_not_raised(node):
    message = Parameter("rate", value=1.0).to_parameter_msg()
    message.value.type = 77
    assert not node.call("set_parameters", parameters=[message]).results[0].successful
