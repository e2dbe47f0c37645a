import pytest

from policy_nodes.rosless.idl.model import Field, FieldType, parse_message, parse_type, specs

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("float64", FieldType("float64")),
        ("char", FieldType("uint8")),
        ("float64[9]", FieldType("float64", "array", 9)),
        ("string[]", FieldType("string", "sequence")),
        ("string<=255", FieldType("string", string_bound=255)),
        ("Range[<=1]", FieldType("pkg/msg/Range", "bounded", 1)),
        ("std_msgs/Header", FieldType("std_msgs/msg/Header")),
        ("string<=8[<=3]", FieldType("string", "bounded", 3, 8)),
    ],
)
def test_types(text, parsed):
    assert parse_type(text, "pkg") == parsed


@pytest.mark.parametrize("text", ["float64[", "a b", "", "float64[x]", "string<=", "float64[]]"])
def test_what_is_no_type(text):
    with pytest.raises(ValueError, match="not an interface type"):
        parse_type(text, "pkg")


def test_members_constants_and_defaults():
    spec = parse_message("pkg/msg/X", "uint8 A=1; byte B=2; float64 w=1; bool on=true; X[] children; string name")
    assert spec.constants == {"A": 1, "B": b"\x02"}
    assert spec.fields == (
        Field("w", FieldType("float64"), 1.0),
        Field("on", FieldType("bool"), True),
        Field("children", FieldType("pkg/msg/X", "sequence")),
        Field("name", FieldType("string")),
    )
    assert parse_message("pkg/msg/E", "").wire_fields[0].name == "structure_needs_at_least_one_member"


def test_every_reference_in_the_tables_exists():
    messages, services = specs()
    for spec in messages.values():
        for field in spec.fields:
            assert not field.type.nested or field.type.base in messages, (spec.name, field)
    assert all(full in messages for service in services.values() for full in service.members.values())
    assert len(messages) - 3 * len(services) == 96
