import struct

import pytest

from policy_nodes.rosless.idl.layout import Position, Source, padded_struct, smallest_size, struct_table
from policy_nodes.rosless.idl.model import FieldType

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("run", "offset", "text"),
    [("Bd", 0, "<Bxxxxxxxd"), ("Bd", 7, "<Bd"), ("IHB", 0, "<IHB"), ("BI", 1, "<BxxI"),
     ("BHd", 3, "<BHxxd"), ("d", 4, "<xxxxd")],
)  # fmt: skip
def test_padding_is_explicit(run, offset, text):
    assert padded_struct(run, offset).format == text


def test_native_alignment_agrees_at_offset_zero():
    for run in ("Bd", "BHIQ", "QBIBHd", "?h?q"):
        assert padded_struct(run, 0).size == struct.calcsize("@" + run)


def test_position_is_exact_while_known():
    position = Position()
    assert position.advance("iI") == 0 and (position.modulus, position.residue) == (8, 0)
    assert position.advance("B") == 0 and position.residue == 1
    assert position.pad(4) == 3 and position.advance("d") == 1 and position.residue == 0


def test_position_after_text_is_unknown_until_something_wide():
    position = Position()
    position.forget(1)
    assert position.pad(1) == 0 and position.pad(4) is None
    assert position.advance("BI") is None and (position.modulus, position.residue) == (4, 0)
    assert position.advance("H") == 0 and position.pad(4) == 2 and position.advance("d") is None
    assert (position.modulus, position.residue) == (8, 0)


@pytest.mark.parametrize("run", ["BI", "dB", "BHd", "IHB", "BdH"])
def test_end_of_a_run_is_the_same_modulo_its_widest_member(run):
    widest = max(struct.calcsize(char) for char in run)
    assert len({(start + table.size) % widest for start, table in enumerate(struct_table(run))}) == 1


@pytest.mark.parametrize(
    ("base", "size"),
    [
        ("string", 4), ("float64", 8), ("std_msgs/msg/Empty", 1), ("std_msgs/msg/Header", 12),
        ("sensor_msgs/msg/Imu", 12 + 8 * 10 + 27 * 8), ("rmw_dds_common/msg/Gid", 16),
    ],
)  # fmt: skip
def test_smallest_size_bounds_what_a_count_may_claim(base, size):
    assert smallest_size(FieldType(base)) == size


def test_source_names_never_collide():
    source = Source()
    assert len({source.fresh("v") for _ in range(5)} | {source.bind("v", 1)}) == 6
    source.lines.append("def f(): return " + source.bind("c", 42))
    assert source.compile("f")() == 42
