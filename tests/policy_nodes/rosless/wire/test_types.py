import pytest

from policy_nodes.rosless.idl import all_packages, message_class, serialize, service_class
from policy_nodes.rosless.wire.types import dds_type_name, idl_struct, ros_type_name

pytestmark = pytest.mark.pure

JOINT_STATE = "sensor_msgs/msg/JointState"


def test_names():
    assert dds_type_name(JOINT_STATE) == "sensor_msgs::msg::dds_::JointState_"
    assert ros_type_name("sensor_msgs::msg::dds_::JointState_") == JOINT_STATE
    assert ros_type_name("Foo") is None and ros_type_name("a::b::c::d") is None


def test_every_message_has_a_dds_type():
    for groups in all_packages().values():
        for cls in groups["msg"].values():
            struct = idl_struct(cls)
            assert struct.__idl__.idl_transformed_typename == dds_type_name(cls._ROS_TYPE)
            struct.__idl__.populate()


def test_service_types_carry_the_header_first():
    service = service_class("std_srvs/srv/Trigger")
    fields = list(idl_struct(service.Request, True).__dataclass_fields__)
    assert fields == ["client_guid_", "sequence_number_", "structure_needs_at_least_one_member_"]
    assert list(idl_struct(service.Response, True).__dataclass_fields__)[2:] == ["success_", "message_"]


@pytest.mark.parametrize("values", [{}, {"name": ["a", "bc"], "position": [1.0, -2.0], "velocity": [0.5]}])
def test_the_declared_structure_is_the_one_on_the_wire(values):
    """cyclonedds' own coder, fed the declared structure, must produce the bytes of our codec."""
    import dataclasses

    from cyclonedds.idl import IdlStruct, make_idl_struct

    def twin(struct):
        fields = {}
        for field in dataclasses.fields(struct):
            nested = isinstance(field.type, type) and issubclass(field.type, IdlStruct)
            fields[field.name] = twin(field.type) if nested else field.type
        return make_idl_struct(struct.__name__ + "Twin", "Twin" + struct.__name__, fields)

    message = message_class(JOINT_STATE)(**values)
    cls = twin(idl_struct(type(message)))
    header_cls = cls.__dataclass_fields__["header_"].type
    stamp_cls = header_cls.__dataclass_fields__["stamp_"].type
    native = cls(
        header_=header_cls(stamp_=stamp_cls(sec_=0, nanosec_=0), frame_id_=""),
        name_=list(message.name),
        position_=list(message.position),
        velocity_=list(message.velocity),
        effort_=list(message.effort),
    )
    assert native.serialize(use_version_2=False)[4:] == serialize(message)[4:]
