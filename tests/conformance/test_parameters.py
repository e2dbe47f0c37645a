import pytest
from rcl_interfaces.msg import FloatingPointRange, ParameterDescriptor, ParameterEvent, ParameterType
from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters, SetParameters, SetParametersAtomically
from rclpy.exceptions import (
    InvalidParameterTypeException,
    ParameterNotDeclaredException,
    ParameterUninitializedException,
)
from rclpy.node import Node
from rclpy.parameter import Parameter

pytestmark = pytest.mark.ros


@pytest.fixture
def call(node, spin_until):
    """Call a parameter service of the node ``arm``."""

    def call_(server, srv_type, name, **request):
        client = node.create_client(srv_type, f"{server.get_fully_qualified_name()}/{name}")
        assert client.wait_for_service(timeout_sec=10.0)
        future = client.call_async(srv_type.Request(**request))
        assert spin_until(future.done, node, server)
        node.destroy_client(client)
        return future.result()

    return call_


@pytest.fixture
def arm(ros):
    made = Node("arm", namespace="/ns")
    made.declare_parameter("rate", 50.0)
    made.declare_parameter("limits.velocity", [1.0, 2.0])
    yield made
    made.destroy_node()


def test_remote_get_set_describe_list(arm, call):
    values = call(arm, GetParameters, "get_parameters", names=["rate", "limits.velocity"]).values
    assert values[0].type == ParameterType.PARAMETER_DOUBLE and values[0].double_value == 50.0
    assert list(values[1].double_array_value) == [1.0, 2.0]
    wanted = [Parameter("rate", value=value).to_parameter_msg() for value in (20.0, 20, "fast")]
    results = call(arm, SetParameters, "set_parameters", parameters=wanted).results
    assert [result.successful for result in results] == [True, False, False]
    assert arm.get_parameter("rate").value == 20.0
    listed = call(arm, ListParameters, "list_parameters", prefixes=["limits"], depth=1).result
    assert list(listed.names) == ["limits.velocity"]
    descriptor = call(arm, DescribeParameters, "describe_parameters", names=["rate"]).descriptors[0]
    assert (descriptor.name, descriptor.type) == ("rate", ParameterType.PARAMETER_DOUBLE)


def test_remote_atomic_set_is_all_or_nothing(arm, call):
    wanted = [Parameter("rate", value=10.0), Parameter("limits.velocity", value=[1])]
    messages = [parameter.to_parameter_msg() for parameter in wanted]
    result = call(arm, SetParametersAtomically, "set_parameters_atomically", parameters=messages).result
    assert not result.successful and arm.get_parameter("rate").value == 50.0


def test_remote_unknown_parameter(arm, call):
    assert len(call(arm, GetParameters, "get_parameters", names=["rate", "missing"]).values) == 0
    message = Parameter("missing", value=1).to_parameter_msg()
    assert not call(arm, SetParameters, "set_parameters", parameters=[message]).results[0].successful


def test_changes_are_announced(arm, node, spin_until):
    events = []
    node.create_subscription(ParameterEvent, "/parameter_events", events.append, 10)
    assert spin_until(lambda: node.count_publishers("/parameter_events") >= 2, node)
    spin_until(lambda: False, node, timeout=0.3)  # matching on both sides
    arm.set_parameters([Parameter("rate", value=25.0)])
    assert spin_until(lambda: any(e.node == "/ns/arm" and e.changed_parameters for e in events), node)
    change = next(e for e in events if e.node == "/ns/arm" and e.changed_parameters)
    assert change.changed_parameters[0].value.double_value == 25.0 and change.stamp.sec > 0


def test_command_line_and_files(ros, tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(
        "/**: {ros__parameters: {tolerance: 1e-3, label: 1_000, on_off: on, empty: ''}}\n"
        "arm: {ros__parameters: {gains: [1.0, 2.5], nested: {deep: 3}}}\n"
        "other: {ros__parameters: {nested: {deep: 9}}}\n"
    )
    arguments = ["--ros-args", "--params-file", str(path), "-p", "speed:=2.5", "-p", "tolerance:=0.5"]
    arm = Node("arm", cli_args=arguments, automatically_declare_parameters_from_overrides=True)
    names = ["tolerance", "label", "on_off", "gains", "nested.deep", "speed", "empty"]
    values = [arm.get_parameter(name).value for name in names]
    assert values == [0.5, "1_000", True, [1.0, 2.5], 3, 2.5, ""]
    arm.destroy_node()


def test_an_integer_for_a_double_raises(ros):
    arm = Node("arm", cli_args=["--ros-args", "-p", "rate:=50"])
    with pytest.raises(InvalidParameterTypeException):
        arm.declare_parameter("rate", 10.0)
    arm.destroy_node()


def test_constructor_overrides_win(ros):
    arm = Node("arm", cli_args=["--ros-args", "-p", "rate:=1.0"], parameter_overrides=[Parameter("rate", value=2.0)])
    assert arm.declare_parameter("rate", 0.0).value == 2.0
    arm.destroy_node()


def test_rules_of_access(node):
    with pytest.raises(ParameterNotDeclaredException):
        node.get_parameter("missing")
    node.declare_parameter("bundle", Parameter.Type.STRING)
    with pytest.raises(ParameterUninitializedException):
        node.get_parameter("bundle")
    bounds = FloatingPointRange(from_value=0.0, to_value=1.0, step=0.0)
    node.declare_parameter("share", 0.5, ParameterDescriptor(floating_point_range=[bounds], read_only=False))
    assert not node.set_parameters([Parameter("share", value=1.5)])[0].successful
    node.declare_parameter("joints", ["a"], ParameterDescriptor(read_only=True))
    assert not node.set_parameters([Parameter("joints", value=["b"])])[0].successful
