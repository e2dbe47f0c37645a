import copy
from array import array

import numpy as np
import pytest

from policy_nodes.rosless.idl import all_packages, message_class, service_class

pytestmark = pytest.mark.pure

JointState = message_class("sensor_msgs/msg/JointState")
Imu = message_class("sensor_msgs/msg/Imu")
Header = message_class("std_msgs/msg/Header")
Descriptor = message_class("rcl_interfaces/msg/ParameterDescriptor")


def test_defaults_and_types():
    quaternion = message_class("geometry_msgs/msg/Quaternion")()
    assert (quaternion.x, quaternion.w) == (0.0, 1.0)
    state = JointState()
    assert state.name == [] and state.position == array("d") and state.header == Header()
    assert Imu().orientation_covariance.shape == (9,)
    assert message_class("std_msgs/msg/Byte")().data == b"\0"
    assert message_class("std_msgs/msg/ByteMultiArray")().data == []


def test_defaults_are_not_shared():
    first, second = JointState(), JointState()
    first.name.append("a")
    first.header.frame_id = "base"
    assert second == JointState() and first != second


def test_field_types_are_named_as_rosidl_names_them():
    assert JointState.get_fields_and_field_types() == {
        "header": "std_msgs/Header", "name": "sequence<string>", "position": "sequence<double>",
        "velocity": "sequence<double>", "effort": "sequence<double>",
    }  # fmt: skip
    assert Imu.get_fields_and_field_types()["orientation_covariance"] == "double[9]"
    kinds = Descriptor.get_fields_and_field_types()
    assert kinds["integer_range"] == "sequence<rcl_interfaces/IntegerRange, 1>"
    assert kinds["read_only"] == "boolean"
    assert message_class("diagnostic_msgs/msg/DiagnosticStatus").get_fields_and_field_types()["level"] == "octet"
    assert message_class("std_msgs/msg/Empty").get_fields_and_field_types() == {}


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("std_msgs/msg/Float64", "data", 1),
        ("std_msgs/msg/Float64", "data", "1.0"),
        ("std_msgs/msg/Float64", "data", np.float32(1)),
        ("std_msgs/msg/Float32", "data", 1e39),
        ("std_msgs/msg/Int32", "data", 1.0),
        ("std_msgs/msg/Int32", "data", 2**31),
        ("std_msgs/msg/Int32", "data", np.int32(1)),
        ("std_msgs/msg/UInt8", "data", -1),
        ("std_msgs/msg/Bool", "data", 1),
        ("std_msgs/msg/Bool", "data", np.bool_(True)),
        ("std_msgs/msg/Byte", "data", 1),
        ("std_msgs/msg/Byte", "data", b"ab"),
        ("std_msgs/msg/String", "data", b"text"),
        ("std_msgs/msg/Header", "stamp", 1.5),
        ("sensor_msgs/msg/JointState", "name", "joint"),
        ("sensor_msgs/msg/JointState", "name", [1]),
        ("sensor_msgs/msg/JointState", "position", [1, 2]),
        ("sensor_msgs/msg/JointState", "position", np.zeros(3)),
        ("sensor_msgs/msg/JointState", "position", array("f", [1.0])),
        ("sensor_msgs/msg/JointState", "position", 1.0),
        ("sensor_msgs/msg/Imu", "orientation_covariance", [0.0] * 8),
        ("sensor_msgs/msg/Imu", "orientation_covariance", np.zeros(9, dtype=np.float32)),
        ("sensor_msgs/msg/Imu", "orientation_covariance", np.zeros(10)),
        ("sensor_msgs/msg/Image", "data", [256]),
        ("rcl_interfaces/msg/ParameterDescriptor", "integer_range", [None]),
        ("rmw_dds_common/msg/NodeEntitiesInfo", "node_name", "x" * 257),
        ("geometry_msgs/msg/PoseArray", "poses", [Header()]),
    ],
)
def test_wrong_values_raise_as_humble_asserts(name, field, value):
    cls = message_class(name)
    with pytest.raises(AssertionError, match=f"The '{field}' field"):
        setattr(cls(), field, value)
    with pytest.raises(AssertionError, match=f"The '{field}' field"):
        cls(**{field: value})


@pytest.mark.parametrize(
    ("name", "field", "value", "stored"),
    [
        ("std_msgs/msg/Float64", "data", np.float64(2.5), 2.5),
        ("std_msgs/msg/Float32", "data", float("inf"), float("inf")),
        ("std_msgs/msg/Int64", "data", True, 1),
        ("sensor_msgs/msg/JointState", "position", (1.0, 2.0), array("d", [1.0, 2.0])),
        ("sensor_msgs/msg/JointState", "position", np.array([1.0, 2.0]).tolist(), array("d", [1.0, 2.0])),
        ("sensor_msgs/msg/JointState", "name", ("a",), ["a"]),
        ("sensor_msgs/msg/Image", "data", b"\x01\xff", array("B", [1, 255])),
        ("sensor_msgs/msg/Imu", "orientation_covariance", [1.0] * 9, np.ones(9)),
    ],
)
def test_values_rclpy_accepts(name, field, value, stored):
    message = message_class(name)(**{field: value})
    assert np.array_equal(getattr(message, field), stored)
    assert message == message_class(name)(**{field: stored})


def test_two_ranges_in_a_descriptor_are_too_many():
    integer_range = message_class("rcl_interfaces/msg/IntegerRange")
    with pytest.raises(AssertionError, match="at most 1"):
        Descriptor(integer_range=[integer_range(), integer_range()])


def test_unknown_names_and_positional_arguments():
    with pytest.raises(AssertionError, match="postion"):
        JointState(postion=[1.0])
    with pytest.raises(AttributeError):
        JointState().postion = [1.0]
    with pytest.raises(TypeError):
        JointState([1.0])
    with pytest.raises(KeyError, match="not known"):
        message_class("my_msgs/msg/Nothing")
    with pytest.raises(KeyError, match="not known"):
        service_class("std_srvs/srv/Nothing")


def test_equality_copy_and_repr():
    state = JointState(name=["a"], position=[1.0])
    assert copy.deepcopy(state) == state and copy.copy(state) == state
    assert state != JointState(name=["a"], position=[2.0]) and state != Header()
    assert Imu() == Imu() and Imu() != Imu(orientation_covariance=[1.0] * 9)
    assert repr(state).startswith("sensor_msgs.msg.JointState(header=std_msgs.msg.Header(stamp=builtin_int")
    assert repr(state).endswith("name=['a'], position=[1.0], velocity=[], effort=[])")
    with pytest.raises(TypeError, match="unhashable"):
        hash(state)


def test_constants_and_services():
    state = message_class("lifecycle_msgs/msg/State")
    assert state.PRIMARY_STATE_ACTIVE == 3 and state().PRIMARY_STATE_ACTIVE == 3
    assert message_class("diagnostic_msgs/msg/DiagnosticStatus").ERROR == b"\x02"
    trigger = service_class("std_srvs/srv/Trigger")
    assert trigger.Request() is not None and trigger.Response(success=True, message="done").message == "done"
    assert trigger.Event.get_fields_and_field_types()["request"] == "sequence<std_srvs/Trigger_Request, 1>"
    with pytest.raises(NotImplementedError):
        trigger()


def test_packages():
    packages = all_packages()
    assert packages["sensor_msgs"]["msg"]["JointState"] is JointState
    assert packages["std_srvs"]["srv"]["Trigger"] is service_class("std_srvs/srv/Trigger")
    assert packages["std_srvs"]["srv"]["Trigger_Request"] is service_class("std_srvs/srv/Trigger").Request
    assert all(cls._ROS_TYPE.split("/")[0] == p for p, g in packages.items() for t in g.values() for cls in t.values())
