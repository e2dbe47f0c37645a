from types import SimpleNamespace

import pytest
from rosbags.interfaces.__init__ import Nodetype

from policy_nodes.rosless.idl import message_class, rihs01, service_class
from policy_nodes.rosless.idl.hashing import hash_of, type_description
from policy_nodes.rosless.idl.model import specs

from .random_messages import STORE

pytestmark = pytest.mark.pure

# rosbags hashes `char` as CHAR; rosidl maps it to uint8, as the published graph hash below confirms
CHAR = {
    "std_msgs/msg/Char", "service_msgs/msg/ServiceEventInfo", "rmw_dds_common/msg/Gid",
    "rmw_dds_common/msg/NodeEntitiesInfo", "rmw_dds_common/msg/ParticipantEntitiesInfo",
}  # fmt: skip
PLAIN = sorted(name for name in specs()[0] if name in STORE.fielddefs)


@pytest.mark.parametrize("name", PLAIN)
def test_message_hashes_equal_an_independent_implementation(name):
    assert (STORE.hash_rihs01(name) == hash_of(name)) is (name not in CHAR)


@pytest.mark.parametrize("name", [name for name in PLAIN if not name.endswith("/FieldType")])  # numbers type kinds
def test_constants_equal_an_independent_implementation(name):
    theirs = {label: bytes([value]) if kind == "byte" else value for label, kind, value in STORE.fielddefs[name][0]}
    assert specs()[0][name].constants == theirs


@pytest.mark.parametrize("name", sorted(specs()[1]))
def test_service_hashes_equal_an_independent_hash_of_the_same_structure(name):
    """rosbags knows no services: give its hash the request, response and event as plain structures."""
    uint8 = (Nodetype.BASE, ("uint8", 0))
    fields = {n: d[1] for n, d in STORE.fielddefs.items()}
    fields["service_msgs/msg/ServiceEventInfo"] = [
        (key, ((Nodetype.ARRAY, (uint8, 16)) if key == "client_gid" else desc))
        for key, desc in fields["service_msgs/msg/ServiceEventInfo"]
    ]

    def describe(ftype):
        base = (Nodetype.NAME, ftype.base) if ftype.nested else (Nodetype.BASE, (ftype.base, ftype.string_bound))
        if ftype.kind == "single":
            return base
        return (Nodetype.ARRAY if ftype.kind == "array" else Nodetype.SEQUENCE, (base, ftype.size))

    parts = specs()[1][name].members
    for full in parts.values():
        fields[full] = [(field.name, describe(field.type)) for field in specs()[0][full].wire_fields]
    fields[name] = [(f"{part.lower()}_message", (Nodetype.NAME, full)) for part, full in parts.items()]
    fake = SimpleNamespace(fielddefs={key: ([], value) for key, value in fields.items()})
    assert type(STORE).hash_rihs01(fake, name) == rihs01(service_class(name))


def test_published_hashes():
    """Values printed in the rmw_zenoh design document and by `ros2 topic info -v` on Jazzy."""
    assert rihs01(message_class("std_msgs/msg/String")) == (
        "RIHS01_df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18"
    )
    assert rihs01(service_class("example_interfaces/srv/AddTwoInts")) == (
        "RIHS01_e118de6bf5eeb66a2491b5bda11202e7b68f198d6f67922cf30364858239c81a"
    )
    assert rihs01(message_class("rmw_dds_common/msg/ParticipantEntitiesInfo")) == (
        "RIHS01_91a0593bacdcc50ea9bdcf849a938b128412cc1ea821245c663bcd26f83c295e"
    )


def test_description_lists_each_reference_once_and_sorted():
    description = type_description("geometry_msgs/msg/TransformStamped")
    names = [entry["type_name"] for entry in description["referenced_type_descriptions"]]
    assert names == [
        "builtin_interfaces/msg/Time", "geometry_msgs/msg/Quaternion", "geometry_msgs/msg/Transform",
        "geometry_msgs/msg/Vector3", "std_msgs/msg/Header",
    ]  # fmt: skip
